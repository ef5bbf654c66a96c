package wasm

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Drift compares what was read last with what is recorded, whatever is
// declared. The number is that of the live objects that are not ours.
func (r *Resource) Drift(ctx context.Context, state *reconcile.State) ([]reconcile.Drift, int, error) {
	if r.config == nil || r.live == nil {
		return nil, 0, fmt.Errorf("resource %s: the world was not read", r.Type())
	}
	key, err := r.planKey(ctx, state)
	if err != nil {
		return nil, 0, err
	}
	input := r.planInput(key, state)
	input.Destroy, input.Replace = false, nil
	return reconcile.FindDrift(input)
}
