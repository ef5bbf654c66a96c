package lang_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// FuzzEvaluate loads and evaluates any text: it must end, and every message
// must have a place inside its file.
func FuzzEvaluate(f *testing.F) {
	seeds, err := filepath.Glob("../testdata/lang/errors/*/main.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src, false)
	}
	f.Add([]byte(provider+`resource "file" "a" {
  for_each = { a = 1, b = 2 }
  root = each.key
  dynamic "file" {
    for_each = [each.value]
    labels = ["x${file.key}"]
    content { content = "${file.value}" }
  }
}
check "x" {
  assert {
    condition = file.a["b"].objects.file["x0"].sha256 != ""
    error_message = "no"
  }
}
`), false)
	f.Add([]byte(`{"provider":{"file":{"source":"file"}},"resource":{"file":{"a":{"root":"${var.x}"}}},"variable":{"x":{"default":"y"}}}`), true)
	f.Fuzz(func(t *testing.T, src []byte, asJSON bool) {
		name := "main.hcl"
		if asJSON {
			name = "main.hcl.json"
		}
		dir := t.TempDir()
		m, diags := lang.Load(dir, lang.WithOverlay(map[string][]byte{name: src}),
			lang.WithLimits(bounds.Limits{Total: 1 << 20, Value: 1 << 18, Items: 1000}))
		checkPlaces(t, m, diags)
		if diags.HasErrors() {
			return
		}
		ev, diags := m.Evaluate(lang.EvalOptions{Schemas: schemas})
		checkPlaces(t, m, diags)
		if ev == nil {
			return
		}
		for _, r := range ev.MetaConfig().Resources {
			if _, err := ev.Config(t.Context(), r.Name); err == nil {
				if err := ev.Settle(r.Name, lang.ResourceResult{Known: true}); err != nil {
					t.Log(err)
				}
			}
		}
		if _, diags := ev.Outputs(true); diags.HasErrors() {
			t.Log(diags)
		}
		ev.Checks()
		ev.Inputs()
	})
}

func checkPlaces(t *testing.T, m *lang.Module, diags hcl.Diagnostics) {
	t.Helper()
	for _, d := range diags {
		if d.Subject == nil || d.Summary == "" || d.Detail == "" {
			t.Errorf("incomplete diagnostic: %#v", d)
			continue
		}
		if f := m.Files()[d.Subject.Filename]; f != nil && d.Subject.End.Byte > len(f.Bytes) {
			t.Errorf("place after the end of the file: %v", d)
		}
		lang.ExpressionValues(d)
	}
}
