package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// apply has the provider carry out the sealed plan. A cancelled run lets it
// finish, for as long as the engine's grace allows.
func (s *step) apply(ctx context.Context) error {
	s.log = s.newActionLog()
	s.lasting = s.log.lasting()
	if err := s.untouched(); err != nil {
		return err
	}
	ctx, cancel := graceful(ctx, s.walk.engine.settings.grace)
	defer cancel()
	ctx, cancelTimeout := withTimeout(ctx, s.declaration.ApplyTimeout)
	defer cancelTimeout()
	s.walk.begun.note(s.provider.Name, s.resource.Name, s.plan)
	defer func() { s.walk.begun.drop(s.provider.Name, s.resource.Name, s.log.undone()) }()
	began := s.walk.engine.now()
	s.walk.events.applyStart(s.resource.Name, len(s.plan.Actions))
	err := guard("apply", func() (err error) {
		s.results, err = applyActions(ctx, s.actual, s.plan, s.log)
		return err
	})
	s.lasting = s.log.lasting()
	for _, result := range s.results {
		s.walk.events.applyAction(s.resource.Name, result.Action, result.Name, string(result.Status))
	}
	s.walk.events.applyComplete(s.resource.Name, s.results, s.walk.engine.now().Sub(began).Milliseconds())
	return errors.Join(s.staleActions(), err, failures(s.results))
}

// untouched refuses to apply a plan that somebody changed since the gate ruled
// on it: plans are handed around by pointer.
func (s *step) untouched() error {
	now, err := planDigest(s.plan)
	if err != nil || now != s.proposed.Components.Plan {
		return errors.Join(err, fmt.Errorf("%w: it was changed after its review", ErrInvalidPlan))
	}
	return nil
}

// failures is the error of the results that failed, and of those that say
// nothing that there is a word for.
func failures(results []Result) error {
	const most = 10
	var errs []error
	failed := 0
	for _, result := range results {
		switch result.Status {
		case ApplySucceeded, ApplySkipped:
			continue
		case ApplyFailed:
		default:
			result.Error = fmt.Sprintf("unknown status %q", result.Status)
		}
		if failed++; failed <= most {
			errs = append(errs, fmt.Errorf("%s %s: %s", result.Action, result.Name, result.Error))
		}
	}
	if failed > most {
		errs = append(errs, fmt.Errorf("%d more actions failed", failed-most))
	}
	return errors.Join(errs...)
}

// graceful is a context that outlives ctx by the grace.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(fmt.Errorf("%w, and the grace of %s is over", context.Cause(ctx), grace))
		case <-ended:
		}
	})
	return lasting, func() {
		stop()
		close(ended)
		cancel(nil)
	}
}
