package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTutorial runs every command of docs/providers.md, one block after the other
// in one shell, and writes the files that it shows.
func TestTutorial(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "work"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(dir, "cogplan")); err != nil {
		t.Skip(err)
	}
	script := "set -e\ncd work\n"
	blocks := regexp.MustCompile("(?s)```([^\n]*)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	commands := 0
	for _, block := range blocks {
		switch kind, name, _ := strings.Cut(block[1], " file="); kind {
		case "sh":
			script += block[2]
			commands += strings.Count(block[2], "\n")
		case "hcl":
			// The shell stands in the folder whose name the file has.
			script += "cat > " + filepath.Base(name) + " <<'END'\n" + block[2] + "END\n"
		}
	}
	if commands < 10 {
		t.Fatalf("the page has %d commands", commands)
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "COGPLAN_ACTOR=tester", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"ok    2-update: round trip: nothing to change after an apply", "ok    destroy: nothing is left of it",
		"effect: write out/hello.txt", "Hello", "No changes",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "FAIL") || strings.Contains(string(out), "warn") {
		t.Errorf("the template does not pass its own test:\n%s", out)
	}
}
