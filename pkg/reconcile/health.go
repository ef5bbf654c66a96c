package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// HealthChecker is optional beside [Reconcilable]: it asks the world how the
// resource fares, each time anew. It changes nothing. The engine asks after an
// apply until the resource is healthy; see [WithHealth].
type HealthChecker interface {
	CheckHealth(ctx context.Context) (ResourceStatus, error)
}

// How long an apply waits for a resource to become healthy where the declaration
// does not say, and how long it is between two questions.
const (
	defaultHealthTimeout = 5 * time.Minute
	firstHealthPause     = time.Second
	longestHealthPause   = 10 * time.Second
)

// WithHealth sets how long an apply waits for a resource to become healthy, where
// [Declaration].HealthTimeout is zero, and the first pause between two questions,
// which doubles up to ten times as much. A timeout below zero waits for nothing.
// Without it that is five minutes and a second.
func WithHealth(timeout, pause time.Duration) Option {
	return func(e *Engine) {
		e.settings.healthTimeout, e.settings.healthPause = timeout, max(pause, time.Millisecond)
	}
}

// WithHealthShown makes an engine ask for the health of each resource while it
// plans, too; see [MetaResult.Health]. It waits for nothing.
func WithHealthShown() Option { return func(e *Engine) { e.settings.healthShown = true } }

// UnhealthyError says that what was applied does not fare as it should. It was
// applied and is recorded.
type UnhealthyError struct {
	Address string
	Status  ResourceStatus
	// Waited is how long it was waited for.
	Waited time.Duration
	// Cause is set where the waiting was ended by something else than the time.
	Cause error
}

// Error says how the resource fares.
func (e *UnhealthyError) Error() string {
	text := fmt.Sprintf("%s is %s after %s", e.Address, e.Status.Health, e.Waited.Round(time.Millisecond))
	if e.Status.Message != "" {
		text += ": " + e.Status.Message
	}
	if e.Cause != nil {
		text += "; not waited any longer: " + e.Cause.Error()
	}
	return text + "; what is there is recorded"
}

// Unwrap is the cause, if there is one.
func (e *UnhealthyError) Unwrap() error { return e.Cause }

// healthLimit is how long to wait, or false for not at all.
func (s *step) healthLimit() (time.Duration, bool) {
	limit := s.declaration.HealthTimeout
	if limit == 0 {
		limit = s.walk.engine.settings.healthTimeout
	}
	return limit, limit > 0 && !s.walk.engine.settings.destroy && !s.declaration.Removed && !s.isData()
}

// awaitHealth waits until the resource is healthy, and records once more what is
// there then: some values are known only when it is. That it is waited for is told
// where it is not healthy at once.
func (s *step) awaitHealth(ctx, lasting context.Context) error {
	checker, ok := As[HealthChecker](s.actual)
	limit, waits := s.healthLimit()
	if !ok || !waits {
		return nil
	}
	began := s.walk.engine.now()
	if healthy, _, err := s.healthy(lasting, checker, began); healthy || err != nil {
		return err
	}
	err := s.phase(PhaseHealth, func() error {
		ended, cancel := context.WithTimeoutCause(ctx, limit, errHealthTimeout)
		defer cancel()
		return s.poll(ended, lasting, checker, began)
	})
	if err != nil {
		return err
	}
	return s.recordHealthy(lasting)
}

// poll asks again and again until the resource is healthy or the time is over.
func (s *step) poll(ended, lasting context.Context, checker HealthChecker, began time.Time) error {
	first := s.walk.engine.settings.healthPause
	status := s.health
	for pause := first; ; pause = min(2*pause, longestHealthPause/firstHealthPause*first) {
		timer := time.NewTimer(pause)
		select {
		case <-ended.Done():
			timer.Stop()
			failed := &UnhealthyError{Address: s.resource.Name, Status: status, Waited: s.walk.engine.now().Sub(began)}
			if cause := context.Cause(ended); !errors.Is(cause, errHealthTimeout) {
				failed.Cause = cause
			}
			return failed
		case <-timer.C:
		}
		healthy, now, err := s.healthy(lasting, checker, began)
		if healthy || err != nil {
			return err
		}
		status = now
	}
}

// healthy asks once. What has failed is an error.
func (s *step) healthy(ctx context.Context, checker HealthChecker, began time.Time) (healthy bool, status ResourceStatus, err error) {
	status, err = s.checkHealth(ctx, checker)
	s.health = status
	switch {
	case err != nil:
		return false, status, fmt.Errorf("ask how %s fares: %w", s.resource.Name, err)
	case status.Health == HealthDegraded:
		return false, status, &UnhealthyError{Address: s.resource.Name, Status: status, Waited: s.walk.engine.now().Sub(began)}
	default:
		return status.Health != HealthProgressing && status.Health != HealthMissing, status, nil
	}
}

var errHealthTimeout = errors.New("the time to become healthy is over")

func (s *step) checkHealth(ctx context.Context, checker HealthChecker) (status ResourceStatus, err error) {
	err = guard("ask for the health", func() (err error) {
		status, err = checker.CheckHealth(ctx)
		return err
	})
	return status, err
}

// recordHealthy looks at the world again.
func (s *step) recordHealthy(ctx context.Context) error {
	err := guard("read what is there once it is healthy", func() (err error) {
		s.seen.live, err = fetchLive(ctx, s.actual, s.seen.config, s.seen.state)
		return err
	})
	if err != nil {
		return err
	}
	return s.record(ctx)
}

// showHealth asks for the health of a resource that is only looked at. That it
// cannot be told is no failure of the plan.
func (s *step) showHealth(ctx context.Context) {
	if checker, ok := As[HealthChecker](s.actual); ok && s.walk.engine.settings.healthShown && !s.isData() {
		_, _ = s.checkHealth(ctx, checker) // the status says what went wrong
	}
}
