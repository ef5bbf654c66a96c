package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// use is one reference in the source, not resolved yet.
type use struct {
	traversal hcl.Traversal
	// key is the index that follows the traversal where it is computed:
	// file.site[each.key]. It is nil where the index is a literal, which is
	// then part of the traversal, and where there is none.
	key hcl.Expression
	// rest is what follows the computed index.
	rest hcl.Traversal
}

func (u use) rng() hcl.Range { return u.traversal.SourceRange() }

// usesOf lists the references in an expression.
func usesOf(expr hcl.Expression) []use {
	if expr == nil {
		return nil
	}
	native, ok := expr.(hclsyntax.Expression)
	if !ok {
		return plainUses(expr.Variables())
	}
	if isLiteral(native) {
		return nil
	}
	w := &useWalker{}
	hclsyntax.Walk(native, w) //nolint:errcheck // the walker finds no mistakes
	return w.uses
}

// isLiteral spares the walk for the most frequent kinds of expressions.
func isLiteral(expr hclsyntax.Expression) bool {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return e.IsStringLiteral()
	}
	return false
}

func plainUses(traversals []hcl.Traversal) []use {
	out := make([]use, len(traversals))
	for i, t := range traversals {
		out[i] = use{traversal: t}
	}
	return out
}

// useWalker collects references, and tells those apart that an index computed
// from outside of any loop follows: they need one instance only.
type useWalker struct {
	uses   []use
	locals []map[string]struct{}
	// indexed holds the references whose computed index was seen on the way
	// in; rests the steps after an index.
	indexed map[*hclsyntax.ScopeTraversalExpr]hcl.Expression
	rests   map[*hclsyntax.IndexExpr]hcl.Traversal
	rest    map[*hclsyntax.ScopeTraversalExpr]hcl.Traversal
}

// Enter looks at one node on the way in.
func (w *useWalker) Enter(node hclsyntax.Node) hcl.Diagnostics {
	switch n := node.(type) {
	case hclsyntax.ChildScope:
		w.locals = append(w.locals, n.LocalNames)
	case *hclsyntax.RelativeTraversalExpr:
		if index, ok := unparen(n.Source).(*hclsyntax.IndexExpr); ok {
			w.noteRest(index, n.Traversal)
		}
	case *hclsyntax.IndexExpr:
		w.noteIndex(n)
	case *hclsyntax.ScopeTraversalExpr:
		if !w.isLocal(n.Traversal.RootName()) {
			w.uses = append(w.uses, use{traversal: n.Traversal, key: w.indexed[n], rest: w.rest[n]})
		}
	}
	return nil
}

// Exit looks at one node on the way out.
func (w *useWalker) Exit(node hclsyntax.Node) hcl.Diagnostics {
	if _, ok := node.(hclsyntax.ChildScope); ok {
		w.locals = w.locals[:len(w.locals)-1]
	}
	return nil
}

func (w *useWalker) isLocal(name string) bool {
	for _, names := range w.locals {
		if _, ok := names[name]; ok {
			return true
		}
	}
	return false
}

func (w *useWalker) noteRest(index *hclsyntax.IndexExpr, rest hcl.Traversal) {
	if w.rests == nil {
		w.rests = map[*hclsyntax.IndexExpr]hcl.Traversal{}
	}
	w.rests[index] = rest
}

func (w *useWalker) noteIndex(n *hclsyntax.IndexExpr) {
	scope, ok := unparen(n.Collection).(*hclsyntax.ScopeTraversalExpr)
	if !ok {
		return
	}
	for _, t := range n.Key.Variables() {
		if w.isLocal(t.RootName()) {
			return
		}
	}
	if w.indexed == nil {
		w.indexed = map[*hclsyntax.ScopeTraversalExpr]hcl.Expression{}
		w.rest = map[*hclsyntax.ScopeTraversalExpr]hcl.Traversal{}
	}
	w.indexed[scope] = n.Key
	w.rest[scope] = w.rests[n]
}

// unparen takes parentheses, and what looks like them, away.
func unparen(expr hclsyntax.Expression) hclsyntax.Expression {
	for {
		switch e := expr.(type) {
		case *hclsyntax.ParenthesesExpr:
			expr = e.Expression
		case interface{ UnwrapExpression() hcl.Expression }:
			inner, ok := e.UnwrapExpression().(hclsyntax.Expression)
			if !ok {
				return expr
			}
			expr = inner
		default:
			return expr
		}
	}
}

// bodyUses lists the references in a body that belongs to a provider, leaving
// out the arguments and blocks named in skip.
func bodyUses(body hcl.Body, skip *bodySpec) []use {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return jsonUses(body, skip)
	}
	w := &bodyWalker{}
	for name, attr := range native.Attributes {
		if _, own := skip.attrs[name]; !own {
			w.expr(attr.Expr)
		}
	}
	for _, block := range native.Blocks {
		if _, own := skip.blocks[block.Type]; !own {
			w.block(block)
		}
	}
	return w.uses
}

// bodyWalker knows the iterators of the dynamic blocks around it.
type bodyWalker struct {
	uses      []use
	iterators []string
}

func (w *bodyWalker) expr(expr hcl.Expression) {
	for _, u := range usesOf(expr) {
		if !w.isIterator(u.traversal) {
			w.uses = append(w.uses, u)
		}
	}
}

// isIterator tells file.value from a reference to a resource: only key and
// value belong to an iterator, so that a provider and one of its blocks may
// have the same name.
func (w *bodyWalker) isIterator(t hcl.Traversal) bool {
	for _, name := range w.iterators {
		if t.RootName() == name && (len(t) == 1 || isIteratorStep(t[1])) {
			return true
		}
	}
	return false
}

func isIteratorStep(step hcl.Traverser) bool {
	attr, ok := step.(hcl.TraverseAttr)
	return ok && (attr.Name == "key" || attr.Name == "value")
}

func (w *bodyWalker) body(body *hclsyntax.Body) {
	for _, attr := range body.Attributes {
		w.expr(attr.Expr)
	}
	for _, block := range body.Blocks {
		w.block(block)
	}
}

func (w *bodyWalker) block(block *hclsyntax.Block) {
	if block.Type != "dynamic" || len(block.Labels) != 1 {
		w.body(block.Body)
		return
	}
	iterator := block.Labels[0]
	if attr := block.Body.Attributes["for_each"]; attr != nil {
		w.expr(attr.Expr)
	}
	if attr := block.Body.Attributes["iterator"]; attr != nil {
		if word := hcl.ExprAsKeyword(attr.Expr); word != "" {
			iterator = word
		}
	}
	w.iterators = append(w.iterators, iterator)
	if attr := block.Body.Attributes["labels"]; attr != nil {
		w.expr(attr.Expr)
	}
	for _, inner := range block.Body.Blocks {
		w.body(inner.Body)
	}
	w.iterators = w.iterators[:len(w.iterators)-1]
}

// jsonUses lists the references in a JSON body. Without the provider's schema
// its nesting means nothing yet, but references are found all the same.
func jsonUses(body hcl.Body, skip *bodySpec) []use {
	found, _ := body.JustAttributes()
	w := &bodyWalker{}
	if dynamic := found["dynamic"]; dynamic != nil {
		if pairs, diags := hcl.ExprMap(dynamic.Expr); !diags.HasErrors() {
			for _, pair := range pairs {
				w.iterators = append(w.iterators, hcl.ExprAsKeyword(pair.Key))
			}
		}
	}
	for name, attr := range found {
		_, isAttr := skip.attrs[name]
		_, isBlock := skip.blocks[name]
		if !isAttr && !isBlock {
			w.expr(attr.Expr)
		}
	}
	return w.uses
}
