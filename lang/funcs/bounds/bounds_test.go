package bounds_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

func TestSource(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 5000) }
	for name, tt := range map[string]struct {
		src string
		ok  bool
	}{
		"many attributes":          {many("a = 1 + 2 * 3\n"), true},
		"many blocks":              {many("a { b = [1, (2), {c = -1}] }\n"), true},
		"a long list":              {"a = [" + many("-1, ") + "]\n", true},
		"a long list by line":      {"a = [\n" + many("  !true,\n") + "]\n", true},
		"a long object":            {"a = {\n" + many("  k = 1 + 2\n") + "}\n", true},
		"a long template":          {"a = \"" + many("x${1 + 2}") + "\"\n", true},
		"a long heredoc":           {"a = <<E\n" + many("%{ if x }${y}%{ else }z%{ endif }\n") + "E\n", true},
		"deep blocks":              {many("a {\n") + many("}\n"), false},
		"deep lists":               {"a = " + many("["), false},
		"a chain in brackets":      {"a = [" + strings.Repeat("1 +\n", 5000) + "1]\n", false},
		"a chain in one line":      {"a = 1" + many(" + 1") + "\n", false},
		"deep directives":          {"a = <<E\n" + many("%{ if x }") + many("%{ endif }") + "\nE\n", false},
		"deep calls":               {"a = " + many("f(") + many(")") + "\n", false},
		"a chain of indexes":       {"a = b" + many("[c]") + "\n", false},
		"closing what is not open": {many("}"), true},
	} {
		diags := bounds.Source([]byte(tt.src), "x.hcl")
		if diags.HasErrors() == tt.ok {
			t.Errorf("%s: %v", name, diags)
		}
		if diags.HasErrors() && diags[0].Subject == nil {
			t.Errorf("%s: no place", name)
		}
		if tt.ok && name != "closing what is not open" {
			if _, diags := hclsyntax.ParseConfig([]byte(tt.src), "x.hcl", hcl.InitialPos); diags.HasErrors() && diags[0].Summary != "Attribute redefined" {
				t.Errorf("%s: the test's source has mistakes: %s", name, diags)
			}
		}
	}
}

// TestGuardIsInvisible: static analysis sees the same expression, guarded or
// not, and its value is the same.
func TestGuardIsInvisible(t *testing.T) {
	src := `
call    = f(a.b, [c])
list    = [a.b, d]
map     = { k = a.b }
ref     = a.b
key     = keyword
text    = "x${a.b}y"
only    = "${a.b}"
loop    = [for x in d : "${x}-${a.b}" if x != ""]
splat   = d[*]
cond    = true ? d : []
number  = -(1 + 2) * 3
index   = d[1 - 1]
literal = "plain"
`
	plain, guarded := parse(t, src), parse(t, src)
	if diags := bounds.NewBudget(bounds.Limits{}).GuardBody(guarded); diags.HasErrors() {
		t.Fatal(diags)
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{
		"a": cty.ObjectVal(map[string]cty.Value{"b": cty.StringVal("v")}), "c": cty.True, "keyword": cty.True,
		"d": cty.ListVal([]cty.Value{cty.StringVal("1"), cty.StringVal("2")}),
	}}
	for name, attr := range plain.Attributes {
		got := guarded.Attributes[name]
		if diff := cmp.Diff(names(attr.Expr), names(got.Expr)); diff != "" {
			t.Errorf("%s: references: %s", name, diff)
		}
		if attr.Expr.Range() != got.Expr.Range() {
			t.Errorf("%s: range %s, not %s", name, got.Expr.Range(), attr.Expr.Range())
		}
		if a, b := shape(attr.Expr), shape(got.Expr); a != b {
			t.Errorf("%s: is %s, guarded %s", name, a, b)
		}
		want, _ := attr.Expr.Value(ctx)
		val, _ := got.Expr.Value(ctx)
		if !want.RawEquals(val) {
			t.Errorf("%s: %#v, guarded %#v", name, want, val)
		}
	}
}

func parse(t *testing.T, src string) *hclsyntax.Body {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(src), "x.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return file.Body.(*hclsyntax.Body)
}

func names(expr hcl.Expression) []string {
	var out []string
	for _, ref := range expr.Variables() {
		out = append(out, ref.RootName()+" "+ref.SourceRange().String())
	}
	return out
}

// shape is what HCL's static analysis makes of an expression.
func shape(expr hcl.Expression) string {
	var out []string
	if _, diags := hcl.ExprCall(expr); !diags.HasErrors() {
		out = append(out, "call")
	}
	if _, diags := hcl.ExprList(expr); !diags.HasErrors() {
		out = append(out, "list")
	}
	if _, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		out = append(out, "map")
	}
	if _, diags := hcl.AbsTraversalForExpr(expr); !diags.HasErrors() {
		out = append(out, "traversal")
	}
	return strings.Join(append(out, hcl.ExprAsKeyword(expr)), " ")
}

func TestBudget(t *testing.T) {
	b := bounds.NewBudget(bounds.Limits{Value: 100, Total: 250, Items: 3})
	for i, want := range []string{"", "", "build more than 250 bytes"} {
		err := b.Charge(90)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("charge %d: %v", i, err)
		}
	}
	if err := b.Charge(101); err == nil {
		t.Error("a value larger than the limit is charged")
	}
	if err := b.Count(4, "things"); err == nil || err.Error() != "4 things are more than the limit of 3" {
		t.Error(err)
	}
	if got := b.Spent(); got != 270 {
		t.Errorf("spent %d", got)
	}
}

func BenchmarkSource(b *testing.B) {
	src := []byte(strings.Repeat("resource \"file\" \"x\" {\n  for_each = toset([\"a\", \"b\"])\n  root = \"./out/${each.key}\"\n}\n", 10_000))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if diags := bounds.Source(src, "x.hcl"); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
