package wasm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What a provider calls temporary is tried again, by the host and for every
// provider alike: a provider cannot sleep, and should not hold a worker while it
// waits.
const (
	// mostAttempts is how often something is tried in all.
	mostAttempts = 5
	// defaultBackoff is the first pause; each following one is twice as long.
	defaultBackoff = time.Second
	// longestPause is the longest that a provider may ask for. What needs longer
	// fails at once, so that nobody waits for an hour in front of a still line.
	longestPause = time.Minute
)

// Retry tells that something failed for a time, and is going to be tried again.
type Retry struct {
	Provider string
	// Resource is the address of the resource.
	Resource string
	// Reason is the error: safe to show, like that of a [ProviderError].
	Reason string
	// Pause is how long it is until then.
	Pause time.Duration
	// Attempt is the one that comes, counted from 1, of Attempts.
	Attempt, Attempts int
}

// pauseAfter is how long to wait after a failed attempt, counted from 1, or false
// where there is to be no other one. The provider's advice makes a pause longer,
// never shorter.
func (h *Host) pauseAfter(attempt int, failure error) (time.Duration, bool) {
	failed, ok := errors.AsType[*ProviderError](failure)
	if !ok || failed.Fault != FaultTemporary || attempt >= mostAttempts || failed.RetryAfter > longestPause {
		return 0, false
	}
	pause := defaultBackoff
	if h.opts.Backoff > 0 {
		pause = h.opts.Backoff
	}
	return max(pause<<(attempt-1), failed.RetryAfter), true
}

// rest waits before something is tried again, and tells of it.
func (r *Resource) rest(ctx context.Context, pause time.Duration, attempt int, failure error) error {
	if tell := r.provider.host.opts.Retry; tell != nil {
		tell(Retry{
			Provider: r.provider.info.Name, Resource: r.Type(), Reason: failure.Error(),
			Pause: pause, Attempt: attempt + 1, Attempts: mostAttempts,
		})
	}
	if r.provider.host.opts.Replay != nil {
		return nil // what was waited for is in the recording
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// tryAgain puts a step that failed for a time among those that are owed another
// attempt. Once one has failed to the end the others get a single attempt: behind
// a thousand actions of a system that is down nobody waits.
func (r *Resource) tryAgain(s *step, failure error) bool {
	_, again := r.provider.host.pauseAfter(s.attempts, failure)
	if again && !r.impatient {
		s.failure = failure
		r.owed = append(r.owed, s)
		return true
	}
	if failed, ok := errors.AsType[*ProviderError](failure); ok && failed.Fault == FaultTemporary {
		r.impatient = true
	}
	return false
}

// again waits for the longest of the pauses that steps are owed, and puts them in
// front of the others.
func (r *Resource) again(ctx context.Context, steps []*step) ([]*step, error) {
	var longest *step
	pause := time.Duration(0)
	for _, s := range r.owed {
		if needs, _ := r.provider.host.pauseAfter(s.attempts, s.failure); needs > pause {
			longest, pause = s, needs
		}
	}
	if longest == nil {
		return steps, nil
	}
	if err := r.rest(ctx, pause, longest.attempts, longest.failure); err != nil {
		return nil, err
	}
	steps = append(r.owed, steps...)
	r.owed = nil
	return steps, nil
}

// giveUp notes steps that were owed another attempt and get none.
func (r *Resource) giveUp(steps []*step) {
	for _, s := range steps {
		if s.failure != nil {
			r.conclude(s, "", tired(s.failure, s.attempts))
		}
	}
}

// tired adds to an error how often something was tried that failed to the end.
func tired(failure error, attempts int) error {
	failed, ok := errors.AsType[*ProviderError](failure)
	switch {
	case !ok || failed.Fault != FaultTemporary:
	case failed.RetryAfter > longestPause:
		failed.Message += fmt.Sprintf(" (it may be tried again in %s, which is longer than cogplan waits)", failed.RetryAfter)
	case attempts > 1:
		failed.Message += fmt.Sprintf(" (tried %d times)", attempts)
	}
	return failure
}
