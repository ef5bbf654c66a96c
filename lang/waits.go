package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// maxWaits bounds how many references a deferred resource names.
const maxWaits = 100

// waits names the references of a node that are not known yet, down to the
// resources that will tell.
func (ev *Evaluation) waits(s *scope, n *node, e each) []string {
	var out []string
	for _, r := range n.refs {
		if len(out) > maxWaits {
			break
		}
		out = append(out, ev.refWaits(s, n, r, e)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (ev *Evaluation) refWaits(s *scope, n *node, r *ref, e each) []string {
	if r.target == nil {
		return ev.eachWaits(s, n, r)
	}
	switch r.target.kind {
	case variableNode, localNode:
		if c := s.cells[r.target]; c != nil && c.unknown && isUnknownAt(c.val, r.tail) {
			return c.waits
		}
	case callNode:
		return ev.callWaits(s, r)
	case resourceNode:
		return ev.resourceWaits(s, n, r, e)
	case validationNode, outputNode, providerNode, checkNode:
	}
	return nil
}

// eachWaits: an unknown each.value waits for what for_each refers to. A resource
// has those references itself, an argument of a module does not.
func (ev *Evaluation) eachWaits(s *scope, n *node, r *ref) []string {
	var out []string
	if r.root == "each" && n.kind == variableNode && n.unit.call != nil {
		for _, up := range n.unit.call.refs {
			out = append(out, ev.refWaits(s, n.unit.call, up, each{})...)
		}
	}
	return out
}

func (ev *Evaluation) callWaits(s *scope, r *ref) []string {
	var out []string
	for _, source := range ev.callSources(s, r) {
		if c, ok := source.(*cell); ok && c.unknown {
			out = append(out, c.waits...)
		}
	}
	return out
}

func (ev *Evaluation) resourceWaits(s *scope, n *node, r *ref, e each) []string {
	set := s.sets[r.target]
	if set == nil {
		return nil
	}
	text := s.prefix + traversalText(r.traversal)
	tail := r.tail
	candidates := set.order
	if sources := ev.resourceSources(s, n, r, e); len(sources) == 1 {
		if inst, ok := sources[0].(*instance); ok {
			candidates = []*instance{inst}
			if r.literal == cty.NilVal {
				text, tail = inst.address+traversalText(r.rest), r.rest
			}
		}
	}
	for _, inst := range candidates {
		if isUnknownAt(inst.object(), tail) {
			return []string{text}
		}
	}
	return nil
}

// isUnknownAt reports whether anything is unknown in what a reference reads.
func isUnknownAt(val cty.Value, tail hcl.Traversal) bool {
	if len(tail) > 0 {
		got, diags := tail.TraverseRel(val)
		if !diags.HasErrors() {
			val = got
		}
	}
	return !val.IsWhollyKnown()
}
