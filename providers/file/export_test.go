package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

func TestExport(t *testing.T) {
	w := newWorld(t)
	w.put("out/plain", "text ü €\n")
	w.put("out/sub/bytes", "\xff\x00")
	w.put("out/sub/combined", "e\u0301")
	w.put("out/run", "#!/bin/sh\n")
	w.put("out/private/key", "k")
	w.put("out/invisible\x01", "x")
	w.put("out/large", strings.Repeat("x", maxExported+1))
	for name, mode := range map[string]os.FileMode{"out/run": 0o755, "out/private": 0o700} {
		if err := os.Chmod(w.path(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(w.path("out/empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", w.path("out/link")); err != nil {
		t.Skip(err)
	}
	c, err := w.session(map[string]any{"root": "out"}, abi.PhaseRead)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.ExportAnswer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"root": "out",
		"file": map[string]any{
			"plain":        map[string]any{"content": "text ü €\n"},
			"sub/bytes":    map[string]any{"content_base64": "/wA="},
			"sub/combined": map[string]any{"content_base64": "ZcyB"},
			"run":          map[string]any{"content": "#!/bin/sh\n", "mode": "0755"},
			"private/key":  map[string]any{"content": "k"},
		},
		"directory": map[string]any{"empty": map[string]any{}, "private": map[string]any{"mode": "0700"}},
	}
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Error(diff)
	}
	for _, left := range []string{"invisible", "out/large", "out/link"} {
		if !strings.Contains(strings.Join(got.Warnings, "\n"), left) {
			t.Errorf("%s is left out without a word: %v", left, got.Warnings)
		}
	}
}

func TestExportOfNothing(t *testing.T) {
	w := newWorld(t)
	c, err := w.session(map[string]any{"root": "out"}, abi.PhaseRead)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"root": "out", "file": map[string]any{}, "directory": map[string]any{}}, got); diff != "" {
		t.Error(diff)
	}
}
