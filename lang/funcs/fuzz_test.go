package funcs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// FuzzEvaluate evaluates any text with all functions: it may be refused, but
// it neither panics nor takes long nor much memory.
func FuzzEvaluate(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join("testdata", "expressions.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			f.Add(line)
		}
	}
	vars := map[string]cty.Value{
		"s": cty.StringVal("text"), "n": cty.NumberIntVal(3), "u": cty.UnknownVal(cty.String), "d": cty.DynamicVal,
		"l": cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("b")}), "secret": cty.StringVal("hunter2").Mark(funcs.Sensitive),
		"m": cty.MapVal(map[string]cty.Value{"k": cty.True}), "big": cty.StringVal(strings.Repeat("x", 100_000)),
	}
	f.Fuzz(func(t *testing.T, src string) {
		limits := bounds.Limits{Value: 1 << 20, Total: 8 << 20, Items: 10_000, Steps: 10_000}
		start := time.Now()
		v, diags := guardedValue(t, bounds.NewBudget(limits), vars, src)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s: %q", took, src)
		}
		if diags.HasErrors() {
			if strings.Contains(diags.Error(), "hunter2") && !strings.Contains(src, "hunter2") {
				t.Errorf("shows the secret: %s", diags)
			}
			return
		}
		if err := bounds.NewBudget(limits).Check(v); err != nil {
			t.Errorf("%q gives a value that is out of bounds: %s", src, err)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	scope := newScope(filepath.Join("testdata", "module"))
	for name, src := range map[string]string{
		"upper":        `upper("hello")`,
		"format":       `format("%s-%03d", "a", 7)`,
		"merge":        `merge({a = 1, b = 2}, {c = 3})`,
		"jsonencode":   `jsonencode({a = [1, 2, 3], b = "x"})`,
		"jsondecode":   `jsondecode("{\"a\": [1, 2, 3], \"b\": \"x\"}")`,
		"templatefile": `templatefile("letter.tpl", {name = "Ada", xs = ["a", "b"]})`,
		"sha256":       `sha256("hello")`,
		"toset10000":   `length(toset([for i in range(10000) : "key-${i}"]))`,
		"cidrsubnets":  `cidrsubnets("10.0.0.0/8", 8, 8, 8)`,
	} {
		b.Run(name, func(b *testing.B) {
			expr := mustParse(b, src)
			scope.Functions = funcs.Functions(funcs.Options{
				BaseDir: filepath.Join("testdata", "module"),
				Budget:  bounds.NewBudget(bounds.Limits{Total: 1 << 60}),
			})
			b.ReportAllocs()
			for b.Loop() {
				if _, diags := expr.Value(scope); diags.HasErrors() {
					b.Fatal(diags)
				}
			}
		})
	}
}

func BenchmarkFunctions(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		funcs.Functions(funcs.Options{BaseDir: "."})
	}
}
