package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// scope is one instance of a module: the root, or one instance of a call.
type scope struct {
	unit   *unit
	parent *scope
	// each is what each and count mean in the arguments of the call.
	each   each
	prefix string // "module.a.module.b[\"x\"]."
	// base holds the functions and the words that mean the same everywhere.
	base  *hcl.EvalContext
	cells map[*node]*cell
	sets  map[*node]*instanceSet
	calls map[*node]*callSet
}

// cachedContext is the context that was made last. It serves all instances of a
// node, which are evaluated one after the other.
type cachedContext struct {
	scope      *scope
	node       *node
	generation int
	evalCtx    *hcl.EvalContext
}

// each is one repetition of a block. Its zero value is that of a single block.
type each struct {
	key   cty.Value // a string or a number; NilVal for a single one
	value cty.Value
}

func (e each) variables() map[string]cty.Value {
	switch {
	case e.key == cty.NilVal:
		return nil
	case e.key.Type() == cty.Number:
		return map[string]cty.Value{"count": cty.ObjectVal(map[string]cty.Value{"index": e.key})}
	default:
		return map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": e.key, "value": e.value})}
	}
}

// cell is the value of a variable, local or output, evaluated once for as long
// as nothing that it waits for becomes known.
type cell struct {
	freshness

	val cty.Value
	// sources are what it was made of: *cell, *instance and *instanceSet.
	sources []any
}

// freshness says whether a value still stands.
type freshness struct {
	// unknown values can change once more is known; known ones never do.
	unknown bool
	waits   []string
	// generation of the evaluation in which the value was made.
	generation int
}

// instanceSet holds the instances of a resource in one scope.
type instanceSet struct {
	node  *node
	rep   repetition
	order []*instance
	byKey map[string]*instance
	// failed is true where for_each or count could not be evaluated.
	failed bool
	// generation in which the values of for_each were evaluated.
	generation int
	// value is what expressions see of all of them; NilVal while it has to be
	// made anew.
	value cty.Value
	ev    *Evaluation
}

// instance is one resource with an address of its own.
type instance struct {
	freshness

	set     *instanceSet
	scope   *scope
	each    each
	address string
	meta    meta
	// body is the decoded body; the zero value where it has mistakes.
	body  cty.Value
	diags hcl.Diagnostics
	// seen is what expressions see; NilVal until something refers to it.
	seen    cty.Value
	result  *ResourceResult
	outputs map[string]cty.Value
	objects cty.Value
	sources []any
}

// callSet holds the scopes of a module call's instances.
type callSet struct {
	rep   repetition
	order []*scope
	byKey map[string]*scope
	// generation in which the values of for_each were evaluated.
	generation int
}

// keyString tells keys apart: "eu" from 0.
func keyString(key cty.Value) string {
	if key == cty.NilVal || key.IsNull() || !key.IsKnown() {
		return ""
	}
	key, _ = key.Unmark()
	switch key.Type() {
	case cty.String:
		return "s" + key.AsString()
	case cty.Number:
		return "n" + key.AsBigFloat().Text('f', -1)
	default:
		return ""
	}
}

// collect makes what expressions see of the instances of something repeated:
// an object by for_each, a tuple by count, the one itself otherwise.
func collect(rep repetition, n int, at func(int) (cty.Value, cty.Value)) cty.Value {
	switch {
	case rep.forEach != nil:
		vals := make(map[string]cty.Value, n)
		for i := range n {
			key, val := at(i)
			vals[key.AsString()] = val
		}
		return cty.ObjectVal(vals)
	case rep.count != nil:
		vals := make([]cty.Value, n)
		for i := range n {
			_, vals[i] = at(i)
		}
		return cty.TupleVal(vals)
	case n == 0:
		return cty.DynamicVal
	default:
		_, val := at(0)
		return val
	}
}

func (s *instanceSet) all() cty.Value {
	if s.value == cty.NilVal {
		s.value = collect(s.rep, len(s.order), func(i int) (cty.Value, cty.Value) {
			return s.order[i].each.key, s.order[i].object()
		})
	}
	return s.value
}
