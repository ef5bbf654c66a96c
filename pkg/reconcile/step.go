package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// step is one resource on its way through the engine.
type step struct {
	walk        *walk
	place       int
	resource    MetaResource
	started     time.Time
	actual      Reconcilable
	declaration Declaration
	provider    ProviderInfo
	seen        observed
	// lookedAt is when the last look at the world began, lookTook how long it took,
	// moved why it lets actions not begin, and stopped whether one was kept from it.
	lookedAt time.Time
	lookTook time.Duration
	moved    map[int]string
	stopped  bool
	plan     *Plan
	proposed Proposed
	results  []Result
	log      *actionLog
	// lasting waits until the outcomes that the log took down last.
	lasting  func() error
	warnings []string
	health   ResourceStatus
}

// observed is what a plan is made of.
type observed struct {
	config any
	live   any
	state  *State
	token  Token
	// unrecorded is true where the state holds what is not stored yet.
	unrecorded bool
}

func (w *walk) newStep(place int) *step {
	resource := w.graph.resources[w.nodes[place]]
	return &step{
		walk: w, place: place, resource: resource, started: w.engine.now(),
		proposed: Proposed{Address: resource.Name},
	}
}

// reconcile takes the resource through the steps of the walk and returns its
// status. It is the whole engine: observe, plan, review, apply, record.
func (s *step) reconcile(ctx context.Context) (string, error) {
	if status, err, done := s.settledBefore(ctx); done {
		return status, err
	}
	unlock, err := s.bind(ctx)
	if err != nil {
		return StatusFailed, err
	}
	defer unlock()
	defer closeProvider(s.actual)
	defer s.askHealth()
	if err := s.readable(); err != nil {
		return s.unobserved(err)
	}
	if err := s.phase(PhaseObserve, func() error { return s.observe(ctx) }); err != nil {
		return s.unobserved(err)
	}
	s.showHealth(ctx)
	if err := s.phase(PhasePlan, func() error { return s.makePlan(ctx) }); err != nil {
		return StatusFailed, err
	}
	if err := s.phase(PhaseReview, func() error { return s.review(ctx) }); err != nil {
		return s.refused(ctx, err)
	}
	if s.plan.Summary.HasChanges() {
		if !s.applies() {
			return StatusDrifted, nil
		}
		return s.change(ctx)
	}
	return s.confirm(ctx)
}

// settledBefore handles what needs no look at the world.
func (s *step) settledBefore(ctx context.Context) (string, error, bool) { //nolint:revive // the error belongs to the status
	if s.resource.Suspended {
		if err := s.settleUnobserved(ctx, s.resource); err != nil {
			return StatusFailed, err, true
		}
		return StatusSuspended, nil, true
	}
	if err := s.blocked(); err != nil {
		return StatusSkipped, err, true
	}
	if err := s.walk.ended(ctx); err != nil {
		return StatusSkipped, fmt.Errorf("not begun: %w", err), true
	}
	if err := s.approved(); err != nil {
		if errors.Is(err, ErrDenied) {
			return StatusDenied, err, true
		}
		return StatusFailed, err, true
	}
	return "", nil, false
}

// blocked reports the first dependency that was not brought about. Dependencies
// that a filter leaves out count as satisfied.
func (s *step) blocked() error {
	w := s.walk
	for _, need := range w.graph.needs[w.nodes[s.place]] {
		if w.place[need] < 0 {
			continue
		}
		dependency := &w.results[w.place[need]]
		switch dependency.Status {
		case StatusFailed, StatusSkipped:
		case StatusDenied, StatusDeferred:
			if w.purpose != purposeApply {
				continue
			}
		case StatusSuspended:
			s.warnings = append(s.warnings, fmt.Sprintf("%s depends on %s, which is suspended", s.resource.Name, dependency.Resource))
			continue
		default:
			continue
		}
		return fmt.Errorf("%w: %s was %s", ErrDependency, dependency.Resource, dependency.Status)
	}
	return nil
}

// bind finds the provider, takes it for this goroutine alone, and learns what is
// declared about the resource.
func (s *step) bind(ctx context.Context) (unlock func(), err error) {
	registry := s.walk.engine.registry
	if s.actual, err = registry.Provider(s.resource.Name); err != nil {
		if s.actual, err = registry.Provider(s.resource.Source); err != nil {
			return nil, fmt.Errorf("find the provider of %s: %w", s.resource.Name, err)
		}
	}
	lock := s.walk.providers.of(s.actual)
	lock.Lock()
	err = guard("ask the provider", func() error {
		s.declaration, s.provider = declared(s.actual, s.resource)
		ConfigureProvider(s.actual, s.actual.Type(), s.walk.opts.Token)
		return nil
	})
	if err == nil {
		err = s.settleLeftOut(ctx)
	}
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock.Unlock, nil
}

// unobserved is the status of a resource that could not be observed.
func (s *step) unobserved(err error) (string, error) {
	if deferred, ok := errors.AsType[*DeferredError](err); ok {
		return StatusDeferred, deferred
	}
	return StatusFailed, err
}

// refused is the status of a resource whose plan may not be applied. A walk that
// only plans tells what there is to do, and the decision beside it.
func (s *step) refused(ctx context.Context, err error) (string, error) {
	if !errors.Is(err, ErrDenied) {
		return StatusFailed, err
	}
	changes := s.plan.Summary.HasChanges()
	switch {
	case s.walk.purpose == purposePlan && !changes:
		return s.confirm(ctx)
	case s.walk.purpose == purposePlan, s.walk.purpose == purposeApply && changes && !s.applies():
		return StatusDrifted, nil
	default:
		return StatusDenied, err
	}
}

// applies reports whether changes to the resource are to be applied.
func (s *step) applies() bool {
	if s.walk.purpose != purposeApply {
		return false
	}
	e := s.walk.execution
	return s.resource.AutoApply || e != nil && !e.auto
}

// confirm ends a resource that is as declared.
func (s *step) confirm(ctx context.Context) (string, error) {
	if s.walk.purpose == purposeApply {
		if err := s.phase(PhaseRecord, func() error { return s.record(ctx) }); err != nil {
			return StatusFailed, err
		}
		if err := s.awaitHealth(ctx, ctx); err != nil {
			return StatusFailed, err
		}
	}
	if err := s.settle(ctx, false); err != nil {
		return StatusFailed, err
	}
	return StatusSynced, nil
}

// change applies the plan and records what became of it, whatever happened.
func (s *step) change(ctx context.Context) (string, error) {
	if err := s.walk.ended(ctx); err != nil {
		return StatusSkipped, fmt.Errorf("not applied: %w", err)
	}
	applied := s.phase(PhaseApply, func() error { return s.apply(ctx) })
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.walk.engine.settings.grace)
	defer cancel()
	recorded := s.phase(PhaseRecord, func() error { return s.recordApplied(lasting) })
	if err := joinFenced(applied, recorded); err != nil {
		return StatusFailed, err
	}
	if err := s.awaitHealth(ctx, lasting); err != nil {
		return StatusFailed, err
	}
	if err := s.settle(lasting, true); err != nil {
		return StatusFailed, err
	}
	return StatusApplied, nil
}

// askHealth learns how the resource fares. A provider that panics here says
// nothing of it.
func (s *step) askHealth() {
	_ = guard("ask for the health", func() error { s.health = s.actual.Health(); return nil })
}

// phase tells of a phase's begin and end.
func (s *step) phase(phase Phase, work func() error) error {
	began := s.walk.engine.now()
	s.tell(Progress{Phase: phase, Time: began})
	err := work()
	ended := s.walk.engine.now()
	s.tell(Progress{Phase: phase, Done: true, Err: err, Time: ended, Elapsed: ended.Sub(began)})
	return err
}

func (s *step) tell(progress Progress) {
	progress.Address, progress.Index, progress.Total = s.resource.Name, s.place, len(s.walk.nodes)
	if s.plan != nil {
		progress.Actions = len(s.plan.Actions)
	}
	s.walk.engine.observer.Observe(progress)
}

// finish is the result of the resource.
func (s *step) finish(status string, err error) MetaResult {
	ended := s.walk.engine.now()
	elapsed := ended.Sub(s.started)
	s.proposed.Status, s.proposed.err = status, err
	result := MetaResult{
		Resource: s.resource.Name, Status: status, Plan: s.plan, Duration: elapsed.Milliseconds(),
		detail: &resultDetail{err: err, proposed: s.proposed, results: s.results, warnings: s.warnings, health: s.health},
	}
	if s.plan != nil {
		result.detail.warnings = s.plan.Warnings
	}
	if err != nil && status != StatusDeferred {
		result.Error = err.Error()
	}
	if status == StatusFailed || status == StatusDenied {
		s.walk.events.failure(s.resource.Name, err)
	}
	s.tell(Progress{Phase: PhaseDone, Done: true, Status: status, Err: err, Time: ended, Elapsed: elapsed})
	return result
}

// guard makes an error of a provider's panic, and says what was being done.
func guard(doing string, call func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%s: %w: %v", doing, ErrPanic, cause)
		}
	}()
	if err := call(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
