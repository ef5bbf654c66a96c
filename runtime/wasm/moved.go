package wasm

import (
	"context"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var _ reconcile.MoveFinder = (*Resource)(nil)

// FindMoved has the provider read the world again, and compares what actions are
// about to touch with what the plan saw. Where the record was taken for the world
// there is nothing to compare with.
func (r *Resource) FindMoved(ctx context.Context, seen reconcile.Settled, plan *reconcile.Plan, indexes []int) (map[int]string, error) {
	if r.spec.Recorded {
		return nil, nil
	}
	defer r.hangUp()
	if _, err := r.FetchLiveKnown(ctx, seen.Config, seen.State); err != nil {
		return nil, err
	}
	moved := map[int]string{}
	input := r.planInput(nil, nil)
	for _, i := range indexes {
		a := &plan.Actions[i]
		touched := reconcile.Touched{Action: a, Now: r.live.index[objectKey{a.ResourceType, a.Name}]}
		if planned := r.planned[actionKey{a.Action, a.ResourceType, a.Name}]; planned != nil {
			touched.Desired, touched.Before = planned.request.Desired, planned.request.Before
		}
		if replaced := r.planned[actionKey{reconcile.ActionDelete, a.ResourceType, a.Name}]; replaced != nil {
			touched.Before = replaced.request.Before
		}
		if why := reconcile.MovedSince(input, touched); why != "" {
			moved[i] = r.redactor.text(why)
		}
	}
	return moved, nil
}

// unmoved are the steps of a batch that may begin: those whose objects are as the
// plan saw them. The log says when it is time to look. What has begun before is
// tried again in any case.
func (r *Resource) unmoved(ctx context.Context, batch []*step) ([]*step, error) {
	if r.log == nil {
		return batch, nil
	}
	checker, ok := r.log.ActionLog.(reconcile.ActionChecker)
	if !ok {
		return batch, nil
	}
	var indexes []int
	for _, s := range batch {
		if s.failure == nil {
			indexes = append(indexes, s.index)
		}
	}
	moved, err := checker.Moved(ctx, indexes...)
	if err != nil || len(moved) == 0 {
		return batch, err
	}
	var rest []*step
	for _, s := range batch {
		if why, ok := moved[s.index]; ok {
			r.results = append(r.results, reconcile.MovedResult(s.action, why))
			r.noteOutcome(s)
			continue
		}
		rest = append(rest, s)
	}
	return rest, nil
}
