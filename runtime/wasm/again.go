package wasm

import (
	"crypto/sha256"
	"reflect"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// memo is the plan that was made last, and what it was made of. An apply looks
// at everything again, to see whether it is still what was reviewed: where the
// provider answers with the same bytes and the record is the same, so is the
// plan, and neither is it compared again nor the provider asked for its effects.
type memo struct {
	config, live [sha256.Size]byte
	state        *reconcile.State
	plan         reconcile.Plan
	planned      map[actionKey]*plannedAction
}

// remember keeps the plan. Where secrets are in play each plan is made anew: the
// keys of its hashes may be others.
func (r *Resource) remember(plan *reconcile.Plan, state *reconcile.State, key []byte) {
	r.memo = nil
	if key != nil || r.sensitive(state) || len(r.spec.Adopt) > 0 || r.provider.answer.Description.Plans || r.isData() {
		return
	}
	m := &memo{config: r.config.sum, live: r.live.sum, state: state, plan: *plan, planned: r.planned}
	m.plan.Actions, m.plan.Warnings = slices.Clone(plan.Actions), slices.Clone(plan.Warnings)
	r.memo = m
}

// recall is the plan that was made of the same, or nil.
func (r *Resource) recall(state *reconcile.State, key []byte) *reconcile.Plan {
	m := r.memo
	if m == nil || key != nil || m.config != r.config.sum || m.live != r.live.sum || !reflect.DeepEqual(m.state, state) || r.sensitive(state) {
		return nil
	}
	plan := m.plan
	plan.Actions, plan.Warnings = slices.Clone(plan.Actions), slices.Clone(plan.Warnings)
	plan.GeneratedAt = now()
	r.planned = m.planned
	return &plan
}
