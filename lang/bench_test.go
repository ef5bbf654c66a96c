package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/lang"
)

// writeModule writes a module and returns its directory.
func writeModule(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func oneResource(i int) string {
	return fmt.Sprintf(`resource "file" "r%d" {
  prune = true
  root  = "./out/${var.env}/%d"
  file "index.html" {
    content = "hello ${local.name} %d"
    mode    = "0644"
  }
}
`, i, i, i)
}

const common = provider + `variable "env" { default = "prod" }
locals { name = "site-${var.env}" }
`

func inOneFile(n int) map[string]string {
	var sb strings.Builder
	sb.WriteString(common)
	for i := range n {
		sb.WriteString(oneResource(i))
	}
	return map[string]string{"main.hcl": sb.String()}
}

func inManyFiles(n, files int) map[string]string {
	out := map[string]string{"main.hcl": common}
	for f := range files {
		var sb strings.Builder
		for i := range n / files {
			sb.WriteString(oneResource(f*(n/files) + i))
		}
		out[fmt.Sprintf("f%d.hcl", f)] = sb.String()
	}
	return out
}

func chain(n int) map[string]string {
	var sb strings.Builder
	sb.WriteString(common + `resource "file" "r0" { root = "x" }` + "\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&sb, "resource \"file\" \"r%d\" { root = file.r%d.root }\n", i, i-1)
	}
	return map[string]string{"main.hcl": sb.String()}
}

func oneForEach(n int) map[string]string {
	return map[string]string{"main.hcl": common + fmt.Sprintf(`resource "file" "many" {
  for_each = toset([for i in range(%d) : "key-${i}"])
  root     = "./out/${each.key}"
  file "index.html" { content = "hello ${local.name} ${each.value}" }
}
resource "file" "more" {
  for_each = file.many
  root     = file.many[each.key].root
}
`, n/2)}
}

func manyBlocks(n int) map[string]string {
	var sb strings.Builder
	sb.WriteString(common + "resource \"file\" \"site\" {\n  root = \"x\"\n")
	text := strings.Repeat("0123456789abcdef", 64)
	for i := range n {
		fmt.Fprintf(&sb, "  file \"f%d.txt\" { content = \"%s\" }\n", i, text)
	}
	sb.WriteString("}\n")
	return map[string]string{"main.hcl": sb.String()}
}

func modules(n int) map[string]string {
	var sb strings.Builder
	sb.WriteString(provider)
	for i := range n {
		fmt.Fprintf(&sb, "module \"m%d\" {\n  source = \"./child\"\n  env = \"e%d\"\n}\n", i, i)
	}
	child := `variable "env" {}
locals { name = "site-${var.env}" }
` + oneResource(1) + oneResource(2) + `output "root" { value = file.r1.root }`
	return map[string]string{"main.hcl": sb.String(), "child/main.hcl": child}
}

func BenchmarkValidate(b *testing.B) {
	cases := map[string]map[string]string{
		"10000-in-one-file":   inOneFile(10_000),
		"10000-in-1000-files": inManyFiles(10_000, 1000),
		"1000-in-one-file":    inOneFile(1000),
		"chain-of-1000":       chain(1000),
		"chain-of-10000":      chain(10_000),
		"for-each-10000":      oneForEach(10_000),
		"5000-blocks-of-1KiB": manyBlocks(5000),
		"100-modules":         modules(100),
	}
	for name, files := range cases {
		b.Run(name, func(b *testing.B) {
			dir := writeModule(b, files)
			b.ReportAllocs()
			for b.Loop() {
				m, diags := lang.Load(dir)
				if diags.HasErrors() {
					b.Fatal(diags.Error())
				}
				if _, diags := m.Evaluate(lang.EvalOptions{Schemas: schemas}); diags.HasErrors() {
					b.Fatal(diags.Error())
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, files := range map[string]map[string]string{"10000-in-one-file": inOneFile(10_000), "5000-blocks-of-1KiB": manyBlocks(5000)} {
		b.Run(name, func(b *testing.B) {
			dir := writeModule(b, files)
			b.ReportAllocs()
			for b.Loop() {
				if _, diags := lang.Load(dir); diags.HasErrors() {
					b.Fatal(diags.Error())
				}
			}
		})
	}
}

// BenchmarkDecode evaluates 5,000 blocks of 1 KiB that are parsed already.
func BenchmarkDecode(b *testing.B) {
	m, diags := lang.Load(writeModule(b, manyBlocks(5000)))
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	b.ReportAllocs()
	for b.Loop() {
		ev, diags := m.Evaluate(lang.EvalOptions{Schemas: schemas})
		if diags.HasErrors() {
			b.Fatal(diags)
		}
		if _, err := ev.Config(b.Context(), "file.site"); err != nil {
			b.Fatal(err)
		}
	}
}
