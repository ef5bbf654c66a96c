package reconcile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Engine reconciles declared resources in five steps: it observes, plans,
// reviews, applies and records. It keeps nothing between runs; one engine may
// run several times, and from several goroutines as long as its providers allow
// it.
type Engine struct {
	root     string
	gate     Gate
	registry *Registry
	store    StateStore
	events   EventSink
	now      func() time.Time
	observer Observer
	settled  SettledFunc
	settings settings
}

// settings are the plain values among the options.
type settings struct {
	run         RunContext
	parallelism int
	lockTimeout time.Duration
	holder      string
	grace       time.Duration
	// destroy walks against the dependencies.
	destroy bool
	// removed says which resources are taken away; nil for none.
	removed func(address string) bool
	// healthTimeout and healthPause are those of [WithHealth].
	healthTimeout, healthPause time.Duration
	healthShown                bool
}

const (
	defaultParallelism = 10
	defaultGrace       = 5 * time.Minute
)

// NewEngine returns an engine for the module in root. The gate rules on every
// plan; a nil gate denies them all.
func NewEngine(root string, gate Gate, options ...Option) *Engine {
	e := &Engine{
		root: root, gate: gate, registry: &defaultRegistry, store: NewFileStore(root),
		events: LineSink(os.Stderr), now: time.Now,
		observer: ObserverFunc(func(Progress) {}),
		settled:  func(context.Context, Settled) error { return nil },
		settings: settings{parallelism: defaultParallelism, holder: "cogplan", grace: defaultGrace, healthTimeout: defaultHealthTimeout, healthPause: firstHealthPause},
	}
	for _, option := range options {
		option(e)
	}
	return e
}

// Run reconciles the declared resources. With DryRun it plans, reviews and
// stops; otherwise it also applies the resources that have AutoApply.
//
// What happened to each resource is in its result. The error is for what
// concerns the run: resources that cannot be ordered, a filter that names none,
// a lock that somebody holds, a context that was cancelled.
func (e *Engine) Run(ctx context.Context, cfg *MetaConfig, opts MetaOpts) ([]MetaResult, error) {
	if opts.DryRun {
		w, err := e.newWalk(cfg, opts, purposePlan)
		if err != nil {
			return nil, err
		}
		if w.leftovers, err = e.leftovers(ctx, ""); err != nil {
			return nil, err
		}
		return w.run(ctx), ctx.Err()
	}
	if _, ok := runGateOf(e.gate); !ok {
		return e.apply(ctx, cfg, opts, nil)
	}
	// Rules over all plans have to see all of them before the first apply.
	proposal, err := e.Propose(ctx, cfg, opts)
	if err != nil {
		return nil, err
	}
	return e.apply(ctx, cfg, opts, newExecution(proposal, true))
}

// Propose plans and reviews everything and applies nothing. It takes no lock.
func (e *Engine) Propose(ctx context.Context, cfg *MetaConfig, opts MetaOpts) (*Proposal, error) {
	w, err := e.newWalk(cfg, opts, purposePropose)
	if err != nil {
		return nil, err
	}
	if w.leftovers, err = e.leftovers(ctx, ""); err != nil {
		return nil, err
	}
	proposal := newProposal(w.run(ctx))
	if gate, ok := runGateOf(e.gate); ok && ctx.Err() == nil {
		decision := reviewRun(ctx, gate, proposal.Reviews())
		proposal.Run = &decision
	}
	return proposal, ctx.Err()
}

// Execute walks again and applies what the proposal holds, with or without
// AutoApply: handing it over is the approval. An error beside results is for what no
// result tells: a run that may not be recorded, a lease that was lost, a journal that
// could not be closed. A plan that is not the reviewed
// one fails its resource with a [StaleError]. What was deferred is planned when
// its dependencies are done, and put before the gate then.
func (e *Engine) Execute(ctx context.Context, cfg *MetaConfig, opts MetaOpts, proposal *Proposal) ([]MetaResult, error) {
	if proposal == nil {
		return nil, errors.New("execute: there is no proposal")
	}
	return e.apply(ctx, cfg, opts, newExecution(proposal, false))
}

// execution is what an apply of a proposal may do; a nil one applies what has
// AutoApply and is allowed.
type execution struct {
	proposal *Proposal
	// auto applies only resources that have AutoApply.
	auto  bool
	index map[string]*Proposed
}

func newExecution(proposal *Proposal, auto bool) *execution {
	e := &execution{proposal: proposal, auto: auto, index: make(map[string]*Proposed, len(proposal.Resources))}
	for i := range proposal.Resources {
		e.index[proposal.Resources[i].Address] = &proposal.Resources[i]
	}
	return e
}

// apply holds the lock, has the whole run ruled on, and walks.
func (e *Engine) apply(ctx context.Context, cfg *MetaConfig, opts MetaOpts, execution *execution) ([]MetaResult, error) {
	w, err := e.newWalk(cfg, opts, purposeApply)
	if err != nil {
		return nil, err
	}
	lease, err := e.lock(ctx, opts.ResourceFilter)
	_, unrecovered := errors.AsType[*recoveryError](err)
	if errors.Is(err, ErrLocked) || unrecovered {
		return nil, err
	}
	if err != nil {
		return w.failAll(err), nil
	}
	w.lease = lease
	ctx, release := holdLease(WithLease(ctx, lease), lease)
	defer func() { _ = release() }() // its error is returned below
	// A walk that is cancelled already begins nothing: there is nothing to deny.
	if err := w.prepare(ctx, execution); err != nil && ctx.Err() == nil {
		results := w.denyAll(err)
		if slices.ContainsFunc(results, func(r MetaResult) bool { return r.Err() != nil }) {
			return results, nil
		}
		return results, err // no resource has it to tell
	}
	w.journal = e.newRunJournal(opts.ResourceFilter)
	results := w.run(ctx)
	return results, errors.Join(ctx.Err(), w.fenced(ctx), w.journal.close(), release())
}

// leaseLost is made where it is needed: what a package makes as it starts, with all
// that this needs, is in every provider.
func leaseLost() error { return fmt.Errorf("%w: the run ends here", ErrFenced) }

// ended is why nothing may begin any more: the run was cancelled, or its lease is
// lost.
func (w *walk) ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if w.lease != nil && w.lease.Lost() != nil {
		select {
		case <-w.lease.Lost():
			return leaseLost()
		default:
		}
	}
	return nil
}

// fenced says that the lease was lost, where that is what ended the run.
func (w *walk) fenced(ctx context.Context) error {
	if err := w.ended(ctx); errors.Is(err, ErrFenced) {
		return err
	}
	return nil
}

// holdLease cancels the context when the lease is lost. The returned function
// gives the lease back; it may be called twice.
func holdLease(ctx context.Context, lease Lease) (context.Context, func() error) {
	ctx, cancel := context.WithCancelCause(ctx)
	if lost := lease.Lost(); lost != nil {
		go func() {
			select {
			case <-lost:
				cancel(leaseLost())
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() error {
		err := lease.Release()
		cancel(nil)
		return err
	}
}
