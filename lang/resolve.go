package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// resolveUnit finds what each node of a unit refers to, and draws its edges.
func (b *graphBuilder) resolveUnit(u *unit) {
	r := &resolver{unit: u}
	for _, key := range sortedKeys(u.nodes) {
		n := u.nodes[key]
		b.resolveNode(r, n)
		n.drawEdges()
	}
	b.diags = append(b.diags, r.diags...)
}

func (b *graphBuilder) resolveNode(r *resolver, n *node) {
	switch d := n.decl.(type) {
	case *variable:
		b.resolveVariable(r, n, d)
	case *local:
		n.refs = r.all(usesOf(d.expr), allowed{})
	case *output:
		n.refs = append(r.all(usesOf(d.expr), allowed{}), conditionRefs(r, d.preconditions, allowed{})...)
		n.explicit = r.explicit(d.dependsOn)
	case *resource:
		b.resolveResource(r, n, d)
	case *moduleCall:
		b.resolveCall(r, n, d)
	case *providerBlock:
		if d.config != nil {
			n.refs = r.all(bodyUses(d.config.Body, &bodySpec{}), allowed{})
		}
	case *check:
		n.refs = conditionRefs(r, d.asserts, allowed{})
	}
}

// resolveVariable: the value of a called module's variable is an expression of
// the caller's.
func (b *graphBuilder) resolveVariable(r *resolver, n *node, v *variable) {
	if n.kind == validationNode {
		n.refs = conditionRefs(r, v.validations, allowed{})
		return
	}
	if n.unit.parent == nil {
		return
	}
	call, _ := n.unit.call.decl.(*moduleCall)
	if attr := call.args[v.name]; attr != nil {
		outer := &resolver{unit: n.unit.parent}
		n.refs = outer.all(usesOf(attr.Expr), allowed{repetition: call.repetition})
		b.diags = append(b.diags, outer.diags...)
	}
}

func conditionRefs(r *resolver, conditions []condition, may allowed) []*ref {
	var out []*ref
	for _, c := range conditions {
		out = append(out, r.all(usesOf(c.test), may)...)
		out = append(out, r.all(usesOf(c.message), may)...)
	}
	return out
}

func (b *graphBuilder) resolveResource(r *resolver, n *node, d *resource) {
	if _, ok := n.unit.providers[d.typ]; !ok {
		b.add(unknownProvider(n.unit, d))
	}
	spec := resourceSkip(n.unit.module)
	may := allowed{repetition: d.repetition}
	n.refs = r.all(repetitionUses(d.repetition), allowed{})
	markChained(n.refs, d.repetition)
	n.refs = append(n.refs, r.all(bodyUses(d.body, spec), may)...)
	for _, name := range sortedKeys(d.meta) {
		switch name {
		case "for_each", "count", "depends_on", "ignore_changes":
		default:
			n.refs = append(n.refs, r.all(usesOf(d.meta[name].Expr), may)...)
		}
	}
	for _, name := range sortedKeys(d.timeouts) {
		n.refs = append(n.refs, r.all(usesOf(d.timeouts[name].Expr), may)...)
	}
	n.refs = append(n.refs, conditionRefs(r, d.pre, may)...)
	may.self = true
	n.refs = append(n.refs, conditionRefs(r, d.post, may)...)
	n.explicit = r.explicit(d.dependsOn)
}

// markChained notes that for_each names a resource as it is.
func markChained(refs []*ref, rep repetition) {
	native, ok := rep.forEach.(hclsyntax.Expression)
	if !ok || len(refs) != 1 {
		return
	}
	_, plain := unparen(native).(*hclsyntax.ScopeTraversalExpr)
	target := refs[0].target
	refs[0].chained = plain && target != nil && target.kind == resourceNode && len(refs[0].tail) == 0 &&
		refs[0].literal == cty.NilVal && target.resource().repetition.forEach != nil
}

func resourceSkip(m *Module) *bodySpec { return m.grammar.resource }

func repetitionUses(r repetition) []use {
	return append(usesOf(r.forEach), usesOf(r.count)...)
}

// unknownProvider says that a resource's provider is missing, and how to
// declare it: nothing runs that the module does not grant by name.
func unknownProvider(u *unit, d *resource) *hcl.Diagnostic {
	hint := didYouMean(d.typ, sortedKeys(u.providers))
	if hint == "" {
		hint = " Declare it in the root module: provider " + quote(d.typ) + " { source = … }, with an allow block for what it may do."
	}
	return mistake(d.typeRange, "Unknown provider", "There is no provider %s.%s", quote(d.typ), hint)
}

func (b *graphBuilder) resolveCall(r *resolver, n *node, c *moduleCall) {
	n.refs = r.all(repetitionUses(c.repetition), allowed{})
	n.explicit = r.explicit(c.dependsOn)
	child := n.unit.children[c.name]
	if child == nil {
		return
	}
	names := sortedKeys(child.module.variables)
	for _, name := range sortedKeys(c.args) {
		if child.module.variables[name] == nil {
			b.add(mistake(c.args[name].NameRange, "Unsupported argument", "The module in %s has no variable %s.%s",
				child.module.dir, quote(name), didYouMeanOrList(name, names, "variable")))
			// What it refers to is checked all the same.
			r.all(usesOf(c.args[name].Expr), allowed{repetition: c.repetition})
		}
	}
	for _, name := range names {
		if v := child.module.variables[name]; v.def == nil && c.args[name] == nil {
			b.add(mistake(c.rng, "Missing argument", "The module in %s needs a value for its variable %s (%s). Add %s = … to the block.",
				child.module.dir, quote(name), place(v.rng), name))
		}
	}
}

// explicit resolves depends_on: resources and modules only.
func (r *resolver) explicit(traversals []hcl.Traversal) []*ref {
	var out []*ref
	for _, t := range traversals {
		found := r.resolve(use{traversal: t}, allowed{})
		if found == nil {
			continue
		}
		kind := callNode
		if found.target != nil {
			kind = found.target.kind
		}
		if kind != resourceNode && kind != callNode || len(found.tail) > 0 || found.target == nil {
			r.problem(found.rng(), "Invalid depends_on",
				"depends_on names whole resources and modules, like file.base or module.network; %s is neither.", traversalText(t))
			continue
		}
		out = append(out, found)
	}
	return out
}

// drawEdges makes edges of a node's references and of what it stands in.
func (n *node) drawEdges() {
	add := func(to *node, rng hcl.Range) {
		if to != nil {
			n.edges = append(n.edges, edge{to: to, rng: rng})
		}
	}
	if v, ok := n.decl.(*variable); ok && n.kind == validationNode {
		add(n.unit.nodes["var."+v.name], v.rng)
	}
	for _, ref := range n.refs {
		n.edges = append(n.edges, ref.edges()...)
	}
	for _, ref := range n.explicit {
		n.edges = append(n.edges, ref.orderEdges()...)
	}
	if n.kind == resourceNode && n.resource() != nil {
		root := n.unit.root()
		if name, ok := n.unit.providers[n.resource().typ]; ok {
			add(root.nodes["provider."+name], n.resource().typeRange)
		}
	}
	if n.unit.call != nil {
		add(n.unit.call, n.unit.call.rng)
	}
	if n.kind == resourceNode {
		// What a call depends on comes before everything inside.
		for up := n.unit; up.call != nil; up = up.parent {
			for _, ref := range up.call.explicit {
				n.edges = append(n.edges, ref.orderEdges()...)
			}
		}
	}
}

func (u *unit) root() *unit {
	for u.parent != nil {
		u = u.parent
	}
	return u
}

// edges are what must have a value before the reference has one.
func (r *ref) edges() []edge {
	if r.target == nil {
		return nil
	}
	if r.target.kind != callNode {
		return []edge{{to: r.target, rng: r.rng()}}
	}
	out := []edge{{to: r.target, rng: r.rng()}}
	if r.output != nil {
		return append(out, edge{to: r.output, rng: r.rng()})
	}
	call, _ := r.target.decl.(*moduleCall)
	if child := r.target.unit.children[call.name]; child != nil {
		for _, name := range sortedKeys(child.module.outputs) {
			out = append(out, edge{to: child.nodes["output."+name], rng: r.rng()})
		}
	}
	return out
}

// orderEdges are what must be done before: for a module all its resources.
func (r *ref) orderEdges() []edge {
	if r.target.kind != callNode {
		return []edge{{to: r.target, rng: r.rng()}}
	}
	out := []edge{{to: r.target, rng: r.rng()}}
	for _, n := range r.target.resourcesBelow() {
		out = append(out, edge{to: n, rng: r.rng()})
	}
	return out
}

// resourcesBelow are the resources of a called module and of those it calls.
func (n *node) resourcesBelow() []*node {
	call, ok := n.decl.(*moduleCall)
	if !ok {
		return nil
	}
	child := n.unit.children[call.name]
	if child == nil {
		return nil
	}
	return child.allResources()
}

func (u *unit) allResources() []*node {
	var out []*node
	for _, key := range sortedKeys(u.nodes) {
		if n := u.nodes[key]; n.kind == resourceNode {
			out = append(out, n)
		}
	}
	for _, name := range sortedKeys(u.children) {
		out = append(out, u.children[name].allResources()...)
	}
	return out
}
