package reconciletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// Store runs the tests that every state store has to pass. For each test, open
// makes a new, empty place for states, and returns what opens a store on it, as
// another process would. The store has to be a [Lapser].
func Store(t *testing.T, open func(t *testing.T) func() reconcile.StateStore) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, func() reconcile.StateStore)
	}{
		{"nothing is there at first", testStoreEmpty},
		{"what was saved is loaded", testStoreRoundTrip},
		{"serial moves only on success", testStoreSerial},
		{"a stale token is refused", testStoreStale},
		{"a state that appeared is not overwritten", testStoreAppeared},
		{"another lineage is refused", testStoreLineage},
		{"what is no state is refused", testStoreInvalid},
		{"odd addresses are kept apart", testStoreAddresses},
		{"of racing saves one wins", testStoreRace},
		{"a cancelled context changes nothing", testStoreCancelled},
		{"a lock has one holder", testStoreLock},
		{"a lock waits", testStoreLockWaits},
		{"the whole store can be locked", testStoreLockAll},
		{"who lost the lock writes nothing", testStoreFenced},
		{"an epoch never goes back", testStoreEpochs},
		{"a removed state is gone", testStoreRemove},
		{"history tells the present serial", testStoreHistory},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

const address = `file.site["eu"]`

func sample(address string) *reconcile.State {
	state := reconcile.NewState(address)
	state.Resources = []reconcile.Resource{{
		Address: reconcile.ObjectAddress(address, "file", "a<b>&\u2028"), Type: "file", Mode: reconcile.ModeManaged,
		ExternalID: "id-1", Name: "a<b>&\u2028", ParentAddress: "p", ParentID: "q", LastRefreshed: "2026-01-02T03:04:05Z",
		Attributes: map[string]any{
			"text": "héllo\n\"world\"", "flag": true, "none": nil,
			"list": []any{"a", "b"}, "map": map[string]any{"k": "v"},
		},
	}}
	state.Metadata = map[string]any{"note": "kept"}
	return state
}

func save(t *testing.T, store reconcile.StateStore, address string, state *reconcile.State, token reconcile.Token) reconcile.Token {
	t.Helper()
	next, err := store.Save(t.Context(), address, state, token)
	if err != nil {
		t.Fatalf("save %s: %v", address, err)
	}
	return next
}

func load(t *testing.T, store reconcile.StateStore, address string) (*reconcile.State, reconcile.Token) {
	t.Helper()
	state, token, err := store.Load(t.Context(), address)
	if err != nil {
		t.Fatalf("load %s: %v", address, err)
	}
	if state == nil {
		t.Fatalf("load %s: nothing is there", address)
	}
	return state, token
}

func testStoreEmpty(t *testing.T, open func() reconcile.StateStore) {
	state, token, err := open().Load(t.Context(), address)
	if state != nil || token != "" || err != nil {
		t.Errorf("load = %v, %q, %v", state, token, err)
	}
	if list, err := open().List(t.Context()); len(list) > 0 || err != nil {
		t.Errorf("list = %v, %v", list, err)
	}
}

func testStoreRoundTrip(t *testing.T, open func() reconcile.StateStore) {
	state := sample(address)
	token := save(t, open(), address, state, "")
	got, again := load(t, open(), address)
	if token != again {
		t.Errorf("saved with token %q, loaded with %q", token, again)
	}
	if want, have := asJSON(t, state), asJSON(t, got); want != have {
		t.Errorf("loaded\n%s\nwant\n%s", have, want)
	}
	if _, err := time.Parse(time.RFC3339, got.GeneratedAt); err != nil {
		t.Errorf("generated_at: %v", err)
	}
}

func testStoreSerial(t *testing.T, open func() reconcile.StateStore) {
	state := sample(address)
	token := save(t, open(), address, state, "")
	if state.Serial != 1 {
		t.Fatalf("serial %d after the first save", state.Serial)
	}
	other, otherToken := load(t, open(), address)
	save(t, open(), address, other, otherToken)
	before := state.GeneratedAt
	if _, err := open().Save(t.Context(), address, state, token); !errors.Is(err, reconcile.ErrConflict) {
		t.Fatalf("second save with one token: %v", err)
	}
	if state.Serial != 1 || state.GeneratedAt != before {
		t.Errorf("a failed save moved the state to serial %d, %s", state.Serial, state.GeneratedAt)
	}
	if got, _ := load(t, open(), address); got.Serial != 2 {
		t.Errorf("stored serial %d, want 2", got.Serial)
	}
}

func testStoreStale(t *testing.T, open func() reconcile.StateStore) {
	state := sample(address)
	first := save(t, open(), address, state, "")
	second := save(t, open(), address, state, first)
	if first == second {
		t.Error("two versions have one token")
	}
	state.Serial = 1
	if _, err := open().Save(t.Context(), address, state, first); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("save with a stale token: %v", err)
	}
	if _, err := open().Save(t.Context(), address, state, second); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("save of an older serial with the right token: %v", err)
	}
	if _, err := open().Save(t.Context(), "other", sample("other"), second); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("save over nothing with a token: %v", err)
	}
}

func testStoreAppeared(t *testing.T, open func() reconcile.StateStore) {
	save(t, open(), address, sample(address), "")
	if _, err := open().Save(t.Context(), address, sample(address), ""); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("save as new over a state: %v", err)
	}
}

func testStoreLineage(t *testing.T, open func() reconcile.StateStore) {
	state := sample(address)
	token := save(t, open(), address, state, "")
	foreign := sample(address)
	foreign.Serial = state.Serial
	if _, err := open().Save(t.Context(), address, foreign, token); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("save of another lineage: %v", err)
	}
}

func testStoreInvalid(t *testing.T, open func() reconcile.StateStore) {
	future, bare, odd := sample(address), sample(address), sample(address)
	future.Version = 99
	bare.Lineage = ""
	odd.Metadata = map[string]any{"channel": make(chan int)}
	for name, state := range map[string]*reconcile.State{"nil": nil, "version": future, "lineage": bare, "value": odd} {
		if _, err := open().Save(t.Context(), address, state, ""); err == nil {
			t.Errorf("%s: it was saved", name)
		}
	}
	if state, _, err := open().Load(t.Context(), address); state != nil || err != nil {
		t.Errorf("after refused saves: %v, %v", state, err)
	}
}

func testStoreAddresses(t *testing.T, open func() reconcile.StateStore) {
	long := fmt.Sprintf("file.site[%q]", string(slices.Repeat([]byte("Long/"), 100)))
	addresses := []string{
		"", ".", "..", "../up", "a", "A", "a.b", "a/b", "a%2fb", `file.site["eu"]`, `file.site["EU"]`,
		"con", "nul.txt", "x ", "x", "\u00e4", "a\u0308", "\x00", "-", "~", long, long + "x",
	}
	for i, address := range addresses {
		state := sample(address)
		state.Metadata["number"] = fmt.Sprint(i)
		save(t, open(), address, state, "")
	}
	for i, address := range addresses {
		if state, _ := load(t, open(), address); state.Metadata["number"] != fmt.Sprint(i) {
			t.Errorf("%q has the state of another address", address)
		}
	}
	list, err := open().List(t.Context())
	slices.Sort(addresses)
	if err != nil || !slices.Equal(list, addresses) {
		t.Errorf("list = %q, %v\nwant %q", list, err, addresses)
	}
}

func testStoreRace(t *testing.T, open func() reconcile.StateStore) {
	token := save(t, open(), address, sample(address), "")
	const racers, rounds = 8, 5
	for range rounds {
		wins := make(chan reconcile.Token, racers)
		var group sync.WaitGroup
		for range racers {
			state, _ := load(t, open(), address)
			store := open()
			group.Go(func() {
				next, err := store.Save(t.Context(), address, state, token)
				if err == nil {
					wins <- next
				} else if !errors.Is(err, reconcile.ErrConflict) {
					t.Errorf("race: %v", err)
				}
			})
		}
		group.Wait()
		if len(wins) != 1 {
			t.Fatalf("%d racers saved over one version", len(wins))
		}
		token = <-wins
	}
	if state, _ := load(t, open(), address); state.Serial != 1+rounds {
		t.Errorf("serial %d, want %d", state.Serial, 1+rounds)
	}
}

func testStoreCancelled(t *testing.T, open func() reconcile.StateStore) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open().Save(ctx, address, sample(address), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("save: %v", err)
	}
	if _, _, err := open().Load(ctx, address); !errors.Is(err, context.Canceled) {
		t.Errorf("load: %v", err)
	}
	testStoreEmpty(t, open)
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

func testStoreRemove(t *testing.T, open func() reconcile.StateStore) {
	remover, ok := open().(reconcile.StateRemover)
	if !ok {
		t.Skip("the store removes nothing")
	}
	state := sample(address)
	first := save(t, open(), address, state, "")
	second := save(t, open(), address, state, first)
	if err := remover.Remove(t.Context(), address, first); !errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("remove with a stale token: %v", err)
	}
	if err := remover.Remove(t.Context(), address, second); err != nil {
		t.Fatal(err)
	}
	testStoreEmpty(t, open)
	save(t, open(), address, sample(address), "") // another lineage may begin now
	load(t, open(), address)
}

func testStoreHistory(t *testing.T, open func() reconcile.StateStore) {
	historian, ok := open().(reconcile.StateHistorian)
	if !ok {
		t.Skip("the store remembers nothing")
	}
	state := sample(address)
	token := save(t, open(), address, state, "")
	state.Resources = nil
	save(t, open(), address, state, token)
	history, err := historian.History(t.Context(), address)
	if err != nil || len(history) != 2 || history[0].Serial != 2 || history[1].Serial != 1 || history[1].Objects != 1 {
		t.Fatalf("history = %+v, %v", history, err)
	}
	first, err := historian.LoadSerial(t.Context(), address, 1)
	if err != nil || first == nil || len(first.Resources) != 1 {
		t.Errorf("serial 1 = %+v, %v", first, err)
	}
	if none, err := historian.LoadSerial(t.Context(), address, 9); none != nil || err != nil {
		t.Errorf("serial 9 = %+v, %v", none, err)
	}
}
