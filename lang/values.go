package lang

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// ExpressionValues says what the references in a failed expression stood for:
// "var.n is 2". What is sensitive is not shown, and what is long is not shown
// in full. It is empty for a diagnostic that is not about an expression.
func ExpressionValues(d *hcl.Diagnostic) []string {
	if d.Expression == nil || d.EvalContext == nil {
		return nil
	}
	const most = 12
	var out []string
	for _, t := range d.Expression.Variables() {
		val, diags := t.TraverseAbs(d.EvalContext)
		if diags.HasErrors() {
			continue
		}
		line := traversalText(t) + " is " + shown(val)
		if !slices.Contains(out, line) && len(out) < most {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func shown(v cty.Value) string {
	const longest = 80
	switch {
	case v.ContainsMarked():
		return "sensitive"
	case !v.IsKnown():
		return "not known yet"
	case v.IsNull():
		return "null"
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		text := []rune(v.AsString())
		if len(text) > longest {
			return strconv.Quote(string(text[:longest])) + "…"
		}
		return strconv.Quote(string(text))
	case ty == cty.Number:
		return v.AsBigFloat().Text('g', 20)
	case ty == cty.Bool:
		return strconv.FormatBool(v.True())
	case ty.IsCollectionType() || ty.IsTupleType():
		return fmt.Sprintf("%s with %d elements", typeInWords(ty), v.LengthInt())
	case ty.IsObjectType():
		return fmt.Sprintf("an object with %d attributes", len(ty.AttributeTypes()))
	default:
		return typeInWords(ty)
	}
}
