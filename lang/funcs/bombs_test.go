package funcs_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// guardedValue evaluates as a module does: source checked, expression guarded,
// functions and expression on one budget.
func guardedValue(t testing.TB, budget *bounds.Budget, vars map[string]cty.Value, src string) (cty.Value, hcl.Diagnostics) {
	t.Helper()
	if diags := bounds.Expression([]byte(src), "bomb"); diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	expr, diags := hclsyntax.ParseExpression([]byte(src), "bomb", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	expr, diags = budget.Guard(expr)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	return expr.Value(&hcl.EvalContext{Variables: vars, Functions: funcs.Functions(funcs.Options{
		BaseDir: filepath.Join("testdata", "module"), Budget: budget,
	})})
}

// TestBombs tries what would take endless memory or time. Each is a clear error
// within a second or so and a little memory.
func TestBombs(t *testing.T) {
	big := strings.Repeat("x", 32<<20)
	loops := func(depth int, inner string) string {
		return strings.Repeat("[for i in range(1000) : ", depth) + inner + strings.Repeat("]", depth)
	}
	layers := cty.StringVal("x")
	for range 60 {
		layers = cty.ListVal([]cty.Value{layers, layers})
	}
	vars := map[string]cty.Value{
		"big": cty.StringVal(big), "layers": layers,
		"many":   manyStrings(300_000),
		"digits": cty.StringVal(strings.Repeat("7", 5_000_000)),
		"yaml":   cty.StringVal(yamlBomb()), "deepyaml": cty.StringVal(strings.Repeat("[", 100_000)),
		"chain":    cty.StringVal(yamlChain(5000)),
		"deepjson": cty.StringVal(strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000)),
		"widejson": cty.StringVal("[" + strings.Repeat("1,", 2_000_000) + "1]"),
		"lines":    cty.StringVal(strings.Repeat("1\n", 3_000_000)),
	}
	for _, tt := range []struct{ name, src, want string }{
		{"range", "range(0, 1e9)", "more than 65536 values"},
		{"range by a tiny step", "range(0, 1, 1e-9)", "more than 65536 values"},
		{"range of huge numbers", `range("1e9999999", "1e99999999", 1)`, ""},
		{"nested loops", loops(4, "1"), "in all"},
		{"nested loops that write text", loops(3, `"${i}${i}"`), "in all"},
		{"nested template loops", `"%{for a in range(9999)}%{for b in range(9999)}%{for c in range(9999)}x%{endfor}%{endfor}%{endfor}"`, "in all"},
		{"setproduct", "setproduct(range(1000), range(1000), range(1000))", "more than the limit"},
		{"format width", `format("%1000000000d", 1)`, "larger than the limit of 4096"},
		{"format precision", `format("%.1000000000f", 1)`, "larger than the limit of 4096"},
		{"format repeated", fmt.Sprintf("format(%q, big)", strings.Repeat("%[1]s", 1000)), "larger than the limit of 64 MiB"},
		{"formatlist", `formatlist("%s%s", many, big)`, "larger than the limit of 64 MiB"},
		{"join", `join(big, ["a", "b", "c", "d"])`, "larger than the limit of 64 MiB"},
		{"join of many", `join("", [big, big, big])`, "larger than the limit of 64 MiB"},
		{"replace", `replace(big, "x", "yyyyyyyyyy")`, "larger than the limit of 64 MiB"},
		{"replace nothing", `replace(big, "", "yyyyyyyyyy")`, "larger than the limit of 64 MiB"},
		{"replace by pattern", `replace(big, "/x/", "yyyyyyyyyy")`, "larger than the limit of 64 MiB"},
		{"replace by groups", `replace(big, "/(x+)/", "$1$1$1$1$1$1")`, "larger than the limit of 64 MiB"},
		{"indent", `indent(1000000000, "a\nb")`, "larger than the limit of 4096"},
		{"indent of many lines", `indent(4096, lines)`, "larger than the limit of 64 MiB"},
		{"split", `split("", big)`, "more than the limit of 1000000"},
		{"regexall", `regexall("x", big)`, "more than the limit of 1000000"},
		{"regex that is huge", `regex("((a{1,1000}){1,1000}){1,1000}", "a")`, "invalid"},
		{"jsonencode of shared text", `jsonencode([for i in range(1000) : big])`, "larger than the limit of 64 MiB"},
		{"yamlencode of shared text", `yamlencode([for i in range(1000) : big])`, "larger than the limit of 64 MiB"},
		{"a value in layers", `jsonencode(layers)`, "more than 4000000 values"},
		{"flatten of layers", `flatten(layers)`, "more than 4000000 values"},
		{"comparing layers", `[layers][0]`, "more than 4000000 values"},
		{"nested doubling", strings.Repeat("[for x in ", 60) + "[1, 1]" + strings.Repeat(" : [x, x]]", 60), ""},
		{"doubling by template", strings.Repeat(`"${`, 3) + "big" + strings.Repeat(`}${big}"`, 3), "limit"},
		{"big numbers", "1e1000000", "outside the range"},
		{"big numbers by arithmetic", `"1e100000000" * 1`, "outside the range"},
		{"big numbers in a template", `"${tonumber("1e100000000")}"`, "outside the range"},
		{"big numbers in JSON", `jsondecode("1e100000000")`, "outside the range"},
		{"big numbers inside JSON", `jsonencode(jsondecode("[[1e100000000]]"))`, "outside the range"},
		{"big numbers in YAML", `yamldecode("a: 1e100000000")`, "outside the range"},
		{"big numbers as text", `abs("1e100000000")`, "outside the range"},
		{"many digits", `digits + 1`, "too long to be read as a number"},
		{"many digits as an argument", `abs(digits)`, "too long to be read as a number"},
		{"many digits converted", `tonumber(digits)`, "longer than the limit"},
		{"many digits parsed", `parseint(digits, 10)`, "longer than the limit"},
		{"many digits in JSON", `jsondecode(digits)`, "longer than the limit"},
		{"many digits in YAML", `yamldecode(digits)`, "limit"},
		{"a sum of many digits", `sum([digits])`, "longer than the limit"},
		{"many digits in a list", `range(digits)`, "too long to be read as a number"},
		{"YAML aliases", `yamldecode(yaml)`, "aliases expanded"},
		{"YAML chain of aliases", `yamldecode(chain)`, "nests deeper than 256"},
		{"deep YAML", `yamldecode(deepyaml)`, ""},
		{"YAML that holds itself", `yamldecode("a: &a [*a]")`, ""},
		{"deep JSON", `jsondecode(deepjson)`, "nests deeper than 256"},
		{"wide JSON", `jsondecode(widejson)`, "more than the limit of 1000000"},
		{"long CSV", `csvdecode(lines)`, "more than the limit of 1000000"},
		{"concat", "concat(" + strings.Repeat("many, ", 4) + "many)", "more than the limit of 1000000"},
		{"fileset with many braces", `fileset(".", "` + strings.Repeat("{a,a}", 30) + `b")`, "more than 256 combinations"},
		{"deep brackets", strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000), "nest more than 1000 levels"},
		{"deep lists", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "nest more than 1000 levels"},
		{"deep negation", strings.Repeat("!", 100_000) + "true", "nest more than 1000 levels"},
		{"long sums", "1" + strings.Repeat(" + 1", 100_000), "nest more than 1000 levels"},
		{"deep conditionals", strings.Repeat("true ? 1 : ", 100_000) + "1", "nest more than 1000 levels"},
		{"deep indexes", "many" + strings.Repeat("[many", 50_000) + strings.Repeat("]", 50_000), "nest more than 1000 levels"},
		{"deep templates", strings.Repeat(`"${`, 50_000) + "1" + strings.Repeat(`}"`, 50_000), "nest more than 1000 levels"},
		{"deep directives", `"` + strings.Repeat("%{if true}", 50_000) + strings.Repeat("%{endif}", 50_000) + `"`, "nest more than 1000 levels"},
		{"deep template text", `templatestring(join("", [for i in range(5000) : "%` + `%{if true}"]), {})`, "nest more than 1000 levels"},
		{"a template that loops", `templatestring("%` + `%{for a in range(9999)}%` + `%{for b in range(9999)}%` + `%{for c in range(9999)}x%` + `%{endfor}%` + `%{endfor}%` + `%{endfor}", {})`, "in all"},
		{"a conditional in a loop", `[for i in range(60000) : true ? many : tolist([])]`, "in all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			budget := bounds.NewBudget(bounds.Limits{Total: 256 << 20, Steps: 200_000})
			_, diags := guardedValue(t, budget, vars, tt.src)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if !diags.HasErrors() {
				t.Fatal("no error")
			}
			if got := strings.Join(strings.Fields(diags.Error()), " "); !strings.Contains(got, tt.want) {
				t.Errorf("want %q in: %.400s", tt.want, got)
			}
			if took > time.Minute {
				t.Errorf("took %s", took)
			}
			if grown := int64(after.TotalAlloc) - int64(before.TotalAlloc); grown > 3<<30 {
				t.Errorf("allocated %d MiB", grown>>20)
			}
			t.Logf("%6d ms, %5d MiB: %.160s", took.Milliseconds(), (after.TotalAlloc-before.TotalAlloc)>>20, strings.Join(strings.Fields(diags.Error()), " "))
		})
	}
}

func manyStrings(n int) cty.Value {
	vals := make([]cty.Value, n)
	for i := range vals {
		vals[i] = cty.StringVal("x")
	}
	return cty.ListVal(vals)
}

func yamlBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range 40 {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	return b.String()
}

func yamlChain(n int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := range n {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d]\n", i+1, i+1, i)
	}
	return b.String()
}

// TestOrdinarySizes: what people write is nowhere near the limits.
func TestOrdinarySizes(t *testing.T) {
	for _, src := range []string{
		"range(10000)",
		`join("", [for i in range(10000) : "line ${i}\n"])`,
		`{for i in range(20000) : "key-${i}" => {name = "n${i}", tags = ["a", "b"]}}`,
		`length(distinct([for i in range(20000) : i % 1000]))`,
		`jsonencode([for i in range(20000) : {id = i}])`,
		`length(setproduct(range(300), range(300)))`,
		`"` + strings.Repeat("${1} ", 5000) + `"`,
		"[" + strings.Repeat("[1, 2 + 3, \"${4}\"],\n", 5000) + "]",
		`templatestring("` + strings.Repeat("%%{if true}$${x}%%{endif}", 3000) + `", {x = 1})`,
		"1e4000 > 1e3999",
	} {
		start := time.Now()
		_, diags := guardedValue(t, bounds.NewBudget(bounds.Limits{}), nil, src)
		if diags.HasErrors() {
			t.Errorf("%.80s: %.300s", src, diags)
		}
		t.Logf("%s %.60s", time.Since(start), src)
	}
}
