package wasm

import (
	"context"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

var _ reconcile.Finder = (*Resource)(nil)

// Finds reports whether the provider says that it can tell what became of an
// action; otherwise the reading of the world does.
func (r *Resource) Finds() bool { return r.provider.answer.Can(abi.AbilityFind) }

// Find asks the provider what became of a create that was interrupted, by its
// idempotency key.
func (r *Resource) Find(ctx context.Context, config any, interrupted reconcile.Interrupted) (id string, found bool, err error) {
	if err := r.mine(config); err != nil {
		return "", false, err
	}
	request := abi.FindRequest{Key: interrupted.Key, Object: reconcile.Resource{Type: interrupted.Type, Name: interrupted.Name}}
	for _, desired := range r.config.desired {
		if desired.Type == interrupted.Type && desired.Name == interrupted.Name {
			request.Object = desired
		}
	}
	var answer *abi.FindAnswer
	err = r.reading(ctx, "looking for what was interrupted", func(s *session) error {
		body, err := s.ask(ctx, abi.OpFind, &request)
		if err != nil {
			return err
		}
		answer, err = abi.DecodeFindAnswer(body, r.provider.wireLimits())
		return err
	})
	if err != nil {
		return "", false, r.fail(err)
	}
	if answer.Object == nil {
		return "", false, nil
	}
	return answer.Object.ExternalID, true, nil
}
