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
		{"the holder of a lease writes", testStoreLeased},
		{"a lease that was taken away writes nothing", testStoreUnlocked},
		{"a lease that was taken away touches no journal", testStoreUnlockedJournal},
		{"no write of an old lease follows a new one", testStoreUnlockedRace},
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
