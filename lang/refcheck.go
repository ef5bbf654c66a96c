package lang

import (
	"github.com/hashicorp/hcl/v2"
)

// checkReferences looks at what references read of resources, before anything
// is evaluated: names are known from the providers' schemas.
func (ev *Evaluation) checkReferences() {
	for _, u := range ev.module.graph.units {
		for _, key := range sortedKeys(u.nodes) {
			n := u.nodes[key]
			for _, r := range n.refs {
				ev.checkReference(r)
			}
			for _, r := range n.explicit {
				ev.checkExplicit(n, r)
			}
		}
	}
}

// checkExplicit refuses that what stays depends on what is removed. Of two that are
// removed one may depend on the other, which then goes last.
func (ev *Evaluation) checkExplicit(n *node, r *ref) {
	if !isRemoved(r.target) || isRemoved(n) {
		return
	}
	ev.mistake(r.rng(), "Dependency on a removed resource",
		"%s is removed, and nothing can come after it. Take it out of depends_on.", r.target.key)
}

func isRemoved(n *node) bool { return n != nil && n.kind == resourceNode && n.resource().removed }

func (ev *Evaluation) checkReference(r *ref) {
	if r.target == nil || r.target.kind != resourceNode {
		return
	}
	if isRemoved(r.target) {
		ev.mistake(r.rng(), "Reference to a removed resource",
			"%s is removed, and what it was is not there any more. Write the value itself, or take the reference out.", r.target.key)
		return
	}
	bt := ev.typeOf(r.target)
	tail := r.tail
	if r.isKeyed() {
		tail = r.rest
	}
	if bt == nil || len(tail) == 0 {
		return
	}
	step, ok := tail[0].(hcl.TraverseAttr)
	if !ok {
		return
	}
	if step.Name == "objects" {
		ev.checkObjectType(r, tail)
		return
	}
	if bt.byName[step.Name] == nil && bt.nested[step.Name] == nil {
		names := append(sortedKeys(bt.byName), sortedKeys(bt.nested)...)
		names = append(names, "objects")
		ev.mistake(step.SrcRange, "Unknown attribute", "%s has no attribute %s.%s", upperFirst(bt.spec.where), quote(step.Name),
			didYouMeanOrList(step.Name, names, "attribute"))
	}
}

// checkObjectType checks the word after objects.
func (ev *Evaluation) checkObjectType(r *ref, tail hcl.Traversal) {
	if len(tail) < 2 {
		return
	}
	step, ok := tail[1].(hcl.TraverseAttr)
	if !ok {
		return
	}
	n := r.target
	schema := ev.types[n.unit.providers[n.resource().typ]].schema
	if schema.ObjectType(step.Name) != nil {
		return
	}
	var names []string
	for _, o := range schema.Objects {
		names = append(names, o.Name)
	}
	ev.mistake(step.SrcRange, "Unknown type of object", "The provider %s has no objects of type %s.%s",
		quote(n.resource().typ), quote(step.Name), didYouMeanOrList(step.Name, names, "type of object"))
}
