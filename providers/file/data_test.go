package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk/sdktest"
)

// data answers a data block.
func (w *world) data(body map[string]any) (map[string]any, error) {
	w.t.Helper()
	client := sdktest.NewClient(w.dial(w.t, w.dir, false))
	request := &abi.OpenRequest{Address: "data.file.x", Kind: abi.KindData, Phase: abi.PhaseRead, Body: body, Features: w.features}
	if err := client.Open(w.t.Context(), request); err != nil {
		w.t.Fatal(err)
	}
	batch, err := client.FetchLive(w.t.Context())
	if err != nil {
		return nil, err
	}
	if len(batch.Objects) > 0 {
		w.t.Errorf("data has objects: %v", batch.Objects)
	}
	return batch.Outputs, nil
}

func TestDataReadsFile(t *testing.T) {
	w := newWorld(t)
	w.put("in/motd", "hello\n")
	got, err := w.data(map[string]any{"path": "./in/motd"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"type": "file", "content": "hello\n", "content_base64": "aGVsbG8K", "size": int64(6), "permissions": "0644", "files": []any{},
		"sha256": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDataListsDirectory(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"in/b.html", "in/a/c.html", "in/a/d.txt", "in/old/e.html"} {
		w.put(name, name)
	}
	got, err := w.data(map[string]any{"path": "in", "include": []any{"**/*.html"}, "exclude": []any{"old"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"a/c.html", "b.html"}, got["files"]); diff != "" || got["type"] != "directory" || got["content"] != nil {
		t.Error(diff, got)
	}
}

func TestDataGivesNoContentOfWhatIsNoSmallText(t *testing.T) {
	w := newWorld(t)
	w.put("binary", "\xff\x00")
	w.put("large", strings.Repeat("x", maxData+1))
	binary, err := w.data(map[string]any{"path": "binary"})
	if err != nil || binary["content"] != nil || binary["content_base64"] != "/wA=" {
		t.Error(binary, err)
	}
	large, err := w.data(map[string]any{"path": "large"})
	if err != nil || large["content"] != nil || large["content_base64"] != nil || large["size"] != int64(maxData+1) || large["sha256"] == "" {
		t.Error(large["size"], err)
	}
}

func TestDataRefuses(t *testing.T) {
	w := newWorld(t)
	w.put("file", "x")
	if err := os.Symlink("file", w.path("link")); err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"missing": "there is no such file", "link": "symbolic link", "../file": "leaves the module's directory", "": "the path is empty",
	} {
		if _, err := w.data(map[string]any{"path": place}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", place, err, want)
		}
	}
	if _, err := w.data(map[string]any{"path": ".", "include": []any{"[a"}}); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Error(err)
	}
}
