package policy

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// looksAtOne reports whether a clause can be seen to look at one action at a time:
// asked in chunks, its answers united are those to the whole plan. It must be a
// partial set whose body goes through the actions at most once, in an expression of
// its own that is not negated, and refers to nothing else but the rest of the input,
// its own variables, parameters and builtins. What is not recognised looks at the
// whole: that is slower, and never wrong.
//
// The proof: for a body A(x), B over one x out of the actions, the set of its answers
// over all actions is the union of those over the parts that the actions are cut
// into, because B does not depend on the others. A body that names no action gives
// the same answers for each part.
func looksAtOne(module *ast.Module, r *ast.Rule) bool {
	if r.Head.RuleKind() != ast.MultiValue || r.Else != nil || r.Default || len(r.Head.Args) > 0 || importsData(module) {
		return false
	}
	c := clauseReader{own: ownNames(module), good: true}
	for _, expr := range r.Body {
		c.expression(expr)
	}
	for _, term := range append([]*ast.Term{r.Head.Key, r.Head.Value}, refTerms(r.Head.Reference)...) {
		c.nested(term)
	}
	return c.good && c.walks <= 1
}

// importsData reports whether names of a module may stand for something elsewhere.
func importsData(module *ast.Module) bool {
	for _, imp := range module.Imports {
		if path := imp.Path.String(); path != "rego.v1" && !strings.HasPrefix(path, "future.keywords") {
			return true
		}
	}
	return false
}

// ownNames are the rules of the module's package that it can name without data.
func ownNames(module *ast.Module) map[string]bool {
	names := map[string]bool{}
	for _, r := range module.Rules {
		names[headName(r)] = true
	}
	return names
}

func refTerms(ref ast.Ref) []*ast.Term {
	if len(ref) < 2 {
		return nil
	}
	return ref[1:]
}

// clauseReader reads the body of one clause.
type clauseReader struct {
	own   map[string]bool
	good  bool
	walks int
}

// expression reads one expression of the body itself.
func (c *clauseReader) expression(expr *ast.Expr) {
	if len(expr.With) > 0 {
		c.good = false
		return
	}
	switch terms := expr.Terms.(type) {
	case *ast.SomeDecl:
		c.some(terms)
	case []*ast.Term:
		if len(terms) > 0 && terms[0].String() == ast.Print.Name {
			c.good = false // what it prints would be said once for each chunk
			return
		}
		for _, term := range terms {
			c.operand(term, expr.Negated)
		}
	case *ast.Term:
		c.operand(terms, expr.Negated)
	default: // every, and what may come
		c.good = false
	}
}

// some reads "some x in collection", and "some x", which names variables only.
func (c *clauseReader) some(decl *ast.SomeDecl) {
	for _, symbol := range decl.Symbols {
		call, ok := symbol.Value.(ast.Call)
		if !ok {
			c.nested(symbol)
			continue
		}
		if len(call) == 3 && isActions(call[2]) { // internal.member_2(x, collection)
			c.walks++
			c.nested(call[1])
			continue
		}
		for _, term := range call[1:] { // with an index, that of a chunk would show
			c.nested(term)
		}
	}
}

// operand reads an operand of an expression of the body: it may go through the
// actions with a variable that nobody names.
func (c *clauseReader) operand(term *ast.Term, negated bool) {
	ref, ok := term.Value.(ast.Ref)
	if ok && !negated && len(ref) > actionsLength(ref) && actionsLength(ref) > 0 {
		if wild, isVar := ref[actionsLength(ref)].Value.(ast.Var); isVar && wild.IsWildcard() {
			c.walks++
			for _, rest := range ref[actionsLength(ref)+1:] {
				c.nested(rest)
			}
			return
		}
	}
	c.nested(term)
}

// nested reads what may not go through the actions at all.
func (c *clauseReader) nested(term *ast.Term) {
	if term == nil {
		return
	}
	ast.WalkTerms(term, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Ref:
			c.reference(v)
			for _, inner := range v[1:] {
				c.nested(inner)
			}
			return true
		case ast.Var:
			if c.own[string(v)] || v == "input" || v == "data" {
				c.good = false
			}
		}
		return !c.good
	})
}

// reference reads a reference that is not a walk through the actions.
func (c *clauseReader) reference(ref ast.Ref) {
	head, ok := ref[0].Value.(ast.Var)
	if !ok { // of a call or a comprehension
		c.nested(ref[0])
		return
	}
	switch {
	case head == "input":
		c.good = c.good && restOfInput(ref)
	case head == "data":
		c.good = c.good && strings.HasPrefix(ref.String(), "data.cogplan.parameters")
	case c.own[string(head)]:
		c.good = false
	}
}

// restOfInput reports whether a reference to the input can be seen not to have the
// actions in it.
func restOfInput(ref ast.Ref) bool {
	if len(ref) < 2 || actionsLength(ref) > 0 {
		return false
	}
	first, ok := ref[1].Value.(ast.String)
	if !ok || first == "actions_by_kind" {
		return false
	}
	if first != "plan" {
		return true
	}
	if len(ref) < 3 {
		return false
	}
	_, ok = ref[2].Value.(ast.String)
	return ok
}

// isActions reports whether a term is all actions, or all of one kind.
func isActions(term *ast.Term) bool {
	ref, ok := term.Value.(ast.Ref)
	return ok && actionsLength(ref) == len(ref)
}

// actionsLength is how many terms of a reference name the actions: those of
// input.plan.actions, or of input.actions_by_kind.create; 0 for another one.
func actionsLength(ref ast.Ref) int {
	if len(ref) < 3 || ref[0].String() != "input" {
		return 0
	}
	first, ok1 := ref[1].Value.(ast.String)
	second, ok2 := ref[2].Value.(ast.String)
	if ok1 && ok2 && (first == "plan" && second == "actions" || first == "actions_by_kind") {
		return 3
	}
	return 0
}
