package bounds

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Guard changes expr, and everything inside it, to count what evaluation builds
// in loops and templates, and to refuse numbers and values that could not be
// walked or written down. The result stands for expr: it is evaluated in its
// place, static analysis (hcl.ExprList, hcl.AbsTraversalForExpr and their kin)
// sees through it. Expr must not be in use by another goroutine meanwhile.
func (b *Budget) Guard(expr hclsyntax.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	w := &guardWalker{budget: b}
	hclsyntax.Walk(expr, w) //nolint:errcheck // the walker keeps its own diagnostics
	return b.slot(expr, inspectAll), w.diags
}

// GuardBody guards every expression in body and in the blocks inside it.
func (b *Budget) GuardBody(body *hclsyntax.Body) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, attr := range body.Attributes {
		expr, more := b.Guard(attr.Expr)
		attr.Expr = expr
		diags = append(diags, more...)
	}
	for _, block := range body.Blocks {
		diags = append(diags, b.GuardBody(block.Body)...)
	}
	return diags
}

// guardWalker wraps the children of the nodes that multiply.
type guardWalker struct {
	budget *Budget
	diags  hcl.Diagnostics
}

// Exit does nothing: nodes are changed on the way in.
func (w *guardWalker) Exit(hclsyntax.Node) hcl.Diagnostics { return nil }

// Enter wraps what is inside one node.
func (w *guardWalker) Enter(node hclsyntax.Node) hcl.Diagnostics {
	b := w.budget
	switch n := node.(type) {
	case *hclsyntax.LiteralValueExpr:
		w.literal(n)
	case *hclsyntax.TemplateExpr:
		for i := range n.Parts {
			n.Parts[i] = b.slot(n.Parts[i], inspectPart)
		}
	case *hclsyntax.ForExpr:
		n.CollExpr, n.ValExpr = b.slot(n.CollExpr, inspectNothing), b.loop(n.ValExpr)
		if n.KeyExpr != nil {
			n.KeyExpr = b.loop(n.KeyExpr)
		}
	case *hclsyntax.SplatExpr:
		n.Each = b.loop(n.Each)
	case *hclsyntax.BinaryOpExpr:
		n.LHS, n.RHS = b.slot(n.LHS, inspectOperand), b.slot(n.RHS, inspectOperand)
	case *hclsyntax.UnaryOpExpr:
		n.Val = b.slot(n.Val, inspectOperand)
	case *hclsyntax.ConditionalExpr:
		n.TrueResult, n.FalseResult = b.slot(n.TrueResult, inspectCopied), b.slot(n.FalseResult, inspectCopied)
	case *hclsyntax.FunctionCallExpr:
		for i := range n.Args {
			n.Args[i] = b.slot(n.Args[i], argumentOf(n.Name))
		}
	}
	return nil
}

func (w *guardWalker) literal(n *hclsyntax.LiteralValueExpr) {
	if err := Number(n.Val); err != nil {
		w.diags = append(w.diags, &hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  "Number out of range",
			Detail:   sentence(err),
			Subject:  n.SrcRange.Ptr(),
		})
	}
}

// inspection looks at the value in one place of an expression.
type inspection func(b *Budget, v cty.Value) error

// slot puts an inspection around an expression. Literals are as small as the
// source and references cost nothing, but what they refer to is inspected.
func (b *Budget) slot(expr hclsyntax.Expression, inspect inspection) hclsyntax.Expression {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr, *guarded:
		return expr
	case *hclsyntax.TemplateExpr:
		if e.IsStringLiteral() {
			return expr
		}
	}
	return &guarded{
		ParenthesesExpr: &hclsyntax.ParenthesesExpr{Expression: expr, SrcRange: expr.Range()},
		budget:          b,
		inspect:         inspect,
	}
}

// loop charges for each evaluation of expr what its source would build.
func (b *Budget) loop(expr hclsyntax.Expression) hclsyntax.Expression {
	const (
		perNode       = 48
		nodesPerRound = 16
	)
	counter := &nodeCounter{}
	hclsyntax.Walk(expr, counter) //nolint:errcheck // counting finds no mistakes
	cost, rounds := perNode*counter.nodes, 1+counter.nodes/nodesPerRound
	return &guarded{
		ParenthesesExpr: &hclsyntax.ParenthesesExpr{Expression: expr, SrcRange: expr.Range()},
		budget:          b,
		inspect: func(b *Budget, v cty.Value) error {
			if err := b.step(rounds, cost); err != nil {
				return err
			}
			return Number(v)
		},
	}
}

type nodeCounter struct{ nodes int64 }

// Enter counts a node.
func (c *nodeCounter) Enter(hclsyntax.Node) hcl.Diagnostics { c.nodes++; return nil }

// Exit does nothing.
func (c *nodeCounter) Exit(hclsyntax.Node) hcl.Diagnostics { return nil }

// guarded is an expression with an inspection of its value. It looks like
// parentheses to everything that walks expressions.
type guarded struct {
	*hclsyntax.ParenthesesExpr

	budget  *Budget
	inspect inspection
}

// UnwrapExpression shows static analysis the expression itself.
func (g *guarded) UnwrapExpression() hcl.Expression { return g.Expression }

// Range is the range of the expression itself.
func (g *guarded) Range() hcl.Range { return g.SrcRange }

// Value evaluates and inspects.
func (g *guarded) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if err := g.budget.exhausted(); err != nil {
		return cty.DynamicVal, hcl.Diagnostics{g.outOfBounds(err, ctx)}
	}
	v, diags := g.Expression.Value(ctx)
	if diags.HasErrors() {
		return v, diags
	}
	if err := g.inspect(g.budget, v); err != nil {
		return cty.DynamicVal, append(diags, g.outOfBounds(err, ctx))
	}
	return v, diags
}

func (g *guarded) outOfBounds(err error, ctx *hcl.EvalContext) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity:    hcl.DiagError,
		Summary:     "Value out of bounds",
		Detail:      sentence(err),
		Subject:     &g.SrcRange,
		Expression:  g.Expression,
		EvalContext: ctx,
	}
}
