package wasm

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

var _ reconcile.HealthChecker = (*Resource)(nil)

// CheckHealth asks the provider how the resource fares, where it can tell, and else
// says what the last calls tell. Each time it is asked in a new session, so that it
// looks at the world and not at what it has read. Whether the resource is in sync
// the host knows better.
func (r *Resource) CheckHealth(ctx context.Context) (reconcile.ResourceStatus, error) {
	if !r.provider.answer.Can(abi.AbilityHealth) || r.isData() || r.config == nil {
		return r.status, nil
	}
	defer r.hangUp()
	var told reconcile.ResourceStatus
	err := r.reading(ctx, "asking how it fares", func(s *session) error {
		data, err := s.ask(ctx, abi.OpHealth, abi.Empty{})
		if err != nil {
			return err
		}
		if told, err = abi.DecodeHealth(data, r.provider.wireLimits()); err != nil {
			return fmt.Errorf("its answer is malformed: %w", err)
		}
		return nil
	})
	if err != nil {
		return r.status, r.fail(err)
	}
	told.Sync, told.Message = r.status.Sync, r.redactor.show(told.Message)
	r.status, r.asked = told, true
	return told, nil
}
