package reconcile

import (
	"context"
	"fmt"
	"reflect"
	"sync"
)

// purpose is how far a walk goes.
type purpose int

const (
	// purposePlan plans and reviews.
	purposePlan purpose = iota
	// purposePropose is the same and reports what the gate denied as denied.
	purposePropose
	// purposeApply goes all the way.
	purposeApply
)

// walk is one pass over the declared resources, in the order of their
// dependencies and waves.
type walk struct {
	engine *Engine
	// lease is that of a walk that applies.
	lease   Lease
	opts    MetaOpts
	purpose purpose
	graph   *graph
	// nodes are the resources of the walk, by their index in the graph, in the
	// order of the results. place is the way back; it is -1 for what a filter
	// leaves out.
	nodes []int
	place []int
	// results by place. Each is written once, before what depends on it starts.
	results   []MetaResult
	providers providerLocks
	// identities are what the digests of reviews say of the providers.
	identities identities
	events     emitter
	// execution and ruling are for walks that apply.
	execution *execution
	ruling    *runRuling
	journal   *runJournal
	// leftovers are for walks that do not write, and begun for those that do.
	leftovers leftovers
	begun     begunActions
}

func (e *Engine) newWalk(cfg *MetaConfig, opts MetaOpts, purpose purpose) (*walk, error) {
	if cfg == nil {
		cfg = &MetaConfig{}
	}
	g, err := newGraph(cfg.Resources)
	if err != nil {
		return nil, fmt.Errorf("order the resources: %w", err)
	}
	switch {
	case e.settings.destroy:
		g.reverse()
	case e.settings.removed != nil:
		if err := g.turnRemoved(e.settings.removed); err != nil {
			return nil, fmt.Errorf("order the resources: %w", err)
		}
	}
	w := &walk{
		engine: e, opts: opts, purpose: purpose, graph: g,
		place:  make([]int, len(cfg.Resources)),
		events: emitter{sink: e.events, now: e.now},
	}
	names := make([]string, 0, len(cfg.Resources))
	for _, level := range g.levels {
		for _, node := range level {
			name := cfg.Resources[node].Name
			names = append(names, name)
			w.place[node] = -1
			if opts.ResourceFilter == "" || opts.ResourceFilter == name {
				w.place[node] = len(w.nodes)
				w.nodes = append(w.nodes, node)
			}
		}
	}
	if opts.ResourceFilter != "" && len(w.nodes) == 0 {
		return nil, fmt.Errorf("no resource is named %q; declared: %s", opts.ResourceFilter, quotedList(names))
	}
	w.results = make([]MetaResult, len(w.nodes))
	return w, nil
}

// run reconciles all resources of the walk, several at once, and returns their
// results in the order of the walk.
func (w *walk) run(ctx context.Context) []MetaResult {
	limit := w.engine.settings.parallelism
	if limit < 1 {
		limit = defaultParallelism
	}
	queue := newSchedule(w)
	todo, done := make(chan int), make(chan int)
	defer close(todo)
	for running, hands := 0, 0; queue.left > 0; running-- {
		for ; running < limit && queue.ready.Len() > 0; running++ {
			if running == hands {
				go w.work(ctx, todo, done)
				hands++
			}
			todo <- queue.next()
		}
		queue.finished(<-done)
	}
	return w.results
}

// work reconciles one resource after the other: the stack that has grown for one
// serves the next. A provider that ends the goroutine has another one begun.
func (w *walk) work(ctx context.Context, todo <-chan int, done chan<- int) {
	ended := true
	defer func() {
		if ended {
			go w.work(ctx, todo, done)
		}
	}()
	for place := range todo {
		func() {
			defer func() { done <- place }()
			w.resource(ctx, place)
		}()
	}
	ended = false
}

// resource reconciles one resource and writes its result.
func (w *walk) resource(ctx context.Context, place int) {
	s := w.newStep(place)
	status, err := StatusFailed, error(ErrPanic)
	// A provider that ends the goroutine leaves the failure that stands here.
	defer func() { w.results[place] = s.finish(status, err) }()
	status, err = s.reconcile(ctx)
}

// failAll is the result of a walk that could not begin: nothing is reconciled.
func (w *walk) failAll(err error) []MetaResult {
	return w.endAll(func(s *step) (string, error) {
		if s.resource.Suspended {
			return StatusSuspended, nil
		}
		return StatusFailed, err
	})
}

// denyAll is the result of a walk over plans that are denied as a whole.
func (w *walk) denyAll(err error) []MetaResult {
	return w.endAll(func(s *step) (string, error) {
		before := w.execution.index[s.resource.Name]
		if before == nil {
			return StatusDenied, err
		}
		s.proposed = *before
		switch before.Status {
		case StatusDrifted, StatusDeferred, StatusDenied:
			return StatusDenied, err
		case StatusFailed, StatusSkipped:
			return before.Status, before.cause()
		default:
			return before.Status, nil
		}
	})
}

func (w *walk) endAll(end func(*step) (string, error)) []MetaResult {
	for place := range w.nodes {
		s := w.newStep(place)
		status, err := end(s)
		w.results[place] = s.finish(status, err)
	}
	return w.results
}

// providerLocks keep two goroutines from calling one provider, whichever names
// and wrappers they found it by.
type providerLocks struct {
	mu    sync.Mutex
	locks map[any]*sync.Mutex
}

func (l *providerLocks) of(p Reconcilable) *sync.Mutex {
	var key any = base(p)
	if !reflect.ValueOf(key).Comparable() {
		// A value that cannot be compared may be a copy of any other of its type.
		key = reflect.TypeOf(key)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locks == nil {
		l.locks = make(map[any]*sync.Mutex)
	}
	lock, ok := l.locks[key]
	if !ok {
		lock = &sync.Mutex{}
		l.locks[key] = lock
	}
	return lock
}
