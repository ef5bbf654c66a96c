package wasm

import (
	"context"
	"fmt"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// BuildState is [Resource.BuildStateContext] without a context.
func (r *Resource) BuildState(config, live any, existing *reconcile.State) (*reconcile.State, error) {
	return r.BuildStateContext(context.Background(), config, live, existing) //nolint:forbidigo // the documented signature has no context
}

// BuildStateContext describes what is to be recorded: on the host, or by the
// provider where it plans itself.
func (r *Resource) BuildStateContext(ctx context.Context, config, live any, existing *reconcile.State) (*reconcile.State, error) {
	defer r.hangUp()
	if err := r.mineLive(config, live); err != nil {
		return nil, err
	}
	key, err := r.recordKey(ctx, existing)
	if err != nil {
		return nil, err
	}
	objects, metadata := r.live.objects, map[string]any(nil)
	if r.provider.answer.Description.Plans && !r.isData() {
		if objects, metadata, err = r.guestState(ctx, existing); err != nil {
			return nil, r.fail(err)
		}
	}
	state, err := reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
		Address:  r.Type(),
		Schema:   &r.provider.answer.Description.Schema,
		Desired:  r.config.desired,
		Live:     objects,
		Existing: existing,
		Applied:  r.applied,
		Results:  r.results,
		Redact:   r.redactor.secret,
		HashKey:  key,
		Now:      now(),
	})
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", r.Type(), err)
	}
	if r.spec.Purpose == PurposeDestroy {
		r.keepUndestroyed(state, existing)
	}
	if metadata != nil {
		state.Metadata = r.redactMap(metadata)
	}
	if err := r.seal(state, existing); err != nil {
		return nil, err
	}
	return state, nil
}

// keepUndestroyed leaves in the record what was recorded and still has to be
// destroyed: what its mode lets stay is forgotten.
func (r *Resource) keepUndestroyed(state, existing *reconcile.State) {
	recorded := reconcile.ResourceIndex(existing)
	state.Resources = slices.DeleteFunc(state.Resources, func(o reconcile.Resource) bool {
		switch r.spec.Declaration.Ownership {
		case reconcile.OwnAdopt:
			return true
		case reconcile.OwnAdditive:
			return recorded[o.Address] == nil
		case reconcile.OwnAuthoritative:
			return false
		default:
			return false
		}
	})
}

// guestState asks a provider that plans itself what it wants recorded.
func (r *Resource) guestState(ctx context.Context, existing *reconcile.State) (objects []reconcile.Resource, metadata map[string]any, err error) {
	var set *answerSet
	err = r.reading(ctx, "describing what to record", func(s *session) (err error) {
		set, err = s.objects(ctx, abi.OpBuildState, &abi.StateRequest{State: headOf(existing)})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err = r.provider.index(set.objects); err != nil {
		return nil, nil, r.provider.explainWith(r.redactor, r.Type(), "describing what to record", err)
	}
	return set.objects, set.metadata, nil
}
