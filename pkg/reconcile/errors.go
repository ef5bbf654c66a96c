package reconcile

import "errors"

// The errors that callers branch on, with errors.Is.
var (
	// ErrDenied says that a gate did not allow a plan.
	ErrDenied = errors.New("denied")
	// ErrUnknownProvider says that no provider of that name is registered.
	ErrUnknownProvider = errors.New("unknown provider")
	// ErrStale says that what was reviewed is not what would run now; see
	// [StaleError].
	ErrStale = errors.New("stale plan")
	// ErrConflict says that the stored state is not the one that was loaded.
	ErrConflict = errors.New("the stored state has changed")
	// ErrLocked says that somebody else holds the lock; see [LockedError].
	ErrLocked = errors.New("locked")
	// ErrFenced says that a lease is over and that a later one was given; see
	// [FencedError].
	ErrFenced = errors.New("the lock was given to somebody else")
	// ErrCorrupt says that a stored state cannot be read as one.
	ErrCorrupt = errors.New("damaged state")
	// ErrUnsupported says that the platform or the store cannot do this.
	ErrUnsupported = errors.New("unsupported")
	// ErrCycle says that resources depend on each other in a circle.
	ErrCycle = errors.New("dependency cycle")
	// ErrDependency says that a resource was skipped because of one it depends on.
	ErrDependency = errors.New("dependency not satisfied")
	// ErrInvalidPlan says that a provider's plan contradicts itself.
	ErrInvalidPlan = errors.New("invalid plan")
	// ErrPanic says that a provider panicked.
	ErrPanic = errors.New("provider panicked")
)
