package funcs_test

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// arguments are the values that a call passes to its function.
func arguments(scope *hcl.EvalContext, src string) ([]cty.Value, bool) {
	expr, diags := hclsyntax.ParseExpression([]byte(src), "call", hcl.InitialPos)
	call, ok := expr.(*hclsyntax.FunctionCallExpr)
	if diags.HasErrors() || !ok || call.ExpandFinal {
		return nil, false
	}
	f := scope.Functions[call.Name]
	params := f.Params()
	var out []cty.Value
	for i, arg := range call.Args {
		want := cty.DynamicPseudoType
		switch {
		case i < len(params):
			want = params[i].Type
		case f.VarParam() != nil:
			want = f.VarParam().Type
		}
		if want == customdecode.ExpressionClosureType {
			out = append(out, customdecode.ExpressionClosureVal(&customdecode.ExpressionClosure{Expression: arg, EvalContext: scope}))
			continue
		}
		v, diags := arg.Value(scope)
		if diags.HasErrors() {
			return nil, false
		}
		v, err := convert.Convert(v, want)
		if err != nil {
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

// mustParse parses and guards an expression with a budget of its own.
func mustParse(tb testing.TB, src string) hclsyntax.Expression {
	tb.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(src), "test", hcl.InitialPos)
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	expr, diags = bounds.NewBudget(bounds.Limits{Total: 1 << 60, Steps: 1 << 60}).Guard(expr)
	if diags.HasErrors() {
		tb.Fatal(diags)
	}
	return expr
}
