package reconcile

import (
	"context"
	"fmt"
	"time"
)

// Fencing: a writer that lost its lock without noticing, because it was stopped for
// a while and somebody else was given the lock, must not write when it wakes up.
// Each lease has an epoch, later ones have higher epochs, and what is written under
// a lease names it: a store refuses what comes under an epoch that is not the newest
// (Kleppmann, "How to do distributed locking", 2016).

type leaseKey struct{}

// WithLease returns a context for what is written under a lease. Save, Remove and
// the journal of a [StateStore] refuse, with an [ErrFenced], what is written under a
// lease after a later one was given for the same. Without a lease in its context a
// write is checked by its token alone.
func WithLease(ctx context.Context, lease Lease) context.Context {
	return context.WithValue(ctx, leaseKey{}, lease)
}

// LeaseOf returns the lease of [WithLease]; nil where there is none.
func LeaseOf(ctx context.Context) Lease {
	lease, _ := ctx.Value(leaseKey{}).(Lease)
	return lease
}

// FencedError says that a write came under a lease that is over. It is an
// [ErrFenced].
type FencedError struct {
	// Lease is the one under which something was to be written.
	Lease LockInfo
	// Later is the one that was given since, as far as it is known.
	Later LockInfo
	// Reason says how the store knows.
	Reason string
}

// Error says who has the lock now, and what to do.
func (e *FencedError) Error() string {
	text := "the lock of this run is over: " + e.Reason
	if e.Later.Holder != "" {
		text += ", and " + e.Later.Holder
		if e.Later.Host != "" {
			text += " on " + e.Later.Host
		}
		text += " was given it"
		if !e.Later.Since.IsZero() {
			text += " at " + e.Later.Since.UTC().Format(time.RFC3339)
		}
	}
	return text + fmt.Sprintf(" (epoch %d here); nothing more is begun or recorded by this run. Plan again once the other run has ended: "+
		"the plan shows what is there", e.Lease.Epoch)
}

// Is makes it an [ErrFenced].
func (e *FencedError) Is(target error) bool { return target == ErrFenced }
