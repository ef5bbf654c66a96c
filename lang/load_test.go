package lang_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/lang"
)

func TestLoadRefusesWhatIsNoFileOfTheModule(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
	outside := filepath.Join(t.TempDir(), "secret.hcl")
	if err := os.WriteFile(outside, []byte("top secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := writeModule(t, map[string]string{"main.hcl": provider, "real.txt": "locals {\n  a = 1\n}\n"})
	for link, target := range map[string]string{"bad.hcl": outside, "good.hcl": "real.txt", "dangling.hcl": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.hcl"), 0o755); err != nil {
		t.Fatal(err)
	}
	m, diags := lang.Load(dir)
	got := show(m, diags)
	for _, want := range []string{"bad.hcl", "dangling.hcl", "dir.hcl", "leaves the module's directory", "is not a regular file"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "top secret") || strings.Contains(got, "good.hcl") || len(diags) != 3 {
		t.Errorf("got:\n%s", got)
	}
}

func TestLoadAcceptsByteOrderMarkAndCRLF(t *testing.T) {
	m, diags := load(t, map[string]string{"main.hcl": "\xef\xbb\xbf" + strings.ReplaceAll(provider, "\n", "\r\n")})
	if len(diags) > 0 {
		t.Error(show(m, diags))
	}
}

func TestLoadRefusesDeepNesting(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, text := range map[string]string{
		"main.hcl":      "locals {\n  a = " + deep + "\n}\n",
		"a.hcl":         strings.Repeat("a {\n", 10_000) + strings.Repeat("}\n", 10_000),
		"b.hcl":         "locals {\n  a = " + strings.Repeat("!", 10_000) + "true\n}\n",
		"main.hcl.json": `{"locals": {"a": ` + deep + `}}`,
		"c.hcl.json":    `{"locals": {"a": "${` + strings.Repeat("(", 10_000) + `1"}}`,
		"d.hcl.json":    `{"variable": {"a": {"type": "` + strings.Repeat("list(", 10_000) + `"}}}`,
	} {
		m, diags := load(t, map[string]string{name: text})
		if got := show(m, diags); !diags.HasErrors() || !strings.Contains(got, "deep") && !strings.Contains(got, "too long") {
			t.Errorf("%s: got %v", name, diags)
		}
	}
}

func TestLoadRefusesLargeFiles(t *testing.T) {
	dir := writeModule(t, map[string]string{"main.hcl": "# " + strings.Repeat("x", 17<<20)})
	m, diags := lang.Load(dir)
	if len(diags) != 1 || !strings.Contains(show(m, diags), "larger than 16 MiB") {
		t.Errorf("got %v", diags)
	}
}
