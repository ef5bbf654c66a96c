package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs"
)

// instance evaluates the body of one resource, and its preconditions.
func (ev *Evaluation) instance(inst *instance, d *decoder) {
	n := inst.set.node
	bt := ev.typeOf(n)
	inst.set.value = cty.NilVal
	if bt == nil {
		ev.noSchema(inst)
		return
	}
	evalCtx := ev.context(inst.scope, n, inst.each)
	d.diags = nil
	inst.body = d.body(n.resource().body, bt, evalCtx)
	unknown := !inst.body.IsWhollyKnown()
	for _, c := range n.resource().pre {
		known, diags := ev.condition(c, evalCtx, "Failed precondition")
		d.diags = append(d.diags, diags...)
		unknown = unknown || !known
	}
	inst.diags = explain(d.diags)
	inst.freshness = ev.fresh(unknown && !inst.diags.HasErrors(), inst.scope, n, inst.each)
	inst.seen = cty.NilVal
}

// object is what expressions see of an instance. It is made when something
// refers to it, because most resources are never referred to.
func (inst *instance) object() cty.Value {
	if inst.seen == cty.NilVal {
		ev := inst.set.ev
		inst.seen = ev.objectOf(inst, ev.typeOf(inst.set.node))
	}
	return inst.seen
}

// noSchema: the provider's mistake, or the missing data, was reported or is
// reported here.
func (ev *Evaluation) noSchema(inst *instance) {
	inst.seen, inst.body = cty.DynamicVal, cty.DynamicVal
	n := inst.set.node
	if typ := ev.types[n.unit.providers[n.resource().typ]]; typ != nil && n.resource().data {
		inst.diags = hcl.Diagnostics{mistake(n.resource().typeRange, "No data", "The provider %s has nothing to read with a data block. Use a resource block.",
			quote(n.resource().typ))}
	}
}

// objectOf is what expressions see of an instance: its body, what the provider
// computes, and its objects.
func (ev *Evaluation) objectOf(inst *instance, bt *blockType) cty.Value {
	vals := inst.body.AsValueMap()
	if vals == nil {
		vals = map[string]cty.Value{}
	}
	for _, at := range bt.attrs {
		if !at.Computed || !isNullOrUnset(vals[at.Name]) {
			continue
		}
		vals[at.Name] = at.sensitive(cty.UnknownVal(at.ty))
		if inst.result != nil {
			vals[at.Name] = inst.outputs[at.Name]
		}
	}
	vals["objects"] = inst.objects
	if inst.objects == cty.NilVal {
		vals["objects"] = ev.unknownObjects(inst)
	}
	return cty.ObjectVal(vals)
}

func isNullOrUnset(v cty.Value) bool {
	v, _ = v.Unmark()
	return v == cty.NilVal || v.IsNull()
}

// unknownObjects has the types of objects, so that a wrong one is found before
// anything runs.
func (ev *Evaluation) unknownObjects(inst *instance) cty.Value {
	n := inst.set.node
	vals := map[string]cty.Value{}
	for _, o := range ev.types[n.unit.providers[n.resource().typ]].schema.Objects {
		vals[o.Name] = cty.DynamicVal
	}
	return cty.ObjectVal(vals)
}

// provider evaluates the config block of a provider into the node's cell.
func (ev *Evaluation) provider(s *scope, n *node) {
	p, _ := n.decl.(*providerBlock)
	typ := ev.types[p.Name]
	if typ == nil {
		return
	}
	if typ.config == nil {
		if p.config != nil {
			ev.mistake(p.config.DefRange, "Unsupported block", "The provider %s takes no configuration. Take the block out.", quote(p.Name))
		}
		return
	}
	var body hcl.Body = &hclsyntax.Body{SrcRange: p.Range, EndRange: p.Range}
	if p.config != nil {
		body = p.config.Body
	}
	d := &decoder{}
	val := d.body(body, typ.config, ev.context(s, n, each{}))
	ev.add(explain(d.diags))
	ev.setCell(s, n, s, each{}, val)
}

// variable takes the value of a variable from the inputs, or from the call of
// the module.
func (ev *Evaluation) variable(s *scope, n *node) {
	v, _ := n.decl.(*variable)
	val, from, e := cty.DynamicVal, s, each{}
	if s.parent != nil {
		ev.refreshCall(s)
		from, e = s.parent, s.each
		val = ev.argument(s, n, v)
	} else if in := ev.inputs[v.name]; in != nil {
		val = in.val
	}
	if v.sensitive {
		val = val.Mark(funcs.Sensitive)
	}
	ev.setCell(s, n, from, e, val)
}

// argument evaluates what the caller gives a variable.
func (ev *Evaluation) argument(s *scope, n *node, v *variable) cty.Value {
	call, _ := s.unit.call.decl.(*moduleCall)
	attr := call.args[v.name]
	if attr == nil {
		val, diags := ev.defaultOf(v, s.unit.module)
		ev.add(diags)
		return val
	}
	val, diags := attr.Expr.Value(ev.context(s.parent, n, s.each))
	ev.add(explain(diags))
	if diags.HasErrors() {
		return cty.UnknownVal(v.typ)
	}
	val, diags = v.accept(val, attr.Expr.Range())
	ev.add(diags)
	if val.IsNull() && !v.nullable && v.def != nil {
		val, diags = ev.defaultOf(v, s.unit.module)
		ev.add(diags)
	}
	return val
}
