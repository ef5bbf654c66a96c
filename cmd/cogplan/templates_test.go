package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/scaffold"
)

// compilers are what a template needs, by language.
var compilers = map[string][]string{
	"assemblyscript": {"make", "npm"},
	"c":              {"make", "clang", "wasm-ld"},
	"go":             {"make", "go"},
	"rust":           {"make", "cargo", "wasm-ld"},
}

// Each template builds with the real compiler, passes the test of providers, and does
// with many objects and with odd ones what the others do.
func TestTemplates(t *testing.T) {
	for _, language := range scaffold.Languages() {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			for _, tool := range compilers[language] {
				if _, err := exec.LookPath(tool); err != nil {
					if os.Getenv("CI") == "true" {
						t.Fatalf("%s is missing: run scripts/deps.sh", tool)
					}
					t.Skipf("NOT TESTED with %s: it is missing; `make deps` installs it", tool)
				}
			}
			if len(compilers[language]) == 0 {
				t.Fatal("nobody says what it needs")
			}
			buildTemplate(t, language)
		})
	}
}

func buildTemplate(t *testing.T, language string) {
	t.Helper()
	m := &module{t: t, dir: t.TempDir()}
	args := []string{"provider", "new", "notes", "-lang", language}
	if language == "go" {
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "-sdk", root)
	}
	m.run(0, args...)
	m.dir = filepath.Join(m.dir, "notes")
	cmd := exec.Command("make", "test")
	cmd.Dir, cmd.Env = m.dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")
	out, err := cmd.CombinedOutput()
	lacks := strings.Contains(string(out), "no Rust has a library for WebAssembly") || strings.Contains(string(out), "'errno.h' file not found")
	if err != nil && lacks && os.Getenv("CI") != "true" {
		t.Skip("NOT TESTED: the compiler has no library for WebAssembly; `make deps` installs it")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantText(t, string(out), "ok    2-update: round trip: nothing to change after an apply", "ok    destroy: nothing is left of it")
	if strings.Contains(string(out), "FAIL") || strings.Contains(string(out), "warn") {
		t.Errorf("it does not pass its own test:\n%s", out)
	}
	tryTemplate(m)
}

const templateModule = `
provider "notes" {
  source = "./notes.wasm"
  allow { write = ["./out"] }
}
resource "notes" "many" {
  prune = true
  dir   = "DIR"
  notes = { for i in range(COUNT) : format("n%04d", i) => "grüße ${i}, und \"mehr\"\n" }
}
`

// tryTemplate has the provider of a template do what its test does not: several
// batches, a file that changes while it is applied, and what is wrong.
func tryTemplate(m *module) {
	t, write := m.t, func(dir string, count int) {
		m.t.Helper()
		m.write(strings.NewReplacer("DIR", dir, "COUNT", fmt.Sprint(count)).Replace(templateModule))
	}
	t.Helper()
	write("./out", 1500)
	m.run(0, "apply", "-auto-approve")
	m.settled()
	if text, err := os.ReadFile(filepath.Join(m.dir, "out", "n1499")); err != nil || string(text) != "grüße 1499, und \"mehr\"\n" {
		t.Errorf("a note holds %q, %v", text, err)
	}
	// What exists and is not recorded is found, and taken over.
	if err := os.RemoveAll(filepath.Join(m.dir, ".cog")); err != nil {
		t.Fatal(err)
	}
	m.settled()
	m.run(0, "apply", "-auto-approve")
	// What is no text is no note; the mistake is blamed on its argument.
	note := filepath.Join(m.dir, "out", "n0007")
	if err := os.WriteFile(note, []byte("\xff\xfe"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantText(t, m.run(1, "plan"), "out/n0007 holds no text")
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	wantText(t, m.run(0, "plan"), `+ note "n0007"`, "1 to create")
	m.write(strings.Replace(m.source(), `format("n%04d", i)`, `format("n/%04d", i)`, 1))
	wantText(t, m.run(1, "plan"), "main.hcl:9:3", "a name is that of a file")
	write("./out", 3)
	wantText(t, m.run(3, "apply", "-auto-approve"), "more than the share of")
	m.run(0, "destroy", "-auto-approve")
	if left, _ := filepath.Glob(filepath.Join(m.dir, "out", "*")); len(left) > 0 {
		t.Errorf("a destroy leaves %v", left)
	}
}
