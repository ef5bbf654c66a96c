package lang

import (
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// maxInstances bounds for_each and count.
const maxInstances = 100_000

// repetitions evaluates for_each or count. It is false where that fails or is
// not known.
func (ev *Evaluation) repetitions(s *scope, n *node, rep repetition) ([]each, bool) {
	switch {
	case rep.forEach != nil:
		val, ok := ev.repetitionValue(s, n, rep.forEach, "for_each")
		if !ok {
			return nil, false
		}
		return ev.forEach(rep.forEach, val)
	case rep.count != nil:
		val, ok := ev.repetitionValue(s, n, rep.count, "count")
		if !ok {
			return nil, false
		}
		return ev.count(rep.count, val)
	default:
		return []each{{}}, true
	}
}

func (ev *Evaluation) repetitionValue(s *scope, n *node, expr hcl.Expression, name string) (cty.Value, bool) {
	val, diags := expr.Value(ev.context(s, n, each{}))
	ev.add(explain(diags))
	switch {
	case diags.HasErrors():
		return cty.NilVal, false
	case val.IsMarked() || name == "count" && val.ContainsMarked():
		ev.mistake(expr.Range(), "Sensitive "+name, "The addresses of instances are shown in plans, so %s cannot be sensitive. Use nonsensitive() where that is right.", name)
		return cty.NilVal, false
	case val.IsNull():
		ev.mistake(expr.Range(), "Invalid "+name, "The value of %s is null. Use an empty collection, or 0, for no instance at all.", name)
		return cty.NilVal, false
	case !val.IsKnown():
		if waits := ev.waits(s, n, each{}); len(waits) > 0 {
			ev.mistake(expr.Range(), "Unknown "+name,
				"Which instances there are must be known before anything runs, but this depends on %s, known only after apply. Use keys that are written in the module, and read the unknown value inside the block.",
				strings.Join(waits, ", "))
		}
		// Without something to wait for, the cause was reported where it is.
		return cty.NilVal, false
	}
	return val, true
}

func (ev *Evaluation) forEach(expr hcl.Expression, val cty.Value) ([]each, bool) {
	ty := val.Type()
	switch {
	case ty.IsMapType() || ty.IsObjectType():
	case ty.IsSetType() && (ty.ElementType() == cty.String || val.LengthInt() == 0):
	default:
		hint := ""
		if ty.IsTupleType() || ty.IsListType() || ty.IsSetType() {
			hint = " Wrap it into toset() where its elements are strings, or make a map with a for expression."
		}
		ev.mistake(expr.Range(), "Invalid for_each", "for_each takes a map, an object or a set of strings; this is %s.%s", valueInWords(val), hint)
		return nil, false
	}
	if val.LengthInt() > maxInstances {
		ev.mistake(expr.Range(), "Too many instances", "for_each makes at most %d instances; this makes %d.", maxInstances, val.LengthInt())
		return nil, false
	}
	out := make([]each, 0, val.LengthInt())
	for key, elem := range val.Elements() {
		if ty.IsSetType() {
			key = elem
		}
		if key.IsNull() || !key.IsKnown() {
			ev.mistake(expr.Range(), "Invalid for_each", "An element of the set is null or not known yet. Take it out.")
			return nil, false
		}
		out = append(out, each{key: key, value: elem})
	}
	return out, true
}

func (ev *Evaluation) count(expr hcl.Expression, val cty.Value) ([]each, bool) {
	num, err := convert.Convert(val, cty.Number)
	if err != nil {
		ev.mistake(expr.Range(), "Invalid count", "count takes a whole number; this is %s.", valueInWords(val))
		return nil, false
	}
	n, acc := num.AsBigFloat().Int64()
	if acc != big.Exact || n < 0 || n > maxInstances {
		ev.mistake(expr.Range(), "Invalid count", "count takes a whole number from 0 to %d.", maxInstances)
		return nil, false
	}
	out := make([]each, n)
	for i := range out {
		out[i].key = cty.NumberIntVal(int64(i))
	}
	return out, true
}

// call makes the scopes of a module call.
func (ev *Evaluation) call(s *scope, n *node) {
	c, _ := n.decl.(*moduleCall)
	child := s.unit.children[c.name]
	if child == nil {
		return
	}
	set := &callSet{rep: c.repetition, byKey: map[string]*scope{}, generation: ev.generation}
	s.calls[n] = set
	reps, ok := ev.repetitions(s, n, c.repetition)
	if !ok {
		delete(s.calls, n)
		return
	}
	for _, e := range reps {
		inner := ev.newScope(child, s, e)
		set.order = append(set.order, inner)
		set.byKey[keyString(e.key)] = inner
	}
}

// resource makes the instances of a resource and evaluates each.
func (ev *Evaluation) resource(s *scope, n *node) {
	r := n.resource()
	set := &instanceSet{node: n, rep: r.repetition, byKey: map[string]*instance{}, ev: ev}
	reps, ok := ev.repetitions(s, n, r.repetition)
	if !ok {
		// What refers to it evaluates to unknown, without more messages.
		set.value, set.failed = cty.DynamicVal, true
		s.sets[n] = set
		return
	}
	set.order, set.generation = make([]*instance, 0, len(reps)), ev.generation
	d := &decoder{}
	if len(reps) > 1 {
		d.contents = map[*hclsyntax.Body]*bodyContent{}
	}
	for _, e := range reps {
		inst := &instance{set: set, scope: s, each: e, address: s.prefix + n.key + keyText(e.key)}
		ev.instances[inst.address] = inst
		ev.addresses = append(ev.addresses, inst.address)
		set.order = append(set.order, inst)
		set.byKey[keyString(e.key)] = inst
		ev.instanceMeta(inst)
		ev.instance(inst, d)
		inst.sources = ev.sources(s, n, e)
		ev.add(inst.diags)
	}
	if len(reps) == 0 && ev.typeOf(n) != nil {
		ev.checkUnused(s, n, d)
	}
	s.sets[n] = set
}

// checkUnused checks the arguments' names also where there is no instance.
func (ev *Evaluation) checkUnused(_ *scope, n *node, d *decoder) {
	d.content(n.resource().body, ev.typeOf(n).spec)
	ev.add(d.diags)
}

// sources lists what the references of a node are made of, in one scope.
func (ev *Evaluation) sources(s *scope, n *node, e each) []any {
	var out []any
	for _, r := range n.refs {
		out = append(out, ev.sourcesOf(s, n, r, e)...)
	}
	for _, r := range n.explicit {
		out = append(out, ev.explicitSources(s, r)...)
	}
	return slices.Clip(out)
}

func (ev *Evaluation) sourcesOf(s *scope, n *node, r *ref, e each) []any {
	if r.target == nil {
		return nil
	}
	switch r.target.kind {
	case resourceNode:
		return ev.resourceSources(s, n, r, e)
	case callNode:
		return ev.callSources(s, r)
	case variableNode, localNode:
		if c := s.cells[r.target]; c != nil {
			return []any{c}
		}
	case validationNode, outputNode, providerNode, checkNode:
	}
	return nil
}

func (ev *Evaluation) resourceSources(s *scope, n *node, r *ref, e each) []any {
	set := s.sets[r.target]
	if set == nil {
		return nil
	}
	key := r.literal
	if r.isKeyed() {
		key = evaluatedKey(r.key, withVariables(ev.sharedContext(s, n), e.variables()))
	}
	if r.chained {
		key = e.key
	}
	if inst := set.byKey[keyString(key)]; inst != nil && key != cty.NilVal {
		return []any{inst}
	}
	if r.literal != cty.NilVal && !set.failed {
		ev.mistake(r.rng(), "Unknown instance", "%s has no instance %s.%s", r.target.key, keyText(r.literal), set.namesHint(r.literal))
	}
	return []any{set}
}

// namesHint suggests an instance.
func (s *instanceSet) namesHint(key cty.Value) string {
	var names []string
	for _, inst := range s.order {
		names = append(names, strings.Trim(keyText(inst.each.key), "[]"))
	}
	if len(names) == 0 {
		return " It has none at all."
	}
	if s.rep.count != nil {
		return " Its instances are 0 to " + names[len(names)-1] + "."
	}
	for i, inst := range s.order {
		names[i] = inst.each.key.AsString()
	}
	return didYouMeanOrList(key.AsString(), names, "instance")
}

func (ev *Evaluation) callSources(s *scope, r *ref) []any {
	set := s.calls[r.target]
	if set == nil {
		return nil
	}
	scopes := set.order
	if inner := set.byKey[keyString(r.literal)]; inner != nil && r.literal != cty.NilVal {
		scopes = []*scope{inner}
	}
	var out []any
	for _, inner := range scopes {
		for name := range inner.unit.module.outputs {
			n := inner.unit.nodes["output."+name]
			if c := inner.cells[n]; c != nil && (r.output == nil || r.output == n) {
				out = append(out, c)
			}
		}
	}
	return out
}

// explicitSources are the resources that depends_on names; for a module all
// that are inside.
func (ev *Evaluation) explicitSources(s *scope, r *ref) []any {
	if r.target.kind == resourceNode {
		set := s.sets[r.target]
		if set == nil {
			return nil
		}
		if inst := set.byKey[keyString(r.literal)]; inst != nil && r.literal != cty.NilVal {
			return []any{inst}
		}
		return []any{set}
	}
	set := s.calls[r.target]
	if set == nil {
		return nil
	}
	scopes := set.order
	if inner := set.byKey[keyString(r.literal)]; inner != nil && r.literal != cty.NilVal {
		scopes = []*scope{inner}
	}
	var out []any
	for _, inner := range scopes {
		out = append(out, ev.allSets(inner)...)
	}
	return out
}

func (ev *Evaluation) allSets(s *scope) []any {
	var out []any
	for _, set := range s.sets {
		out = append(out, set)
	}
	for _, calls := range s.calls {
		for _, inner := range calls.order {
			out = append(out, ev.allSets(inner)...)
		}
	}
	return out
}
