package reconcile

import (
	"context"
	"fmt"
	"time"
)

// Token is a store's own mark of the version of a state that was loaded. Only
// the store that made it can read it. The empty token stands for "there is none".
type Token string

// StateStore keeps one state for each resource address. It may be used from
// several goroutines at once, for different addresses.
type StateStore interface {
	// Load returns the state and the token to save over it, or nil and an empty
	// token where none is recorded. A state that cannot be read as one is an
	// [ErrCorrupt] that says where it lies and what to do.
	Load(ctx context.Context, address string) (*State, Token, error)
	// Save records the state, if what is stored is still what the token marks,
	// and otherwise returns an [ErrConflict]. It stores serial + 1 and the time;
	// the caller's Serial and GeneratedAt move only when it returned no error.
	// Under a lease that is over it records nothing; see [WithLease].
	Save(ctx context.Context, address string, state *State, token Token) (Token, error)
	// Lock makes its caller the only writer of the address, or of the whole
	// store where the address is empty. Reading needs no lock. It waits as the
	// request says and then returns a [LockedError]; the lock of a holder that
	// died is taken over.
	Lock(ctx context.Context, address string, request LockRequest) (Lease, error)
	// List returns the addresses that have a state, sorted.
	List(ctx context.Context) ([]string, error)
}

// StateRemover is an optional ability of a store: it forgets a state.
type StateRemover interface {
	// Remove deletes the state if what is stored is still what the token marks.
	Remove(ctx context.Context, address string, token Token) error
}

// StateHistorian is an optional ability of a store: it remembers earlier states.
type StateHistorian interface {
	// History returns what is known of earlier states and of the present one,
	// newest first.
	History(ctx context.Context, address string) ([]StateVersion, error)
	// LoadSerial returns an earlier state, or nil where it is not kept.
	LoadSerial(ctx context.Context, address string, serial int) (*State, error)
}

// StateVersion is one entry in the history of a state.
type StateVersion struct {
	Serial      int    `json:"serial"`
	Lineage     string `json:"lineage"`
	GeneratedAt string `json:"generated_at"`
	Objects     int    `json:"objects"`
}

// LockRequest says who wants a lock and how patiently.
type LockRequest struct {
	// Holder names who asks, for the message that others get.
	Holder string
	// Wait is how long to wait for another holder; zero does not wait.
	Wait time.Duration
	// TTL is how long the lease lasts without renewal, for stores that cannot
	// see their holder die. Zero is the store's default.
	TTL time.Duration
}

// LockInfo says who holds a lock.
type LockInfo struct {
	// Address is empty for the lock of the whole store.
	Address string    `json:"address,omitempty"`
	Holder  string    `json:"holder"`
	Host    string    `json:"host"`
	PID     int       `json:"pid,omitempty"`
	Since   time.Time `json:"since"`
	// Epoch grows with each holder; a later holder has a higher one, always. See
	// [WithLease].
	Epoch int64 `json:"epoch"`
}

// Lease is a lock that is held. Release gives it back; a second Release does
// nothing.
type Lease interface {
	Info() LockInfo
	// Lost is closed when the lease ended without Release. A store that cannot
	// lose a lease returns nil.
	Lost() <-chan struct{}
	Release() error
}

// LockedError says who holds the lock that was asked for. It is an [ErrLocked].
type LockedError struct {
	// Info is as much as is known of the holder.
	Info LockInfo
	// Waited is how long the caller waited.
	Waited time.Duration
	// Remedy says what to do.
	Remedy string
}

// Error names the holder and the remedy.
func (e *LockedError) Error() string {
	what := "the state"
	if e.Info.Address != "" {
		what = "the state of " + e.Info.Address
	}
	text := what + " is locked"
	if e.Info.Holder != "" {
		text += " by " + e.Info.Holder
	}
	if e.Info.Host != "" {
		text += " on " + e.Info.Host
	}
	if e.Info.PID != 0 {
		text += fmt.Sprintf(" (process %d)", e.Info.PID)
	}
	if !e.Info.Since.IsZero() {
		text += " since " + e.Info.Since.UTC().Format(time.RFC3339)
	}
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

// Is makes it an [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }
