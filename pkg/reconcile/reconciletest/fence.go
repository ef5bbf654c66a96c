package reconciletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// leased is a store as the holder of a lease writes it.
type leased struct {
	reconcile.StateStore

	lease reconcile.Lease
}

func (s leased) Save(ctx context.Context, address string, state *reconcile.State, token reconcile.Token) (reconcile.Token, error) {
	return s.StateStore.Save(reconcile.WithLease(ctx, s.lease), address, state, token)
}

func (s leased) remove(ctx context.Context, address string, token reconcile.Token) error {
	return s.StateStore.(reconcile.StateRemover).Remove(reconcile.WithLease(ctx, s.lease), address, token)
}

func (s leased) open(ctx context.Context, address string) (reconcile.Journal, error) {
	return s.StateStore.(reconcile.StateJournaler).OpenJournal(reconcile.WithLease(ctx, s.lease), address)
}

func (s leased) removeJournal(ctx context.Context, journal reconcile.StoredJournal) error {
	return s.StateStore.(reconcile.StateJournaler).RemoveJournal(reconcile.WithLease(ctx, s.lease), journal)
}

// takeOver ends a lease whose holder knows nothing of it, and takes the lock.
func takeOver(t *testing.T, store reconcile.StateStore, held reconcile.LockInfo, address string) reconcile.Lease {
	t.Helper()
	unlocker, ok := store.(reconcile.StateUnlocker)
	if !ok {
		t.Fatal("no lease of the store can be taken away")
	}
	if err := unlocker.Unlock(t.Context(), held); err != nil {
		t.Fatalf("unlock: %v", err)
	}
	lease := lock(t, store, address, "second")
	if lease.Info().Epoch <= held.Epoch {
		t.Errorf("epoch %d after %d", lease.Info().Epoch, held.Epoch)
	}
	return lease
}

func wantOver(t *testing.T, what string, err error) {
	t.Helper()
	var fenced *reconcile.FencedError
	if !errors.Is(err, reconcile.ErrFenced) || !errors.As(err, &fenced) || fenced.Reason == "" {
		t.Errorf("%s: %v, want it fenced off", what, err)
	}
}

func release(t *testing.T, leases ...reconcile.Lease) {
	t.Helper()
	for _, lease := range leases {
		if err := lease.Release(); err != nil {
			t.Errorf("release: %v", err)
		}
	}
}

// testAddressEpochs has leases of all kinds share one count.
func testAddressEpochs(t *testing.T, open func() reconcile.StateStore) {
	t.Helper()
	newest := int64(0)
	for _, at := range []string{address, "other", "", address, "", "other"} {
		lease := lock(t, open(), at, "one")
		if epoch := lease.Info().Epoch; epoch <= newest {
			t.Errorf("the lease of %q has the epoch %d, and there was %d before it", at, epoch, newest)
		} else {
			newest = epoch
		}
		release(t, lease)
	}
}

func testStoreLeased(t *testing.T, open func() reconcile.StateStore) {
	testAddressEpochs(t, open)
	state, token := sample(address), reconcile.Token("")
	for _, scope := range []string{address, ""} {
		store := open()
		lease := lock(t, store, scope, "holder")
		fenced := leased{store, lease}
		token = save(t, fenced, address, state, token)
		token = save(t, fenced, address, state, token)
		if got, _ := load(t, fenced, address); got.Serial != state.Serial {
			t.Errorf("serial %d, want %d", got.Serial, state.Serial)
		}
		release(t, lease)
		_, err := fenced.Save(t.Context(), address, state, token)
		wantOver(t, "save with a lease that was given back", err)
	}
}

func testStoreUnlocked(t *testing.T, open func() reconcile.StateStore) {
	for _, scope := range []string{address, ""} {
		for _, next := range []string{address, ""} {
			testUnlocked(t, open, scope, next)
		}
	}
	store := open()
	held := lock(t, store, "", "holder")
	stale := held.Info()
	stale.Epoch--
	err := store.(reconcile.StateUnlocker).Unlock(t.Context(), stale)
	if !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("unlock of a lease that is over: %v", err)
	}
	save(t, leased{store, held}, "third", sample("third"), "")
	release(t, held)
	if err := store.(reconcile.StateUnlocker).Unlock(t.Context(), held.Info()); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("unlock of a lease that nobody holds: %v", err)
	}
}

// testUnlocked has a holder lose its lease to another one, and write then.
func testUnlocked(t *testing.T, open func() reconcile.StateStore, scope, next string) {
	t.Helper()
	at := fmt.Sprintf("a lease of %q, then one of %q: ", scope, next)
	first, second := open(), open()
	old := lock(t, first, scope, "first")
	fenced := leased{first, old}
	lease := takeOver(t, second, old.Info(), next)
	_, err := fenced.Save(t.Context(), address, sample(address), "")
	wantOver(t, at+"save before the other one's", err)
	theirs, token, err := second.Load(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if theirs == nil {
		theirs = sample(address)
	}
	theirs.Metadata = map[string]any{"by": at}
	token = save(t, leased{second, lease}, address, theirs, token)
	mine, _ := load(t, fenced, address) // whoever loads it anew has the token, too
	_, err = fenced.Save(t.Context(), address, mine, token)
	wantOver(t, at+"save", err)
	if _, ok := first.(reconcile.StateRemover); ok {
		wantOver(t, at+"remove", fenced.remove(t.Context(), address, token))
	}
	release(t, old) // it does not give back what is not its own
	wantLocked(t, open(), next, "second")
	if got, _ := load(t, second, address); got.Serial != theirs.Serial || got.Metadata["by"] != at {
		t.Errorf("%swhat the second one wrote is %+v", at, got)
	}
	release(t, lease)
}

func testStoreUnlockedJournal(t *testing.T, open func() reconcile.StateStore) {
	first := open()
	if _, ok := first.(reconcile.StateJournaler); !ok {
		t.Skip("the store keeps no journal")
	}
	old := lock(t, first, "", "first")
	fenced := leased{first, old}
	journal, err := fenced.open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	begin := reconcile.JournalRecord{Op: reconcile.JournalBegin, Version: 1, Run: "first"}
	if err := errors.Join(journal.Append([]reconcile.JournalRecord{begin}), journal.Sync()); err != nil {
		t.Fatal(err)
	}
	second := open()
	lease := takeOver(t, second, old.Info(), "")
	own := leased{second, lease}
	left, err := second.(reconcile.StateJournaler).Journals(t.Context(), "")
	if err != nil || len(left) != 1 {
		t.Fatalf("the first one's journal: %+v, %v", left, err)
	}
	if err := own.removeJournal(t.Context(), left[0]); err != nil {
		t.Fatal(err)
	}
	theirs, err := own.open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	begin.Run = "second"
	if err := errors.Join(theirs.Append([]reconcile.JournalRecord{begin}), theirs.Sync()); err != nil {
		t.Fatal(err)
	}
	wantOver(t, "append", journal.Append([]reconcile.JournalRecord{{Op: reconcile.JournalResource, Resource: 1, Address: address}}))
	wantOver(t, "remove of the journal of another", fenced.removeJournal(t.Context(), left[0]))
	wantOver(t, "close and remove", journal.Close(true))
	_, err = fenced.open(t.Context(), address)
	wantOver(t, "open", err)
	left, err = second.(reconcile.StateJournaler).Journals(t.Context(), "")
	if err != nil || len(left) != 1 || !slices.Equal(left[0].Records, []reconcile.JournalRecord{begin}) {
		t.Errorf("the second one's journal: %+v, %v", left, err)
	}
	if err := theirs.Close(true); err != nil {
		t.Error(err)
	}
	release(t, old, lease)
}

// A writer that never rests loses its lease in the midst of its writes: none of
// them comes after its successor has the lock.
func testStoreUnlockedRace(t *testing.T, open func() reconcile.StateStore) {
	first := open()
	old := lock(t, first, "", "first")
	fenced := leased{first, old}
	state := sample(address)
	token := save(t, fenced, address, state, "")
	ended := make(chan error)
	go func() {
		for {
			next, err := fenced.Save(t.Context(), address, state, token)
			if err != nil {
				ended <- err
				return
			}
			token = next
		}
	}()
	second := open()
	lease := takeOver(t, second, old.Info(), "")
	theirs, theirToken := load(t, second, address)
	save(t, leased{second, lease}, address, theirs, theirToken) // nothing came between
	wantOver(t, "the last of the first one's saves", <-ended)
	release(t, old, lease)
}
