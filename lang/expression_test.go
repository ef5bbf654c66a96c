package lang

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

func TestExpression(t *testing.T) {
	dir := t.TempDir()
	src := `
variable "n" { default = 2 }
variable "pin" {
  default   = "1234"
  sensitive = true
}
locals { names = ["a", "b"] }
`
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	module, diags := Load(dir, WithLimits(bounds.Limits{Steps: 1000}))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	ev, diags := module.Evaluate(EvalOptions{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for text, want := range map[string]ExpressionValue{
		"1 + var.n":                             {Value: int64(3), Known: true},
		"[for n in local.names : upper(n)]":     {Value: []any{"A", "B"}, Known: true},
		`"${var.pin}!"`:                         {Sensitive: true, Known: true},
		"{\n  k = var.n\n}":                     {Value: map[string]any{"k": int64(2)}, Known: true},
		"nonsensitive(var.pin)":                 {Value: "1234", Known: true},
		"local.names[*]":                        {Value: []any{"a", "b"}, Known: true},
		"length(local.names) > 1 ? null : true": {Known: true},
	} {
		got, diags := ev.Expression(text)
		if diff := cmp.Diff(want, got); diff != "" || diags.HasErrors() {
			t.Errorf("%s: %v %s", text, diags, diff)
		}
	}
	for text, want := range map[string]string{
		"var.m":                   "no variable",
		"1 +":                     "",
		"":                        "",
		"upper(":                  "",
		strings.Repeat("[", 5000): "",
		"[for x in range(1000) : [for y in range(1000) : [for z in range(10) : z]]]": "in all",
		"each.key": "",
	} {
		_, diags := ev.Expression(text)
		if !diags.HasErrors() || !strings.Contains(diags.Error()+diags[0].Detail, want) {
			t.Errorf("%.40s: %v, want %q", text, diags, want)
		}
		for _, d := range diags {
			if d.Subject == nil || d.Subject.Filename != ExpressionFile {
				t.Errorf("%.40s: place %v", text, d.Subject)
			}
		}
	}
	// A mistake leaves nothing behind.
	if got, diags := ev.Expression("var.n"); diags.HasErrors() || got.Value != int64(2) {
		t.Error(got, diags)
	}
}
