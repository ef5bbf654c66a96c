package reconcile

import (
	"context"
	"time"
)

// Option changes a default of an [Engine].
type Option func(*Engine)

// WithRegistry sets where providers are found; the default is the global
// registry.
func WithRegistry(registry *Registry) Option { return func(e *Engine) { e.registry = registry } }

// WithStore sets where states are kept; the default is a [FileStore] in root.
func WithStore(store StateStore) Option { return func(e *Engine) { e.store = store } }

// WithEvents sets who gets the events; the default is lines on stderr.
func WithEvents(sink EventSink) Option { return func(e *Engine) { e.events = sink } }

// WithClock sets the clock.
func WithClock(now func() time.Time) Option { return func(e *Engine) { e.now = now } }

// WithParallelism bounds how many resources are worked on at once; the default
// is 10, and less than one is the default.
func WithParallelism(n int) Option { return func(e *Engine) { e.settings.parallelism = n } }

// WithObserver sets who is told of progress.
func WithObserver(observer Observer) Option { return func(e *Engine) { e.observer = observer } }

// WithRunContext says who runs what and where, for the gate.
func WithRunContext(run RunContext) Option { return func(e *Engine) { e.settings.run = run } }

// WithSettled sets the function that is told when a resource's values are known.
func WithSettled(settled SettledFunc) Option { return func(e *Engine) { e.settled = settled } }

// WithLock says who holds the lock and how long to wait for another holder.
func WithLock(holder string, wait time.Duration) Option {
	return func(e *Engine) { e.settings.holder, e.settings.lockTimeout = holder, wait }
}

// WithGrace bounds what still runs after the run's context is cancelled: a
// running apply, and recording. The default is five minutes.
func WithGrace(grace time.Duration) Option { return func(e *Engine) { e.settings.grace = grace } }

// Settled tells that a resource's values are known: it is in sync, or its apply
// has succeeded and is recorded.
type Settled struct {
	Resource MetaResource
	// Config and Live are the provider's own values. Both are nil for a resource
	// that this run does not look at: one that is suspended, or that a filter
	// leaves out; the recorded State is all there is then.
	Config any
	Live   any
	// State is what is recorded; nil where nothing is. It must not be changed.
	State *State
	// Changed is true after an apply.
	Changed bool
}

// SettledFunc is called for each resource whose values are known, before any of
// its dependents starts; for different resources at once from several
// goroutines. An error fails the resource, and so skips its dependents: it is
// where a postcondition is checked.
//
// A resource with changes is not settled while planning, so what reads its
// values can only be deferred.
type SettledFunc func(ctx context.Context, settled Settled) error

// Phase is a step of the engine.
type Phase string

// The phases of a resource in a run.
const (
	PhaseObserve Phase = "observe"
	PhasePlan    Phase = "plan"
	PhaseReview  Phase = "review"
	PhaseApply   Phase = "apply"
	PhaseRecord  Phase = "record"
	// PhaseHealth waits until what was applied is healthy.
	PhaseHealth Phase = "health"
	// PhaseDone is reported once for each resource, with its status.
	PhaseDone Phase = "done"
)

// Progress is a step of one resource, begun or ended.
type Progress struct {
	Address string
	Phase   Phase
	// Done is false when the phase begins.
	Done bool
	// Status is set with [PhaseDone].
	Status string
	// Err is what the phase failed with.
	Err error
	// Actions is the number of actions of the plan, from the plan's end on.
	Actions int
	// Time of the step, and how long the phase took once it is done.
	Time    time.Time
	Elapsed time.Duration
	// Index counts from 0 in the order of the results; Total is how many
	// resources the run has.
	Index int
	Total int
}

// Observer is told of progress, from several goroutines at once. It must be quick.
type Observer interface {
	Observe(progress Progress)
}

// ObserverFunc makes a function an [Observer].
type ObserverFunc func(progress Progress)

// Observe calls f.
func (f ObserverFunc) Observe(progress Progress) { f(progress) }
