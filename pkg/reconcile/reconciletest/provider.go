package reconciletest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Subject is a provider under test, with a declaration that its world does not
// fulfil yet.
type Subject struct {
	Provider reconcile.Reconcilable
	// Root is what LoadConfig gets; empty is a new folder.
	Root string
	// Drift changes something that the provider manages, by hand. Nil leaves the
	// tests of drift out.
	Drift func(t *testing.T)
	// Remote is true if a cancelled context must stop FetchLive.
	Remote bool
}

// Provider runs the tests that every provider has to pass. Each test opens its
// own subject.
func Provider(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"planning changes nothing and repeats itself", testPlanRepeats},
		{"plan is true to itself", testPlanSeals},
		{"apply makes the next plan empty", testApplyConverges},
		{"state holds what was created", testStateHoldsCreated},
		{"state can be stored and read", testStateStores},
		{"drift is seen and mended", testDrift},
		{"a denied plan changes nothing", testDenied},
		{"a cancelled context stops reading", testCancelled},
		{"health is one of the known", testHealth},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newBench(t, open(t))) })
	}
}

const subjectName = "subject"

// bench is a subject with all that it takes to run it.
type bench struct {
	Subject
	store *MemoryStore
	cfg   *reconcile.MetaConfig
}

func newBench(t *testing.T, subject Subject) *bench {
	t.Helper()
	if subject.Root == "" {
		subject.Root = t.TempDir()
	}
	return &bench{
		Subject: subject, store: &MemoryStore{},
		cfg: &reconcile.MetaConfig{Resources: []reconcile.MetaResource{
			{Name: subjectName, Source: subjectName, Prune: true, AutoApply: true},
		}},
	}
}

func (b *bench) engine(gate reconcile.Gate) *reconcile.Engine {
	registry := &reconcile.Registry{}
	registry.Register(subjectName, b.Provider)
	return reconcile.NewEngine(b.Root, gate, reconcile.WithRegistry(registry), reconcile.WithStore(b.store),
		reconcile.WithEvents(reconcile.EventSinkFunc(func(*reconcile.Event) {})))
}

func (b *bench) run(t *testing.T, gate reconcile.Gate, dryRun bool) reconcile.MetaResult {
	t.Helper()
	results, err := b.engine(gate).Run(t.Context(), b.cfg, reconcile.MetaOpts{DryRun: dryRun})
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return results[0]
}

func (b *bench) want(t *testing.T, result reconcile.MetaResult, status string) {
	t.Helper()
	if result.Status != status {
		t.Fatalf("status %s, want %s; error: %s", result.Status, status, result.Error)
	}
}

func testPlanRepeats(t *testing.T, b *bench) {
	first := b.run(t, reconcile.AllowAll{}, true)
	b.want(t, first, reconcile.StatusDrifted)
	second := b.run(t, reconcile.AllowAll{}, true)
	b.want(t, second, reconcile.StatusDrifted)
	if first.Components().Plan != second.Components().Plan {
		t.Errorf("two plans of the same world differ:\n%s\n%s", asJSON(t, first.Plan), asJSON(t, second.Plan))
	}
	if b.Provider.Type() == "" {
		t.Error("the provider has no type")
	}
}

func testPlanSeals(t *testing.T, b *bench) {
	result := b.run(t, reconcile.AllowAll{}, true)
	b.want(t, result, reconcile.StatusDrifted)
	var again reconcile.Plan
	if err := json.Unmarshal([]byte(asJSON(t, result.Plan)), &again); err != nil {
		t.Fatalf("the plan does not survive JSON: %v", err)
	}
	for _, action := range again.Actions {
		if action.Name == "" || action.ResourceType == "" {
			t.Errorf("an action without name or type: %s", asJSON(t, action))
		}
	}
}

func testApplyConverges(t *testing.T, b *bench) {
	b.want(t, b.run(t, reconcile.AllowAll{}, false), reconcile.StatusApplied)
	next := b.run(t, reconcile.AllowAll{}, true)
	if next.Status != reconcile.StatusSynced {
		t.Errorf("the plan after an apply is not empty: %s %s %s", next.Status, next.Error, asJSON(t, next.Plan))
	}
}

func testStateHoldsCreated(t *testing.T, b *bench) {
	result := b.run(t, reconcile.AllowAll{}, false)
	b.want(t, result, reconcile.StatusApplied)
	state, _, err := b.store.Load(t.Context(), subjectName)
	if err != nil || state == nil {
		t.Fatalf("no state is recorded: %v", err)
	}
	known := reconcile.ResourceByExternalID(state)
	for _, done := range result.Results() {
		if done.CreatedID != "" && known[done.CreatedID] == nil {
			t.Errorf("the state forgot %s %s", done.Name, done.CreatedID)
		}
	}
}

func testStateStores(t *testing.T, b *bench) {
	b.want(t, b.run(t, reconcile.AllowAll{}, false), reconcile.StatusApplied)
	before, _, err := b.store.Load(t.Context(), subjectName)
	if err != nil {
		t.Fatal(err)
	}
	b.want(t, b.run(t, reconcile.AllowAll{}, false), reconcile.StatusSynced)
	after, _, err := b.store.Load(t.Context(), subjectName)
	if err != nil {
		t.Fatal(err)
	}
	if before.Serial != after.Serial || before.Lineage != after.Lineage {
		t.Errorf("a run that changed nothing wrote serial %d over %d", after.Serial, before.Serial)
	}
}

func testDrift(t *testing.T, b *bench) {
	if b.Drift == nil {
		t.Skip("the subject has no drift")
	}
	b.want(t, b.run(t, reconcile.AllowAll{}, false), reconcile.StatusApplied)
	b.Drift(t)
	b.want(t, b.run(t, reconcile.AllowAll{}, true), reconcile.StatusDrifted)
	b.want(t, b.run(t, reconcile.AllowAll{}, false), reconcile.StatusApplied)
	b.want(t, b.run(t, reconcile.AllowAll{}, true), reconcile.StatusSynced)
}

func testDenied(t *testing.T, b *bench) {
	deny := reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
		return reconcile.Decision{PlanDigest: review.Digest}, nil
	})
	before := b.run(t, reconcile.AllowAll{}, true)
	b.want(t, b.run(t, deny, false), reconcile.StatusDenied)
	after := b.run(t, reconcile.AllowAll{}, true)
	if before.Components().Plan != after.Components().Plan {
		t.Errorf("a denied apply changed the world:\n%s\n%s", asJSON(t, before.Plan), asJSON(t, after.Plan))
	}
}

func testCancelled(t *testing.T, b *bench) {
	if !b.Remote {
		t.Skip("the subject reads nothing that could take long")
	}
	config, err := b.Provider.LoadConfig(b.Root)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Provider.FetchLive(ctx, config); !errors.Is(err, context.Canceled) {
		t.Errorf("FetchLive with a cancelled context: %v", err)
	}
}

func testHealth(t *testing.T, b *bench) {
	b.want(t, b.run(t, reconcile.AllowAll{}, false), reconcile.StatusApplied)
	status := b.Provider.Health()
	switch status.Sync {
	case reconcile.SyncStatusSynced, reconcile.SyncStatusOutOfSync, reconcile.SyncStatusUnknown:
	default:
		t.Errorf("unknown sync status %q", status.Sync)
	}
	switch status.Health {
	case reconcile.HealthHealthy, reconcile.HealthDegraded, reconcile.HealthProgressing,
		reconcile.HealthMissing, reconcile.HealthSuspended:
	default:
		t.Errorf("unknown health status %q", status.Health)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	return string(text)
}
