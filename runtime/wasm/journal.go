package wasm

import (
	"context"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var _ reconcile.ActionApplier = (*Resource)(nil)

// actionLog remembers why an action may not begin: that is no provider's fault.
type actionLog struct {
	reconcile.ActionLog
	refused error
}

// ApplyActions is [Resource.ApplyPlan] that tells of each batch of actions
// before it is sent, and of each outcome.
func (r *Resource) ApplyActions(ctx context.Context, plan *reconcile.Plan, log reconcile.ActionLog) ([]reconcile.Result, error) {
	r.log = &actionLog{ActionLog: log}
	defer func() { r.log = nil }()
	results, err := r.ApplyPlan(ctx, plan)
	if r.log.refused != nil {
		err = r.fail(r.log.refused)
	}
	return results, err
}

// key is the idempotency key of the plan's action at the index.
func (r *Resource) key(index int, a *reconcile.Action) string {
	if r.log == nil {
		return r.provider.host.opts.Run + ":" + objectAddress(r.Type(), a)
	}
	return r.log.Key(index)
}

// intend tells that the batch is about to be sent.
func (r *Resource) intend(ctx context.Context, batch []*step) error {
	if r.log == nil {
		return nil
	}
	indexes := make([]int, len(batch))
	for i, s := range batch {
		indexes[i] = s.index
	}
	r.log.refused = r.log.Intend(ctx, indexes...)
	return r.log.refused
}

// unbegun tells of steps that were announced and did not begin.
func (r *Resource) unbegun(batch []*step, err error) {
	r.giveUp(batch)
	if r.log == nil {
		return
	}
	for _, s := range batch {
		if !s.lost && s.failure == nil {
			r.log.Done(s.index, reconcile.Result{
				Phase: "apply", Action: string(s.action.Action), Name: s.action.Name,
				Status: reconcile.ApplyFailed, Error: err.Error(),
			})
		}
	}
}

// noteOutcome tells the outcome of a step, unless nobody knows it.
func (r *Resource) noteOutcome(s *step) {
	if r.log != nil && !s.lost {
		r.log.Done(s.index, r.results[len(r.results)-1])
	}
}
