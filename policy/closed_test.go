package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// TestFailsClosed runs every file of testdata/policy/closed: policies and plans
// that other tools let pass without a word. The second line of a file says what
// happens here: an error when policies are loaded or the plan is read, or a
// denial. Each denial is asked for with and without rule indexing.
func TestFailsClosed(t *testing.T) {
	files, err := filepath.Glob("../testdata/policy/closed/*.txtar")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, line, _ := strings.Cut(strings.TrimSpace(string(archive.Comment)), "\n")
			kind, want, ok := strings.Cut(line, ": ")
			if !ok || want == "" && kind != "load" {
				t.Fatalf("%s: the second line says nothing", file)
			}
			failsClosed(t, archive, kind, want)
		})
	}
}

func failsClosed(t *testing.T, archive *txtar.Archive, kind, want string) {
	dir := t.TempDir()
	review := reviewOf(action("create", "a"), action("create", "b"))
	var readErr error
	for _, f := range archive.Files {
		if f.Name == "review.json" {
			review, readErr = ReadReview(f.Data)
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if kind == "read" {
		expect(t, readErr, want)
		return
	}
	if readErr != nil {
		t.Fatal(readErr)
	}
	e, err := Load(t.Context(), Options{Paths: []string{filepath.Join(dir, "policy")}, Now: testNow, Deadline: 2 * time.Second})
	if kind == "load" {
		expect(t, err, want)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	denied(t, e, review, kind, want)
}

func denied(t *testing.T, e *Engine, review reconcile.Review, kind, want string) {
	for _, e.index = range []bool{false, true} {
		if e.index && strings.HasSuffix(t.Name(), "-indexed") {
			continue // what the index does wrong is why the gate has none
		}
		d, err := e.Review(t.Context(), review)
		if d.Allowed {
			t.Fatalf("allowed (with index: %v): %s", e.index, told(d))
		}
		if kind == "error" {
			expect(t, err, want)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.ReplaceAll(told(d), `\"`, `"`), want) || len(d.Denials())+approvals(d) == 0 {
			t.Errorf("denied (with index: %v) with\n%s\nwant %s", e.index, told(d), want)
		}
	}
}

func approvals(d reconcile.Decision) int {
	n := 0
	for _, f := range d.Findings {
		if f.Level == reconcile.LevelApproval {
			n++
		}
	}
	return n
}

func expect(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error\n%v\nwant %s", err, want)
	}
}

func TestSymbolicLinksAreRefused(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.rego")
	if err := os.WriteFile(outside, []byte("package main\n\ndeny contains \"x\" if true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "policy")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(inside, "a.rego")); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{inside, filepath.Join(inside, "a.rego")} {
		_, err := Load(t.Context(), Options{Paths: []string{path}, Now: testNow})
		expect(t, err, "this is a symbolic link")
	}
}
