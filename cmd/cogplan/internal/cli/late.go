package cli

import (
	"context"
	"errors"
	"slices"
	"sync"
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

	// rulings are the decisions by the digest of what they rule on: an apply
	// asks about each plan again, and a digest binds all that a policy sees of it
	// but the time at which it was made.
	lock    sync.Mutex
	rulings map[string]reconcile.Decision
}

var (
	_ reconcile.Gate    = (*lateGate)(nil)
	_ reconcile.RunGate = (*lateGate)(nil)
)

// loadGate begins to load policies.
func loadGate(ctx context.Context, opts policy.Options, log *decisionLog) *lateGate {
	g := &lateGate{loaded: make(chan struct{}), log: log, rulings: map[string]reconcile.Decision{}}
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
	decision, err := g.once("plan "+review.Digest, func() (reconcile.Decision, error) { return g.engine.Review(ctx, review) })
	return decision, errors.Join(err, g.log.plan(&review, decision, time.Since(began), err))
}

// ReviewRun rules on all plans of a run.
func (g *lateGate) ReviewRun(ctx context.Context, reviews []reconcile.Review) (reconcile.Decision, error) {
	if err := g.wait(); err != nil {
		return reconcile.Decision{PlanDigest: reconcile.RunDigest(reviews)}, err
	}
	began := time.Now()
	decision, err := g.once("run "+reconcile.RunDigest(reviews), func() (reconcile.Decision, error) { return g.engine.ReviewRun(ctx, reviews) })
	return decision, errors.Join(err, g.log.run(reviews, decision, time.Since(began), err))
}

// once returns the decision that was given on the same before, or asks. The
// policies of a gate do not change, and their clock stands still.
func (g *lateGate) once(what string, ask func() (reconcile.Decision, error)) (reconcile.Decision, error) {
	g.lock.Lock()
	decision, known := g.rulings[what]
	g.lock.Unlock()
	if known {
		decision.Findings = slices.Clone(decision.Findings)
		return decision, nil
	}
	decision, err := ask()
	if err == nil {
		g.lock.Lock()
		defer g.lock.Unlock()
		g.rulings[what] = decision
	}
	return decision, err
}
