package lang_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/lang"
)

const navigated = provider + `variable "env" { default = "x" }
locals { name = var.env }
resource "file" "site" {
  root = "${local.name}/${var.env}"
  file "a" {
    content = file.base.root
  }
}
resource "file" "base" { root = "x" }
`

func navigate(t *testing.T, text string) (*lang.Module, string) {
	t.Helper()
	m, _ := load(t, map[string]string{"main.hcl": text})
	return m, filepath.Join(m.Dir(), "main.hcl")
}

func TestSymbols(t *testing.T) {
	m, name := navigate(t, navigated)
	var got []string
	for _, s := range m.Symbols() {
		got = append(got, string(s.Kind)+" "+s.Name)
	}
	want := []string{"provider provider.file", "variable var.env", "local local.name", "resource file.site", "resource file.base"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	at := strings.Index(navigated, "file.base.root")
	def, ok := m.Definition(name, at+2)
	if !ok || def.Start.Line != 12 {
		t.Errorf("definition %v %v", def, ok)
	}
	refs := m.References(name, strings.Index(navigated, `variable "env"`)+3)
	if len(refs) != 2 || refs[0].Start.Line != 5 || refs[1].Start.Line != 7 {
		t.Errorf("references %v", refs)
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"variables", "variable \"env\" {}\nvariable \"zone\" {}\nlocals {\n  a = var.|\n}\n", []string{"env", "zone"}},
		{"begun", "variable \"env\" {}\nvariable \"zone\" {}\nlocals {\n  a = \"${var.z|\"\n}\n", []string{"zone"}},
		{"arguments", "resource \"file\" \"a\" {\n  pr|\n}\n", []string{"precondition", "protect", "prune"}},
		{"provider's arguments", "resource \"file\" \"a\" {\n  ro|\n}\n", []string{"root"}},
		{"nested arguments", "resource \"file\" \"a\" {\n  file \"x\" {\n    cont|\n  }\n}\n", []string{"content", "content_base64"}},
		{"attributes", "resource \"file\" \"a\" {\n  root = \"\"\n}\noutput \"o\" {\n  value = file.a.di|\n}\n", []string{"digest"}},
		{"resources", "resource \"file\" \"a\" {\n  root = \"\"\n}\noutput \"o\" {\n  value = file.|\n}\n", []string{"a"}},
		{"top", "varia|\n", []string{"variable"}},
		{"grant", "provider \"p\" {\n  allow {\n    re|\n  }\n}\n", []string{"read"}},
		{"functions", "locals {\n  a = templatef|\n}\n", []string{"templatefile"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := provider + c.text
			at := strings.Index(text, "|")
			m, name := navigate(t, text[:at]+text[at+1:])
			var got []string
			for _, cand := range m.Complete(name, at, documented) {
				got = append(got, cand.Label)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
