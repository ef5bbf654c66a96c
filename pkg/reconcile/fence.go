package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Fencing: a writer that lost its lock without noticing, because it was stopped for
// a while and somebody else was given the lock, must not write when it wakes up.
// Each lease has an epoch, later ones have higher epochs, and what is written under
// a lease names it: a store refuses what comes under an epoch that is not the newest
// (Kleppmann, "How to do distributed locking", 2016).

type leaseKey struct{}

// StateUnlocker is an optional ability of a store: it ends a lease whose holder
// does not end it.
type StateUnlocker interface {
	// Unlock ends the lease that is told, whoever holds it: the lock is free then,
	// and what its holder writes is refused. Where the lock has another holder by
	// now, or none, it is an [ErrConflict]. It does not end the holder, nor what that
	// has under way in the world.
	Unlock(ctx context.Context, held LockInfo) error
}

// joinFenced joins the errors of two steps; where both say that the lease is over,
// once is enough.
func joinFenced(first, second error) error {
	if errors.Is(first, ErrFenced) && errors.Is(second, ErrFenced) {
		return first
	}
	return errors.Join(first, second)
}

// WithLease returns a context for what is written under a lease. Save, Remove and
// the journals of a [StateStore] refuse, with an [ErrFenced], what is written under a
// lease after a later one was given for the same, or after it ended. The check and
// the write are one: no lease is given between them. Without a lease in its context
// a write is checked by its token alone.
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
