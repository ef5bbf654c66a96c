package policy

import (
	"encoding/json"
	"math"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// subject is a review as the host understood it: what is ruled on.
type subject struct {
	reconcile.Review
	// effects of each action. They are read once, here.
	effects [][]seenEffect
	counts  counts
}

// seenEffect is an effect, whether the grant covers it, and whether nobody can
// see what it does.
type seenEffect struct {
	reconcile.Effect
	granted, opaque bool
}

// counts are what the host counted in a plan, whatever its summary says.
type counts struct {
	create, update, remove, skip, unknown, replace int
	total, managed, unchanged                      int
	// ungranted, unbounded and opaque count effects.
	ungranted, unbounded, opaque int
	// bare plans count changes in their summary and list no action.
	bare bool
}

// newSubject reads the effects and counts. An effect that cannot be read is left
// to the inspector, which denies the plan.
func newSubject(review reconcile.Review) *subject {
	s := &subject{Review: review, effects: make([][]seenEffect, len(review.Plan.Actions))}
	s.counts = counts{
		managed: review.State.Managed, total: len(review.Plan.Actions),
		unchanged: wholeNumber(review.Plan.Metadata[reconcile.MetadataUnchanged]),
	}
	for i := range review.Plan.Actions {
		s.count(&review.Plan.Actions[i])
		s.see(i)
	}
	s.counts.bare = s.counts.total == 0 && review.Plan.Summary != reconcile.Summary{}
	return s
}

func (s *subject) count(a *reconcile.Action) {
	switch a.Action {
	case reconcile.ActionCreate:
		s.counts.create++
	case reconcile.ActionUpdate:
		s.counts.update++
	case reconcile.ActionDelete:
		s.counts.remove++
		if isReplace(a) {
			s.counts.replace++
		}
	case reconcile.ActionSkip:
		s.counts.skip++
	default:
		s.counts.unknown++
	}
}

// isReplace reports whether the action is half of a replacement. Whatever is not
// true is not: the inspector refuses other types.
func isReplace(a *reconcile.Action) bool {
	replace, ok := a.Details[reconcile.DetailReplace].(bool)
	return ok && replace
}

func (s *subject) see(i int) {
	effects, err := effectsOf(s.Plan.Actions[i].Details[reconcile.DetailEffects])
	if err != nil || len(effects) == 0 {
		return
	}
	s.effects[i] = make([]seenEffect, len(effects))
	for j, e := range effects {
		seen := seenEffect{e, granted(s.Provider.Grants, e), opaque(s.Provider.Grants, e)}
		if !seen.granted {
			s.counts.ungranted++
		}
		if e.Capability == reconcile.CapabilityUnbounded {
			s.counts.unbounded++
		}
		if seen.opaque {
			s.counts.opaque++
		}
		s.effects[i][j] = seen
	}
}

// add sums up the plans of a run.
func (c *counts) add(o counts) {
	c.create += o.create
	c.update += o.update
	c.remove += o.remove
	c.skip += o.skip
	c.unknown += o.unknown
	c.replace += o.replace
	c.total += o.total
	c.managed += o.managed
	c.unchanged += o.unchanged
	c.ungranted += o.ungranted
	c.unbounded += o.unbounded
	c.opaque += o.opaque
	c.bare = c.bare || o.bare
}

func wholeNumber(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case int64:
		return int(v)
	case json.Number:
		n, err := v.Int64()
		if err == nil {
			return int(n)
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	}
	return 0
}
