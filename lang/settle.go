package lang

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Settle tells what became known about a resource, so that what reads it can
// be evaluated. It fails where the result does not fit the provider's schema,
// and with a [*DiagnosticsError] where a postcondition does not hold. A result
// that is not known changes nothing.
func (ev *Evaluation) Settle(address string, result ResourceResult) error {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	inst := ev.instances[address]
	if inst == nil {
		return fmt.Errorf("no resource %s is declared", address)
	}
	if !result.Known {
		return nil
	}
	ev.refresh(inst)
	if inst.diags.HasErrors() {
		return &DiagnosticsError{Diagnostics: tidy(inst.diags, inst.set.node.rng)}
	}
	if err := ev.take(inst, result); err != nil {
		return fmt.Errorf("result of %s: %w", address, err)
	}
	inst.seen = cty.NilVal
	inst.set.value = cty.NilVal
	ev.becameKnown(inst.set.node)
	return ev.postconditions(inst)
}

// take turns a result into values.
func (ev *Evaluation) take(inst *instance, result ResourceResult) error {
	n := inst.set.node
	typ := ev.types[n.unit.providers[n.resource().typ]]
	outputs := map[string]cty.Value{}
	for _, at := range ev.typeOf(n).attrs {
		if !at.Computed {
			continue
		}
		val, err := outputValue(result.Outputs[at.Name], at)
		if err != nil {
			return fmt.Errorf("output %s: %w", at.Name, err)
		}
		outputs[at.Name] = val
	}
	objects, err := objectValues(result.Objects, typ.schema)
	if err != nil {
		return err
	}
	inst.outputs, inst.objects, inst.result = outputs, objects, &result
	return nil
}

func outputValue(native any, at *attrType) (cty.Value, error) {
	val, err := fromNative(native)
	if err != nil {
		return cty.NilVal, err
	}
	val, err = convert.Convert(val, at.ty)
	if err != nil {
		return cty.NilVal, err
	}
	return at.sensitive(val), nil
}

// objectValues is a map from type to name to object.
func objectValues(objects []reconcile.Resource, schema *reconcile.Schema) (cty.Value, error) {
	byType := map[string]map[string]cty.Value{}
	for _, t := range schema.Objects {
		byType[t.Name] = map[string]cty.Value{}
	}
	for i := range objects {
		o := &objects[i]
		if byType[o.Type] == nil {
			byType[o.Type] = map[string]cty.Value{}
		}
		val, err := objectValue(o, schema.ObjectType(o.Type))
		if err != nil {
			return cty.NilVal, fmt.Errorf("object %s %q: %w", o.Type, o.Name, err)
		}
		byType[o.Type][o.Name] = val
	}
	vals := make(map[string]cty.Value, len(byType))
	for name, named := range byType {
		vals[name] = cty.ObjectVal(named)
	}
	return cty.ObjectVal(vals), nil
}

func objectValue(o *reconcile.Resource, t *reconcile.ObjectType) (cty.Value, error) {
	vals := make(map[string]cty.Value, len(o.Attributes)+1)
	for name, native := range o.Attributes {
		val, err := fromNative(native)
		if err != nil {
			return cty.NilVal, fmt.Errorf("attribute %s: %w", name, err)
		}
		if at := t.Attribute(name); at != nil && at.Sensitive {
			val = val.Mark(funcs.Sensitive)
		}
		vals[name] = val
	}
	vals["id"] = cty.StringVal(o.ExternalID)
	return cty.ObjectVal(vals), nil
}

func (ev *Evaluation) postconditions(inst *instance) error {
	r := inst.set.node.resource()
	if len(r.post) == 0 {
		return nil
	}
	ev.refreshBefore(inst.set.node)
	evalCtx := withVariables(ev.context(inst.scope, inst.set.node, inst.each), map[string]cty.Value{"self": inst.object()})
	var diags hcl.Diagnostics
	for _, c := range r.post {
		known, more := ev.condition(c, evalCtx, "Failed postcondition")
		diags = append(diags, explain(more)...)
		if !known {
			diags = append(diags, mistake(c.test.Range(), "Unknown postcondition",
				"The postcondition of %s reads what is not known even after it was applied.", inst.address))
		}
	}
	if diags.HasErrors() {
		return &DiagnosticsError{Diagnostics: tidy(diags, inst.set.node.rng)}
	}
	return nil
}

// becameKnown notes that whatever reads a node may be evaluated anew.
func (ev *Evaluation) becameKnown(n *node) {
	ev.generation++
	ev.makeDependents()
	seen := map[*node]bool{n: true}
	todo := []*node{n}
	for len(todo) > 0 {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, d := range ev.dependents[last] {
			if !seen[d] {
				seen[d] = true
				ev.dirty[d] = ev.generation
				todo = append(todo, d)
			}
		}
	}
}

func (ev *Evaluation) makeDependents() {
	if ev.dependents != nil {
		return
	}
	ev.dependents = make(map[*node][]*node, len(ev.module.graph.order))
	for _, n := range ev.module.graph.order {
		for _, e := range n.edges {
			ev.dependents[e.to] = append(ev.dependents[e.to], n)
		}
	}
}

// stale reports whether a value could be better known by now.
func (ev *Evaluation) stale(n *node, f freshness) bool {
	return f.unknown && f.generation < ev.dirty[n]
}

// refresh evaluates an instance anew where that could help.
func (ev *Evaluation) refresh(inst *instance) {
	if !ev.stale(inst.set.node, inst.freshness) {
		return
	}
	ev.refreshBefore(inst.set.node)
	ev.again(inst)
}

// again evaluates an instance anew, with the value that for_each now gives it.
func (ev *Evaluation) again(inst *instance) {
	set := inst.set
	if value := inst.each.value; value != cty.NilVal && !value.IsWhollyKnown() && set.generation < ev.generation {
		set.generation = ev.generation
		ev.refreshEach(inst.scope, set)
	}
	ev.instance(inst, &decoder{})
}

// refreshEach evaluates for_each anew. Its keys were known from the start.
func (ev *Evaluation) refreshEach(s *scope, set *instanceSet) {
	for id, elem := range ev.eachValues(s, set.node, set.rep) {
		if inst := set.byKey[id]; inst != nil {
			inst.each.value = elem
		}
	}
}

// refreshCall does the same for the instances of a module.
func (ev *Evaluation) refreshCall(inner *scope) {
	set := inner.parent.calls[inner.unit.call]
	if inner.each.value == cty.NilVal || inner.each.value.IsWhollyKnown() || set.generation == ev.generation {
		return
	}
	set.generation = ev.generation
	for id, elem := range ev.eachValues(inner.parent, inner.unit.call, set.rep) {
		if s := set.byKey[id]; s != nil {
			s.each.value = elem
		}
	}
}

// eachValues are the values of a for_each by the text of their keys. There are
// none where it fails: what reads it fails too, and says why.
func (ev *Evaluation) eachValues(s *scope, n *node, rep repetition) map[string]cty.Value {
	val, diags := rep.forEach.Value(ev.context(s, n, each{}))
	if diags.HasErrors() || !val.IsKnown() || val.IsNull() || val.IsMarked() || !val.CanIterateElements() {
		return nil
	}
	out := make(map[string]cty.Value, val.LengthInt())
	for key, elem := range val.Elements() {
		out[keyString(key)] = elem
	}
	return out
}

// refreshBefore evaluates anew, in order, what a node reads and what could be
// better known by now. It keeps its own list: chains may be long.
func (ev *Evaluation) refreshBefore(n *node) {
	seen := map[*node]bool{n: true}
	todo := []*node{n}
	var stale []*node
	for len(todo) > 0 {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range last.edges {
			if seen[e.to] || ev.dirty[e.to] == 0 {
				continue
			}
			seen[e.to] = true
			if e.to.kind == callNode {
				todo = append(todo, e.to) // it has no value, but its for_each has
			}
			if ev.anyStale(e.to) {
				stale = append(stale, e.to)
				todo = append(todo, e.to)
			}
		}
	}
	slices.SortFunc(stale, func(a, b *node) int { return a.index - b.index })
	for _, before := range stale {
		ev.refreshNode(before)
	}
}

func (ev *Evaluation) anyStale(n *node) bool {
	for _, s := range ev.scopes[n.unit] {
		if c := s.cells[n]; c != nil && ev.stale(n, c.freshness) {
			return true
		}
		if set := s.sets[n]; set != nil {
			for _, inst := range set.order {
				if ev.stale(n, inst.freshness) {
					return true
				}
			}
		}
	}
	return false
}

func (ev *Evaluation) refreshNode(n *node) {
	for _, s := range ev.scopes[n.unit] {
		if c := s.cells[n]; c != nil && ev.stale(n, c.freshness) {
			ev.evaluate(s, n)
		}
		set := s.sets[n]
		if set == nil {
			continue
		}
		for _, inst := range set.order {
			if ev.stale(n, inst.freshness) {
				ev.again(inst)
			}
		}
	}
}
