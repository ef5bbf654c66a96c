package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// ExpressionFile is the name that the ranges of an expression from outside the
// module have.
const ExpressionFile = "<expression>"

// ExpressionValue is what an expression from outside the module comes to.
type ExpressionValue struct {
	// Value is native; nil where it is sensitive or not known yet.
	Value     any
	Sensitive bool
	// Known is false while the value waits for a resource; WaitsFor says which
	// references it waits for.
	Known    bool
	WaitsFor []string
}

// Expression evaluates an expression as if it stood in the root module, with
// what is known by now. It may build as much as the module.
func (ev *Evaluation) Expression(text string) (ExpressionValue, hcl.Diagnostics) {
	src := []byte(text)
	if diags := bounds.Source(src, ExpressionFile); diags.HasErrors() {
		return ExpressionValue{}, diags
	}
	parsed, diags := hclsyntax.ParseExpression(src, ExpressionFile, hcl.InitialPos)
	if diags.HasErrors() {
		return ExpressionValue{}, diags
	}
	expr, diags := bounds.NewBudget(ev.module.budget.Limits()).Guard(parsed)
	if diags.HasErrors() {
		return ExpressionValue{}, diags
	}
	ev.mu.Lock()
	defer ev.mu.Unlock()
	resolver := &resolver{unit: ev.root.unit}
	n := &node{unit: ev.root.unit, kind: localNode, key: ExpressionFile, rng: expr.Range()}
	n.refs = resolver.all(usesOf(expr), allowed{})
	if resolver.diags.HasErrors() {
		return ExpressionValue{}, tidy(resolver.diags, n.rng)
	}
	n.drawEdges()
	return ev.outside(n, expr)
}

// outside evaluates an expression of a node that no module declares.
func (ev *Evaluation) outside(n *node, expr hcl.Expression) (ExpressionValue, hcl.Diagnostics) {
	ev.refreshBefore(n)
	val, diags := expr.Value(ev.context(ev.root, n, each{}))
	diags = explain(append(diags, ev.bounded(val, expr, diags)...))
	if diags.HasErrors() {
		return ExpressionValue{}, tidy(diags, n.rng)
	}
	out := ExpressionValue{Sensitive: isSensitive(val), Known: val.IsWhollyKnown()}
	if !out.Known {
		out.WaitsFor = ev.waits(ev.root, n, each{})
	}
	if !out.Known || out.Sensitive {
		return out, nil
	}
	native, err := toNative(val)
	if err != nil {
		return out, hcl.Diagnostics{mistake(n.rng, "Unusable value", "The expression has a value that cannot be shown: %s.", err)}
	}
	out.Value = native
	return out, nil
}
