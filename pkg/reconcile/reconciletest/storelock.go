package reconciletest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Lapser is what the store under test can do beside being one: it lets the lease of
// an address, or of the whole store, lapse behind its holder's back, as it does where
// a holder was stopped for too long or somebody removed its lock.
type Lapser interface {
	Lapse(address string) error
}

func lock(t *testing.T, store reconcile.StateStore, address, holder string) reconcile.Lease {
	t.Helper()
	lease, err := store.Lock(t.Context(), address, reconcile.LockRequest{Holder: holder})
	if err != nil {
		t.Fatalf("lock: %v", err)
	}
	return lease
}

func wantLocked(t *testing.T, store reconcile.StateStore, address, holder string) {
	t.Helper()
	lease, err := store.Lock(t.Context(), address, reconcile.LockRequest{Holder: "late"})
	var locked *reconcile.LockedError
	if !errors.As(err, &locked) || !errors.Is(err, reconcile.ErrLocked) {
		t.Fatalf("second lock: %v, %v", lease, err)
	}
	if holder != "" && (locked.Info.Holder != holder || locked.Info.Since.IsZero() || locked.Info.Host == "") {
		t.Errorf("the lock's holder is told as %+v", locked.Info)
	}
	if locked.Remedy == "" {
		t.Error("the error does not say what to do")
	}
}

func testStoreLock(t *testing.T, open func() reconcile.StateStore) {
	first := lock(t, open(), address, "first")
	wantLocked(t, open(), address, "first")
	other := lock(t, open(), "other", "other")
	if err := errors.Join(other.Release(), first.Release(), first.Release()); err != nil {
		t.Fatal(err)
	}
	second := lock(t, open(), address, "second")
	if second.Info().Epoch <= first.Info().Epoch {
		t.Errorf("epoch %d after %d", second.Info().Epoch, first.Info().Epoch)
	}
	if info := second.Info(); info.Holder != "second" || info.Address != address {
		t.Errorf("info %+v", info)
	}
	save(t, open(), address, sample(address), "") // a lock does not stand in the way of its own saves
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
}

func testStoreLockWaits(t *testing.T, open func() reconcile.StateStore) {
	first := lock(t, open(), address, "first")
	got := make(chan error, 1)
	go func() {
		lease, err := open().Lock(t.Context(), address, reconcile.LockRequest{Holder: "second", Wait: time.Minute})
		if err == nil {
			err = lease.Release()
		}
		got <- err
	}()
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("lock with time to wait: %v", err)
	}
	held := lock(t, open(), address, "third")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open().Lock(ctx, address, reconcile.LockRequest{Wait: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
}

func testStoreLockAll(t *testing.T, open func() reconcile.StateStore) {
	all := lock(t, open(), "", "all")
	wantLocked(t, open(), address, "all")
	wantLocked(t, open(), "", "all")
	if err := all.Release(); err != nil {
		t.Fatal(err)
	}
	one := lock(t, open(), address, "one")
	wantLocked(t, open(), "", "")
	if err := one.Release(); err != nil {
		t.Fatal(err)
	}
	if err := lock(t, open(), "", "again").Release(); err != nil {
		t.Fatal(err)
	}
}

// lapse takes the lock away from its holder, who hears nothing of it.
func lapse(t *testing.T, store reconcile.StateStore, address string) {
	t.Helper()
	lapser, ok := store.(Lapser)
	if !ok {
		t.Fatal("the store under test cannot let a lease lapse: it has to be a Lapser")
	}
	if err := lapser.Lapse(address); err != nil {
		t.Fatal(err)
	}
}

func testStoreFenced(t *testing.T, open func() reconcile.StateStore) {
	for _, scope := range []string{"", address} {
		slow := lock(t, open(), scope, "slow")
		asleep := reconcile.WithLease(t.Context(), slow)
		state, token, err := open().Load(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if state == nil {
			state = sample(address)
		}
		next, err := open().Save(asleep, address, state, token)
		if err != nil {
			t.Fatalf("save under a lease that holds: %v", err)
		}
		lapse(t, open(), scope)
		quick := lock(t, open(), scope, "quick")
		if quick.Info().Epoch <= slow.Info().Epoch {
			t.Errorf("epoch %d after %d", quick.Info().Epoch, slow.Info().Epoch)
		}
		before, _ := load(t, open(), address)
		_, err = open().Save(asleep, address, state, next)
		wantFenced(t, "save", err)
		if remover, ok := open().(reconcile.StateRemover); ok {
			wantFenced(t, "remove", remover.Remove(asleep, address, next))
		}
		if journaler, ok := open().(reconcile.StateJournaler); ok {
			_, err := journaler.OpenJournal(asleep, scope)
			wantFenced(t, "open a journal", err)
		}
		if after, _ := load(t, open(), address); asJSON(t, before) != asJSON(t, after) {
			t.Errorf("what was refused changed the state:\n%s", asJSON(t, after))
		}
		if _, err := open().Save(reconcile.WithLease(t.Context(), quick), address, state, next); err != nil {
			t.Errorf("save of the one who has the lock: %v", err)
		}
		_ = slow.Release() // it may say that there is nothing to give back
		wantLocked(t, open(), scope, "quick")
		if err := quick.Release(); err != nil {
			t.Fatal(err)
		}
		_, err = open().Save(reconcile.WithLease(t.Context(), quick), address, state, next)
		if err == nil {
			t.Error("a lease that was given back still writes")
		}
	}
}

func wantFenced(t *testing.T, what string, err error) {
	t.Helper()
	var fenced *reconcile.FencedError
	if !errors.Is(err, reconcile.ErrFenced) || !errors.As(err, &fenced) {
		t.Errorf("%s of who lost the lock: %v", what, err)
		return
	}
	if fenced.Lease.Holder != "slow" || fenced.Later.Holder != "quick" || fenced.Reason == "" {
		t.Errorf("%s: the error says %+v", what, fenced)
	}
}

func testStoreEpochs(t *testing.T, open func() reconcile.StateStore) {
	last := int64(0)
	for i := range 6 {
		lease := lock(t, open(), "", "holder")
		if epoch := lease.Info().Epoch; epoch <= last {
			t.Errorf("epoch %d after %d", epoch, last)
		}
		last = lease.Info().Epoch
		if i%2 == 0 {
			lapse(t, open(), "")
			time.Sleep(2 * time.Millisecond) // a clock may be what counts
			continue
		}
		if err := lease.Release(); err != nil {
			t.Fatal(err)
		}
	}
}
