package reconcile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// overtaken takes the lock away from whoever holds it, and records a state of a
// as another run does. The lock is free afterwards.
func overtaken(t *testing.T, root string) {
	t.Helper()
	store := reconcile.NewFileStore(root)
	holders, err := store.Holders(t.Context())
	if err != nil || len(holders) != 1 {
		t.Fatalf("holders: %+v, %v", holders, err)
	}
	if err := store.Unlock(t.Context(), holders[0]); err != nil {
		t.Fatal(err)
	}
	lease, err := store.Lock(t.Context(), "", reconcile.LockRequest{Holder: "another"})
	if err != nil {
		t.Fatal(err)
	}
	state, token, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if state == nil {
		state = reconcile.NewState("a")
	}
	state.Metadata = map[string]any{"by": "another"}
	if _, err := store.Save(reconcile.WithLease(t.Context(), lease), "a", state, token); err != nil {
		t.Fatal(err)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
}

// wantOvertaken wants the state of a to be what the other run recorded.
func wantOvertaken(t *testing.T, root string) {
	t.Helper()
	state, _, err := reconcile.NewFileStore(root).Load(t.Context(), "a")
	if err != nil || state == nil || state.Metadata["by"] != "another" || state.Serial != 1 {
		t.Errorf("recorded is %+v, %v", state, err)
	}
	if _, _, err := reconcile.NewFileStore(root).Load(t.Context(), "b"); err != nil {
		t.Error(err)
	}
}

// A run that loses its lock before its first action begins none.
func TestFencedBeforeTheFirstAction(t *testing.T) {
	for name, when := range map[string]string{"before it observes": "load", "before the review": "plan"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			p := &native{plan: create("one"), on: func(call string) error {
				if call == when {
					overtaken(t, r.root)
				}
				return nil
			}}
			r.add("a", p)
			r.add("b", &native{plan: create("two")})
			store := reconcile.NewFileStore(r.root)
			results, err := r.engine(reconcile.AllowAll{}, reconcile.WithStore(store), reconcile.WithParallelism(1)).
				Run(t.Context(), r.cfg, reconcile.MetaOpts{})
			if !errors.Is(err, reconcile.ErrFenced) || !errors.Is(results[0].Err(), reconcile.ErrFenced) {
				t.Errorf("run: %v; a: %v", err, results[0].Err())
			}
			wantStatuses(t, results, "a:failed b:skipped")
			if log := r.log.String(); strings.Contains(log, "apply") {
				t.Errorf("something was begun: %s", log)
			}
			wantOvertaken(t, r.root)
		})
	}
}

// A run that loses its lock in an action ends that one, begins no other, and
// overwrites nothing.
func TestFencedInAnAction(t *testing.T) {
	r := newRig(t)
	m := &telling{die: -1}
	m.kind, m.plan = "a", create("one", "two")
	m.state = func(any, *reconcile.State) (*reconcile.State, error) { return reconcile.NewState("a"), nil }
	acted := 0
	m.act = func(int) {
		acted++
		overtaken(t, r.root)
	}
	r.registry.Register("a", m)
	r.declare("a", "a")
	r.add("b", &native{plan: create("three")})
	results, err := r.engine(reconcile.AllowAll{}, reconcile.WithStore(reconcile.NewFileStore(r.root)), reconcile.WithParallelism(1)).
		Run(t.Context(), r.cfg, reconcile.MetaOpts{})
	if !errors.Is(err, reconcile.ErrFenced) {
		t.Errorf("run: %v", err)
	}
	wantStatuses(t, results, "a:failed b:skipped")
	var fenced *reconcile.FencedError
	if !errors.As(results[0].Err(), &fenced) || fenced.Later.Epoch != 3 || fenced.Lease.Epoch != 1 || acted != 1 {
		t.Errorf("%d actions, %v", acted, results[0].Err())
	}
	if strings.Contains(results[0].Error, "make it writable") {
		t.Errorf("the wrong remedy: %s", results[0].Error)
	}
	wantOvertaken(t, r.root)
	if left, err := filepath.Glob(filepath.Join(r.root, ".cog", "journal", "*")); err != nil || len(left) != 1 {
		t.Errorf("the journal that the next run reads: %v, %v", left, err)
	}
}

// A count of leases that cannot be read goes on from the clock, and an old lease
// is not taken for a new one.
func TestEpochNeverGoesBack(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"lock file": func(dir string) error { return os.WriteFile(filepath.Join(dir, "lock"), []byte("{"), 0o600) },
		"count":     func(dir string) error { return os.WriteFile(filepath.Join(dir, "epoch"), []byte("00000000 1"), 0o600) },
		"no count":  func(dir string) error { return os.Remove(filepath.Join(dir, "epoch")) },
		"both": func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "lock"), []byte("{"), 0o600), os.Remove(filepath.Join(dir, "epoch")))
		},
		"neither": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "lock")), os.Remove(filepath.Join(dir, "epoch")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := reconcile.NewFileStore(t.TempDir())
			var old reconcile.Lease
			for range 3 {
				var err error
				if old, err = store.Lock(t.Context(), "", reconcile.LockRequest{}); err != nil {
					t.Fatal(err)
				}
				if err := old.Release(); err != nil {
					t.Fatal(err)
				}
			}
			stale := leaseOf{old.Info()}
			if err := damage(filepath.Join(reconcile.RootOf(store), ".cog")); err != nil {
				t.Fatal(err)
			}
			lease, err := store.Lock(t.Context(), "", reconcile.LockRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if name != "neither" && lease.Info().Epoch <= old.Info().Epoch {
				t.Errorf("epoch %d after %d", lease.Info().Epoch, old.Info().Epoch)
			}
			if _, err := store.Save(reconcile.WithLease(t.Context(), stale), "a", reconcile.NewState("a"), ""); !errors.Is(err, reconcile.ErrFenced) {
				t.Errorf("save with the lease before: %v", err)
			}
			if _, err := store.Save(reconcile.WithLease(t.Context(), lease), "a", reconcile.NewState("a"), ""); err != nil {
				t.Error(err)
			}
		})
	}
}

// leaseOf is a lease as another process holds it.
type leaseOf struct{ info reconcile.LockInfo }

func (l leaseOf) Info() reconcile.LockInfo { return l.info }
func (l leaseOf) Lost() <-chan struct{}    { return nil }
func (l leaseOf) Release() error           { return nil }

// A lock file of an address that somebody removed lets two hold it: the older one
// writes nothing.
func TestFencedWithoutItsLockFile(t *testing.T) {
	store := reconcile.NewFileStore(t.TempDir())
	lock := func() reconcile.Lease {
		lease, err := store.Lock(t.Context(), "a", reconcile.LockRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return lease
	}
	old := lock()
	if err := os.Remove(filepath.Join(filepath.Dir(reconcile.StatePath(reconcile.RootOf(store), "a")), ".lock")); err != nil {
		t.Fatal(err)
	}
	lease := lock()
	if _, err := store.Save(reconcile.WithLease(t.Context(), old), "a", reconcile.NewState("a"), ""); !errors.Is(err, reconcile.ErrFenced) {
		t.Errorf("the older one: %v", err)
	}
	select {
	case <-old.Lost():
	default:
		t.Error("the older one does not know that its lease is lost")
	}
	if _, err := store.Save(reconcile.WithLease(t.Context(), lease), "a", reconcile.NewState("a"), ""); err != nil {
		t.Errorf("the newer one: %v", err)
	}
}

// While a write is under way, no lock is taken away: the write could come after
// those of the next holder.
func TestUnlockWaitsForAWrite(t *testing.T) {
	store := reconcile.NewFileStore(t.TempDir())
	lease, err := store.Lock(t.Context(), "", reconcile.LockRequest{Holder: "slow"})
	if err != nil {
		t.Fatal(err)
	}
	writing, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var written atomic.Bool
	reconcile.OnStep(store, func(operation, name string) error {
		switch {
		case operation == "rename":
			close(writing)
			<-goOn
		case operation == "syncdir" && strings.HasSuffix(name, "a"):
			written.Store(true)
		}
		return nil
	})
	ctx := t.Context()
	go func() {
		_, err := store.Save(reconcile.WithLease(ctx, lease), "a", reconcile.NewState("a"), "")
		ended <- err
	}()
	<-writing
	go close(goOn)
	if err := reconcile.NewFileStore(reconcile.RootOf(store)).Unlock(ctx, lease.Info()); err != nil {
		t.Error(err)
	}
	if !written.Load() {
		t.Error("it was unlocked in the midst of a write")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if state, _, err := store.Load(t.Context(), "a"); err != nil || state == nil {
		t.Errorf("the write that was under way: %+v, %v", state, err)
	}
}
