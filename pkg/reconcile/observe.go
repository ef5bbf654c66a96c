package reconcile

import (
	"context"
	"slices"
	"time"
)

// observe reads declaration, state and world. It changes nothing.
func (s *step) observe(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx, s.declaration.PlanTimeout)
	defer cancel()
	s.walk.events.planStart(s.resource.Name)
	err := guard("load the configuration", func() (err error) {
		s.seen.config, err = loadConfig(ctx, s.actual, s.walk.engine.root)
		return err
	})
	if err != nil {
		return err
	}
	if s.seen.state, s.seen.token, err = s.walk.load(ctx, s.resource.Name); err != nil {
		return err
	}
	err = guard("ask about what was interrupted", func() error { return s.settleInterrupted(ctx) })
	if err != nil {
		return err
	}
	began := s.walk.engine.now()
	defer func() { s.looked(began) }()
	return guard("read what is there", func() (err error) {
		s.seen.live, err = fetchLive(ctx, s.actual, s.seen.config, s.seen.state)
		return err
	})
}

// makePlan has the provider compare, and seals what it answers.
func (s *step) makePlan(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx, s.declaration.PlanTimeout)
	defer cancel()
	err := guard("plan", func() error {
		plan, err := computePlan(ctx, s.actual, s.seen)
		if err != nil {
			return err
		}
		s.plan, err = seal(plan, s.warnings, s.walk.engine.now())
		return err
	})
	if err != nil {
		return err
	}
	summary := s.plan.Summary
	s.walk.events.planComplete(s.resource.Name, summary, s.walk.engine.now().Sub(s.started).Milliseconds())
	if summary.HasChanges() {
		s.walk.events.drift(s.resource.Name, summary.Total()-summary.Skipped)
	}
	return nil
}

// withTimeout is ctx, with a deadline where there is a timeout.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, timeout)
}

// settle tells that the resource's values are known.
func (s *step) settle(ctx context.Context, changed bool) error {
	return guard("settle", func() error {
		return s.walk.engine.settled(ctx, Settled{
			Resource: s.resource, Config: s.seen.config, Live: s.seen.live, State: s.seen.state, Changed: changed,
		})
	})
}

// settleUnobserved tells what is recorded of a resource that the run leaves alone.
func (s *step) settleUnobserved(ctx context.Context, resource MetaResource) error {
	state, _, err := s.walk.load(ctx, resource.Name)
	if err != nil {
		return err
	}
	return guard("settle", func() error {
		return s.walk.engine.settled(ctx, Settled{Resource: resource, State: state})
	})
}

// settleLeftOut does that for the dependencies that a filter leaves out, the
// furthest first.
func (s *step) settleLeftOut(ctx context.Context) error {
	w := s.walk
	if w.opts.ResourceFilter == "" {
		return nil
	}
	needed := map[int]bool{w.nodes[s.place]: true}
	for _, level := range slices.Backward(w.graph.levels) {
		for _, node := range level {
			if !needed[node] {
				continue
			}
			for _, need := range w.graph.needs[node] {
				needed[need] = true
			}
		}
	}
	for _, level := range w.graph.levels {
		for _, node := range level {
			if !needed[node] || w.place[node] >= 0 {
				continue
			}
			if err := s.settleUnobserved(ctx, w.graph.resources[node]); err != nil {
				return err
			}
		}
	}
	return nil
}
