package reconcile

import (
	"context"
	"fmt"
	"slices"
)

// WithDestroy makes an engine that takes resources away: what depends on another
// resource comes before it, higher waves come before lower ones, and the state of
// a resource that has no object left is removed. The providers plan the deletes;
// see [PlanInput.Destroy].
func WithDestroy() Option { return func(e *Engine) { e.settings.destroy = true } }

// WithRemoved tells the engine which resources are declared to be taken away; see
// [Declaration].Removed. Of two of them, the one that depends on the other comes
// first, as in [WithDestroy]. What stays must not depend on what is taken away.
// Without it they come in the order of what stays.
func WithRemoved(removed func(address string) bool) Option {
	return func(e *Engine) { e.settings.removed = removed }
}

// turnRemoved turns the dependencies between resources that are taken away
// around. What stays and depends on one of them can close a cycle, which is an
// error.
func (g *graph) turnRemoved(removed func(address string) bool) error {
	gone := make([]bool, len(g.resources))
	for i := range g.resources {
		gone[i] = removed(g.resources[i].Name)
	}
	turned := false
	needs, neededBy := make([][]int, len(g.resources)), make([][]int, len(g.resources))
	for i := range g.needs {
		for _, d := range g.needs[i] {
			from, to := i, d
			if gone[i] && gone[d] {
				from, to, turned = d, i, true
			}
			needs[from], neededBy[to] = append(needs[from], to), append(neededBy[to], from)
		}
	}
	if !turned {
		return nil
	}
	g.needs, g.neededBy, g.levels = needs, neededBy, nil
	if done := g.layer(); done < len(g.resources) {
		return fmt.Errorf("%w: %s; what stays depends on what is removed", ErrCycle, g.cycle())
	}
	return nil
}

// reverse turns all dependencies and waves around.
func (g *graph) reverse() {
	g.needs, g.neededBy = g.neededBy, g.needs
	g.reversed, g.levels = true, nil
	g.layer() // there is no cycle: the order exists in the other direction
}

// saveOrRemove stores the state, or removes it where nothing is left of the
// resource that is taken away.
func (s *step) saveOrRemove(ctx context.Context, state *State) error {
	remover, ok := s.walk.engine.store.(StateRemover)
	if !s.walk.engine.settings.destroy && !s.declaration.Removed || !ok || slices.ContainsFunc(state.Resources, isOurs) {
		return s.save(ctx, state)
	}
	if s.seen.state == nil {
		return nil
	}
	if err := remover.Remove(ctx, s.resource.Name, s.seen.token); err != nil {
		return fmt.Errorf("forget the state of %s: %w", s.resource.Name, err)
	}
	s.seen.state, s.seen.token = nil, ""
	return nil
}

func isOurs(r Resource) bool { return r.Mode == ModeManaged }

// planDestroy plans the end of what is ours. What the ownership mode keeps is
// left in the world.
func (p *planner) planDestroy() {
	reason := "everything that is ours is to be destroyed"
	if p.input.Declaration.Removed {
		reason = "the resource is removed from the module, with all that is ours of it"
	}
	kept := 0
	for i := range p.input.Live {
		live := &p.input.Live[i]
		key := keyOf(live)
		_, recorded := p.recorded[key]
		switch ownership := p.input.Declaration.Ownership; {
		case !p.owned(live):
			p.counts[MetadataUnmanaged]++
			p.unowned = append(p.unowned, key)
		case ownership == OwnAdopt, ownership == OwnAdditive && !recorded:
			kept++
			p.counts[MetadataUndeclared]++
		default:
			p.remove(key, live, reason)
		}
	}
	if kept > 0 {
		p.warnings = append(p.warnings, fmt.Sprintf(
			"%d objects stay: mode %s deletes nothing of that kind; what is recorded of them is forgotten", kept, p.input.Declaration.Ownership))
	}
}
