package cli

import (
	"context"
	"errors"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
)

// lateGate is a gate whose policies are still being loaded while the first
// plans are made. It waits for them before it rules; policies that cannot be
// loaded deny.
type lateGate struct {
	loaded chan struct{}
	engine *policy.Engine
	err    error
	// log takes every decision; nil for none.
	log *decisionLog
}

var (
	_ reconcile.Gate    = (*lateGate)(nil)
	_ reconcile.RunGate = (*lateGate)(nil)
)

// loadGate begins to load policies.
func loadGate(ctx context.Context, opts policy.Options, log *decisionLog) *lateGate {
	g := &lateGate{loaded: make(chan struct{}), log: log}
	go func() {
		defer close(g.loaded)
		g.engine, g.err = policy.Load(ctx, opts)
	}()
	return g
}

// wait returns what loading ended with. The policies have their own deadlines,
// so it ends.
func (g *lateGate) wait() error {
	<-g.loaded
	return g.err
}

// Review rules on one plan.
func (g *lateGate) Review(ctx context.Context, review reconcile.Review) (reconcile.Decision, error) {
	if err := g.wait(); err != nil {
		return reconcile.Decision{PlanDigest: review.Digest}, err
	}
	began := time.Now()
	decision, err := g.engine.Review(ctx, review)
	return decision, errors.Join(err, g.log.plan(&review, decision, time.Since(began), err))
}

// ReviewRun rules on all plans of a run.
func (g *lateGate) ReviewRun(ctx context.Context, reviews []reconcile.Review) (reconcile.Decision, error) {
	if err := g.wait(); err != nil {
		return reconcile.Decision{PlanDigest: reconcile.RunDigest(reviews)}, err
	}
	began := time.Now()
	decision, err := g.engine.ReviewRun(ctx, reviews)
	return decision, errors.Join(err, g.log.run(reviews, decision, time.Since(began), err))
}
