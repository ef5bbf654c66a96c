package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

func worldOf(objects ...reconcile.Resource) *reconciletest.World {
	world := &reconciletest.World{}
	for _, object := range objects {
		world.Put(object)
	}
	return world
}

func file(name string, attributes ...any) reconcile.Resource {
	r := reconcile.Resource{Type: "file", Name: name, Attributes: map[string]any{}}
	for i := 0; i < len(attributes); i += 2 {
		r.Attributes[attributes[i].(string)] = attributes[i+1]
	}
	return r
}

// model declares a resource that a model serves, without AutoApply.
func (r *rig) model(name string, world *reconciletest.World, desired ...reconcile.Resource) *reconciletest.Model {
	m := &reconciletest.Model{Address: name, World: world, Desired: desired}
	r.registry.Register(name, m)
	r.declare(name, name).AutoApply = false
	return m
}

func (r *rig) dependsOn(name string, others ...string) {
	for i := range r.cfg.Resources {
		if r.cfg.Resources[i].Name == name {
			r.cfg.Resources[i].DependsOn = others
		}
	}
}

func propose(t *testing.T, engine *reconcile.Engine, r *rig) *reconcile.Proposal {
	t.Helper()
	proposal, err := engine.Propose(t.Context(), r.cfg, reconcile.MetaOpts{})
	if err != nil {
		t.Fatalf("propose: %v", err)
	}
	return proposal
}

func execute(t *testing.T, engine *reconcile.Engine, r *rig, proposal *reconcile.Proposal) []reconcile.MetaResult {
	t.Helper()
	results, err := engine.Execute(t.Context(), r.cfg, reconcile.MetaOpts{}, proposal)
	if err != nil {
		t.Fatalf("execute: %v", err)
	}
	return results
}

func TestProposeThenExecute(t *testing.T) {
	r := newRig(t)
	world := worldOf()
	r.model("a", world, file("x", "size", 1))
	engine := r.engine(reconcile.AllowAll{})
	proposal := propose(t, engine, r)
	if got := proposal.Resource("a"); got.Status != reconcile.StatusDrifted || got.Review.Plan.Summary.Creates != 1 || !got.Decision.Allowed {
		t.Fatalf("proposed %+v", got)
	}
	if !proposal.HasChanges() || proposal.Denied() || proposal.Failed() || proposal.Summary().Creates != 1 {
		t.Errorf("proposal %+v", proposal)
	}
	if world.Changes() != 0 {
		t.Fatal("Propose changed the world")
	}
	if list, err := r.store.List(t.Context()); len(list) > 0 || err != nil {
		t.Fatalf("Propose wrote %v, %v", list, err)
	}
	wantStatuses(t, execute(t, engine, r, proposal), "a:applied")
	again := propose(t, engine, r)
	wantStatuses(t, again.Results(), "a:synced")
	if again.HasChanges() {
		t.Error("there are changes after the apply")
	}
}

// Whatever moves between the review and the apply stops the resource, and is named.
func TestExecuteRefusesStale(t *testing.T) {
	for _, test := range []struct {
		name string
		move func(t *testing.T, r *rig, m *reconciletest.Model)
		want string
	}{
		{"config", func(_ *testing.T, _ *rig, m *reconciletest.Model) { m.Desired[0].Attributes["size"] = 2 }, "config"},
		{"live", func(_ *testing.T, _ *rig, m *reconciletest.Model) { m.World.Put(file("other")) }, "live"},
		{"state", func(t *testing.T, r *rig, _ *reconciletest.Model) {
			if _, err := r.store.Save(t.Context(), "a", reconcile.NewState("a"), ""); err != nil {
				t.Fatal(err)
			}
		}, "state"},
		{"provider", func(_ *testing.T, _ *rig, m *reconciletest.Model) { m.Info.Digest = "sha256:other" }, "provider"},
		{"grants", func(_ *testing.T, _ *rig, m *reconciletest.Model) { m.Info.Grants.Write = []string{"/"} }, "grants"},
		{"limits", func(_ *testing.T, _ *rig, m *reconciletest.Model) { m.Info.Limits.Memory = 1 }, "grants"},
		{"declaration", func(_ *testing.T, r *rig, _ *reconciletest.Model) { r.cfg.Resources[0].Prune = true }, "declaration"},
		{"protect", func(_ *testing.T, _ *rig, m *reconciletest.Model) { m.Said.Protect = true }, "declaration"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			m := r.model("a", worldOf(), file("x", "size", 1))
			engine := r.engine(reconcile.AllowAll{})
			proposal := propose(t, engine, r)
			test.move(t, r, m)
			before := m.World.Changes()
			results := execute(t, engine, r, proposal)
			wantStatuses(t, results, "a:failed")
			var stale *reconcile.StaleError
			if err := results[0].Err(); !errors.Is(err, reconcile.ErrStale) || !errors.As(err, &stale) {
				t.Fatalf("error %v", err)
			}
			if !slices.Equal(stale.Moved, []string{test.want}) {
				t.Errorf("moved %v, want %s", stale.Moved, test.want)
			}
			if m.World.Changes() != before {
				t.Error("a stale plan was applied")
			}
		})
	}
}

func TestExecuteRefusesOtherPolicy(t *testing.T) {
	r := newRig(t)
	m := r.model("a", worldOf(), file("x"))
	policy := "sha256:one"
	engine := r.engine(reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
		return reconcile.Decision{Allowed: true, PlanDigest: review.Digest, PolicyDigest: policy}, nil
	}))
	proposal := propose(t, engine, r)
	policy = "sha256:two"
	results := execute(t, engine, r, proposal)
	if err := results[0].Err(); !errors.Is(err, reconcile.ErrStale) || !strings.Contains(err.Error(), "policy") {
		t.Errorf("error %v", err)
	}
	if m.World.Changes() != 0 {
		t.Error("applied under another policy")
	}
}

func TestExecuteWhatWasNotProposed(t *testing.T) {
	r := newRig(t)
	m := r.model("a", worldOf(), file("x"))
	engine := r.engine(reconcile.AllowAll{})
	results := execute(t, engine, r, &reconcile.Proposal{})
	if !errors.Is(results[0].Err(), reconcile.ErrStale) || m.World.Changes() != 0 {
		t.Errorf("%v, %d changes", results[0].Err(), m.World.Changes())
	}
	if _, err := engine.Execute(t.Context(), r.cfg, reconcile.MetaOpts{}, nil); err == nil {
		t.Error("a nil proposal was executed")
	}
	for _, status := range []string{reconcile.StatusFailed, reconcile.StatusSkipped, "", "approved"} {
		proposal := &reconcile.Proposal{Resources: []reconcile.Proposed{{Address: "a", Status: status}}}
		if got := execute(t, engine, r, proposal); got[0].Status != reconcile.StatusFailed || m.World.Changes() != 0 {
			t.Errorf("status %q: %s", status, statuses(got))
		}
	}
}

// A proposal from a file has digests and no plans.
func TestExecuteRebuiltProposal(t *testing.T) {
	for _, gate := range []reconcile.Gate{reconcile.AllowAll{}, &runGate{}} {
		r := newRig(t)
		m := r.model("a", worldOf(), file("x"))
		engine := r.engine(gate)
		before := propose(t, engine, r).Resource("a")
		rebuilt := &reconcile.Proposal{Resources: []reconcile.Proposed{{
			Address: "a", Status: before.Status, Components: before.Components,
			Review:   reconcile.Review{Digest: before.Review.Digest},
			Decision: reconcile.Decision{Allowed: true, PolicyDigest: before.Decision.PolicyDigest},
		}}}
		wantStatuses(t, execute(t, engine, r, rebuilt), "a:applied")
		if m.World.Changes() != 1 {
			t.Errorf("%d changes", m.World.Changes())
		}
	}
}

func TestGateFailsClosed(t *testing.T) {
	allow := func(review reconcile.Review) reconcile.Decision {
		return reconcile.Decision{Allowed: true, PlanDigest: review.Digest}
	}
	for _, test := range []struct {
		name string
		gate reconcile.Gate
		want string
	}{
		{"nil", nil, "there is no gate"},
		{"zero decision", reconcile.GateFunc(func(context.Context, reconcile.Review) (reconcile.Decision, error) {
			return reconcile.Decision{}, nil
		}), "ruled on"},
		{"error", reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
			return allow(review), errors.New("policy broke")
		}), "policy broke"},
		{"panic", reconcile.GateFunc(func(context.Context, reconcile.Review) (reconcile.Decision, error) { panic("rego") }), "rego"},
		{"another digest", reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
			decision := allow(review)
			decision.PlanDigest = "sha256:other"
			return decision, nil
		}), "ruled on"},
		{"allowed with denials", reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
			decision := allow(review)
			decision.Findings = []reconcile.Finding{{Rule: "main.deny", Level: reconcile.LevelHardMandatory, Message: "no", Remedy: "do not"}}
			return decision, nil
		}), "main.deny: no (do not)"},
		{"unknown level", reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
			decision := allow(review)
			decision.Findings = []reconcile.Finding{{Rule: "main.odd", Level: "info", Message: "hm"}}
			return decision, nil
		}), "main.odd"},
		{"no reason", reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
			return reconcile.Decision{PlanDigest: review.Digest}, nil
		}), "no reason"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.add("a", &native{plan: create("x")})
			results := r.run(t, test.gate, reconcile.MetaOpts{})
			wantStatuses(t, results, "a:denied")
			if err := results[0].Err(); !errors.Is(err, reconcile.ErrDenied) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
			if results[0].Decision().Allowed || strings.Contains(r.log.String(), "apply") {
				t.Error("it was allowed")
			}
		})
	}
}

// Propose tells what is denied; a dry run tells what there is to do.
func TestDeniedWhilePlanning(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: planOf(reconcile.ActionDelete, "x")})
	r.add("b", &native{plan: create("y")}, "a")
	proposal := propose(t, r.engine(reconcile.PruneGate{}), r)
	wantStatuses(t, proposal.Results(), "a:denied b:drifted")
	if !proposal.Denied() {
		t.Error("the proposal is not denied")
	}
	dry := r.run(t, reconcile.PruneGate{}, reconcile.MetaOpts{DryRun: true})
	wantStatuses(t, dry, "a:drifted b:drifted")
	if dry[0].Decision().Allowed {
		t.Error("the dry run's decision allows")
	}
	wantStatuses(t, execute(t, r.engine(reconcile.PruneGate{}), r, proposal), "a:denied b:skipped")
}

// A gate that changes the plan does not change what is applied.
func TestPlanChangedAfterReview(t *testing.T) {
	r := newRig(t)
	p := &native{plan: create("x")}
	r.add("a", p)
	gate := reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
		review.Plan.Actions[0].Name = "passwd"
		return reconcile.Decision{Allowed: true, PlanDigest: review.Digest}, nil
	})
	results := r.run(t, gate, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:failed")
	if !errors.Is(results[0].Err(), reconcile.ErrInvalidPlan) || strings.Contains(r.log.String(), "apply") {
		t.Errorf("error %v, calls %s", results[0].Err(), r.log)
	}
}

type runGate struct {
	reconcile.AllowAll
	mu    sync.Mutex
	asked []string
	deny  func(reviews []reconcile.Review) bool
}

func (g *runGate) ReviewRun(_ context.Context, reviews []reconcile.Review) (reconcile.Decision, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for _, review := range reviews {
		if review.Plan == nil {
			return reconcile.Decision{}, errors.New("a review without a plan")
		}
		names = append(names, review.Resource.Name)
	}
	slices.Sort(names)
	g.asked = append(g.asked, strings.Join(names, "+"))
	denied := g.deny != nil && g.deny(reviews)
	return reconcile.Decision{Allowed: !denied, PlanDigest: reconcile.RunDigest(reviews)}, nil
}

func TestRunGate(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: create("x")})
	r.add("b", &native{plan: create("y")}, "a")
	gate := &runGate{}
	results := r.run(t, gate, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:applied b:applied")
	if got := strings.Join(gate.asked, " "); got != "a+b a+b" {
		t.Errorf("asked about %s", got)
	}
	if calls := r.log.String(); strings.Index(calls, "b.plan") > strings.Index(calls, "a.apply") {
		t.Errorf("applied before all was planned: %s", calls)
	}
}

func TestRunGateDenies(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: create("x")})
	r.add("b", &native{}, "a")
	gate := &runGate{deny: func(reviews []reconcile.Review) bool { return len(reviews) > 1 }}
	results := r.run(t, gate, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:denied b:synced")
	if strings.Contains(r.log.String(), "apply") {
		t.Error("it was applied")
	}
	proposal := propose(t, r.engine(gate), r)
	if !proposal.Denied() || proposal.Run == nil || proposal.Run.Allowed {
		t.Errorf("run %+v", proposal.Run)
	}
	gate.deny = nil // the proposal's own ruling still holds
	wantStatuses(t, execute(t, r.engine(gate), r, proposal), "a:denied b:synced")
}

// A run that is denied as a whole is no success where there is nothing to change: an
// apply would have recorded it.
func TestRunDeniedWhereNothingChanges(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{})
	gate := &runGate{}
	proposal := propose(t, r.engine(gate), r)
	wantStatuses(t, execute(t, r.engine(gate), r, proposal), "a:synced")
	gate.deny = func([]reconcile.Review) bool { return true }
	results, err := r.engine(gate).Execute(t.Context(), r.cfg, reconcile.MetaOpts{}, proposal)
	wantStatuses(t, results, "a:synced")
	if !errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("error %v", err)
	}
}

// deferring links two models: the second waits until the first is settled.
func deferring(r *rig) (first, second *reconciletest.Model, settled reconcile.Option) {
	first = r.model("first", worldOf(), file("x"))
	second = r.model("second", worldOf(), file("y"))
	r.dependsOn("second", "first")
	var mu sync.Mutex
	known := make(map[string]bool)
	second.Waits = func() []string {
		mu.Lock()
		defer mu.Unlock()
		if known["first"] {
			return nil
		}
		return []string{"first.objects"}
	}
	return first, second, reconcile.WithSettled(func(_ context.Context, s reconcile.Settled) error {
		mu.Lock()
		defer mu.Unlock()
		known[s.Resource.Name] = true
		return nil
	})
}

func TestDeferred(t *testing.T) {
	r := newRig(t)
	_, second, settled := deferring(r)
	engine := r.engine(reconcile.AllowAll{}, settled)
	proposal := propose(t, engine, r)
	wantStatuses(t, proposal.Results(), "first:drifted second:deferred")
	deferred := proposal.Results()[1]
	var cause *reconcile.DeferredError
	if !errors.As(deferred.Err(), &cause) || cause.WaitsFor[0] != "first.objects" || deferred.Error != "" {
		t.Errorf("deferred: %v, %q", deferred.Err(), deferred.Error)
	}
	if !proposal.HasChanges() {
		t.Error("a deferred plan is no change")
	}
	results := execute(t, engine, r, proposal)
	wantStatuses(t, results, "first:applied second:applied")
	if second.World.Changes() != 1 || !results[1].Decision().Allowed {
		t.Error("the deferred resource was not applied under a decision")
	}
}

// What was deferred passes the gate, and the gate of the run, when it is planned.
func TestDeferredIsGated(t *testing.T) {
	for _, test := range []struct {
		name string
		gate func() reconcile.Gate
	}{
		{"gate", func() reconcile.Gate {
			return reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
				return reconcile.Decision{Allowed: review.Resource.Name == "first", PlanDigest: review.Digest}, nil
			})
		}},
		{"run gate", func() reconcile.Gate {
			return &runGate{deny: func(reviews []reconcile.Review) bool { return len(reviews) > 1 }}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			_, second, settled := deferring(r)
			engine := r.engine(test.gate(), settled)
			wantStatuses(t, execute(t, engine, r, propose(t, engine, r)), "first:applied second:denied")
			if second.World.Changes() != 0 {
				t.Error("it was applied")
			}
		})
	}
}

func TestDeferredAfterFailure(t *testing.T) {
	r := newRig(t)
	first, second, settled := deferring(r)
	third := r.model("third", worldOf(), file("z"))
	r.dependsOn("third", "second")
	engine := r.engine(reconcile.AllowAll{}, settled)
	proposal := propose(t, engine, r)
	first.Failing = func(call string, _ *reconcile.Action) error {
		if call == "apply" {
			return errors.New("disk full")
		}
		return nil
	}
	wantStatuses(t, execute(t, engine, r, proposal), "first:failed second:skipped third:skipped")
	if second.World.Changes()+third.World.Changes() != 0 {
		t.Error("dependents were applied")
	}
}

func TestSettled(t *testing.T) {
	r := newRig(t)
	r.model("same", worldOf())
	changing := r.model("changing", worldOf(), file("x"))
	r.declare("sleeping", "none").Suspended = true
	r.dependsOn("changing", "same", "sleeping")
	log := &journal{}
	settled := reconcile.WithSettled(func(_ context.Context, s reconcile.Settled) error {
		live, _ := s.Live.(reconciletest.Objects)
		log.add("%s:changed=%v,live=%d,config=%v,state=%v", s.Resource.Name, s.Changed, len(live), s.Config != nil, s.State != nil)
		return nil
	})
	engine := r.engine(reconcile.AllowAll{}, settled, reconcile.WithParallelism(1))
	proposal := propose(t, engine, r)
	want := "same:changed=false,live=0,config=true,state=false sleeping:changed=false,live=0,config=false,state=false"
	if got := log.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	log.calls = nil
	execute(t, engine, r, proposal)
	want = "same:changed=false,live=0,config=true,state=true sleeping:changed=false,live=0,config=false,state=false changing:changed=true,live=1,config=true,state=true"
	if got := log.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	log.calls = nil
	changing.Desired = nil
	if _, err := engine.Run(t.Context(), r.cfg, reconcile.MetaOpts{DryRun: true, ResourceFilter: "changing"}); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); got != "same:changed=false,live=0,config=false,state=true sleeping:changed=false,live=0,config=false,state=false" {
		t.Errorf("with a filter: %s", got)
	}
}

func TestSettledRefuses(t *testing.T) {
	r := newRig(t)
	r.model("a", worldOf(), file("x"))
	r.model("b", worldOf(), file("y"))
	r.dependsOn("b", "a")
	refuse := reconcile.WithSettled(func(context.Context, reconcile.Settled) error { return errors.New("postcondition failed") })
	engine := r.engine(reconcile.AllowAll{}, refuse)
	results := execute(t, engine, r, propose(t, engine, r))
	wantStatuses(t, results, "a:failed b:skipped")
	if state, _, err := r.store.Load(t.Context(), "a"); err != nil || len(state.Resources) != 1 {
		t.Errorf("what was applied is not recorded: %+v, %v", state, err)
	}
}

func TestInvalidPlans(t *testing.T) {
	action := func(kind reconcile.ActionType, name string, details map[string]any) reconcile.Action {
		return reconcile.Action{Action: kind, ResourceType: "file", Name: name, Details: details}
	}
	replace := map[string]any{reconcile.DetailReplace: true}
	for _, test := range []struct {
		name string
		plan *reconcile.Plan
		want string
	}{
		{"hidden delete", &reconcile.Plan{Actions: []reconcile.Action{action("delete", "x", nil)}, Summary: reconcile.Summary{Updates: 1}}, "summary says"},
		{"no summary", &reconcile.Plan{Actions: []reconcile.Action{action("delete", "x", nil)}}, "summary says"},
		{"negative", &reconcile.Plan{Summary: reconcile.Summary{Creates: -1, Deletes: 1}}, "negative"},
		{"unknown kind", &reconcile.Plan{Actions: []reconcile.Action{action("Delete", "x", nil)}, Summary: reconcile.Summary{Deletes: 1}}, "unknown kind"},
		{"twice", &reconcile.Plan{Actions: []reconcile.Action{action("create", "x", nil), action("update", "x", nil)}, Summary: reconcile.Summary{Creates: 1, Updates: 1}}, "acts twice"},
		{"delete and create unmarked", &reconcile.Plan{Actions: []reconcile.Action{action("delete", "x", nil), action("create", "x", nil)}, Summary: reconcile.Summary{Creates: 1, Deletes: 1}}, "acts twice"},
		{
			"replaced twice",
			&reconcile.Plan{Actions: []reconcile.Action{action("delete", "x", replace), action("create", "x", replace), action("create", "x", replace)}, Summary: reconcile.Summary{Creates: 2, Deletes: 1}},
			"acts twice",
		},
		{"a name that is no text", &reconcile.Plan{Actions: []reconcile.Action{action("create", "\xff", nil)}, Summary: reconcile.Summary{Creates: 1}}, "UTF-8"},
		{"details that are no JSON", &reconcile.Plan{Actions: []reconcile.Action{action("create", "x", map[string]any{"f": func() {}})}, Summary: reconcile.Summary{Creates: 1}}, "unsupported type"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.add("a", &native{plan: test.plan})
			results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
			wantStatuses(t, results, "a:failed")
			if err := results[0].Err(); !errors.Is(err, reconcile.ErrInvalidPlan) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
		})
	}
	r := newRig(t)
	r.add("a", &native{plan: &reconcile.Plan{
		Actions: []reconcile.Action{action("delete", "x", replace), action("create", "x", replace)},
		Summary: reconcile.Summary{Creates: 1, Deletes: 1},
	}})
	wantStatuses(t, r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}), "a:applied")
}

func TestBareSummaryIsMarked(t *testing.T) {
	for _, test := range []struct {
		plan *reconcile.Plan
		want any
	}{
		{&reconcile.Plan{Summary: reconcile.Summary{Deletes: 1}}, true},
		{&reconcile.Plan{Summary: reconcile.Summary{Skipped: 1}, Metadata: map[string]any{"k": "v"}}, true},
		{&reconcile.Plan{}, nil},
		{func() *reconcile.Plan {
			plan := create("x")
			plan.Metadata = map[string]any{reconcile.MetadataBareSummary: true}
			return plan
		}(), nil},
	} {
		r := newRig(t)
		r.add("a", &native{plan: test.plan})
		var got any
		r.run(t, reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
			got = review.Plan.Metadata[reconcile.MetadataBareSummary]
			return reconcile.Decision{Allowed: true, PlanDigest: review.Digest}, nil
		}), reconcile.MetaOpts{})
		if got != test.want {
			t.Errorf("%+v is marked %v, want %v", test.plan, got, test.want)
		}
	}
}

func TestReviewKnowsEverything(t *testing.T) {
	r := newRig(t)
	m := r.model("a", worldOf(), file("x"))
	m.Said = reconcile.Declaration{Protect: true, Tags: map[string]string{"k": "v"}}
	m.Info = reconcile.ProviderInfo{Name: "file", Digest: "sha256:1", Grants: reconcile.Grants{Write: []string{"out"}}}
	var got reconcile.Review
	gate := reconcile.GateFunc(func(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
		got = review
		return reconcile.Decision{Allowed: true, PlanDigest: review.Digest}, nil
	})
	engine := r.engine(gate, reconcile.WithRunContext(reconcile.RunContext{Command: "plan", Actor: "me"}))
	execute(t, engine, r, propose(t, engine, r))
	propose(t, engine, r)
	state, _, _ := r.store.Load(t.Context(), "a")
	if got.Resource.Name != "a" || !got.Declaration.Protect || got.Declaration.Address != "a" || got.Provider.Digest != "sha256:1" ||
		got.Run.Actor != "me" || got.State != (reconcile.StateSummary{Lineage: state.Lineage, Serial: 1, Managed: 1}) ||
		!strings.HasPrefix(got.Digest, "sha256:") {
		t.Errorf("review %+v", got)
	}
}

// One provider behind several names and wrappers is called by one goroutine at a
// time; native.call panics otherwise.
func TestSharedProviderIsNotShared(t *testing.T) {
	r := newRig(t)
	shared := &native{kind: "shared", log: r.log, on: func(string) error { time.Sleep(time.Millisecond); return nil }}
	r.registry.Register("shared", shared)
	for i := range 10 {
		name := fmt.Sprintf("r%02d", i)
		if i%2 == 0 {
			r.registry.Register(name, wrapper{shared})
		}
		r.declare(name, "shared")
	}
	for _, result := range r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithParallelism(8)) {
		if result.Status != reconcile.StatusSynced {
			t.Errorf("%s: %s", result.Resource, result.Error)
		}
	}
}

func TestParallelismAndOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var mu sync.Mutex
		running, most := 0, 0
		for i := range 12 {
			r.add(fmt.Sprintf("r%02d", 11-i), &native{on: func(call string) error {
				if call != "fetch" {
					return nil
				}
				mu.Lock()
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(time.Duration(i+1) * time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			}})
		}
		results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithParallelism(3))
		if most != 3 {
			t.Errorf("%d ran at once, want 3", most)
		}
		for i, result := range results {
			if want := fmt.Sprintf("r%02d", i); result.Resource != want {
				t.Errorf("result %d is %s", i, result.Resource)
			}
		}
	})
}

// A wave starts when the lower wave of its level is done; another level does not
// wait for it.
func TestWaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		log := &journal{}
		add := func(name string, wave int, takes time.Duration, dependsOn ...string) {
			r.add(name, &native{on: func(call string) error {
				switch call {
				case "load":
					log.add("+%s", name)
					time.Sleep(takes)
				case "state":
					log.add("-%s", name)
				}
				return nil
			}}, dependsOn...).Wave = wave
		}
		add("quick", 0, time.Second)
		add("slow", 0, 10*time.Second)
		add("late", 5, time.Second)
		add("next", 0, 2*time.Second, "quick")
		r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithParallelism(8))
		got := log.String()
		for _, want := range []string{"-slow +late", "-quick +next -next"} {
			if !strings.Contains(got, want) {
				t.Errorf("order %q has no %q", got, want)
			}
		}
	})
}

func TestCancelBeforeApply(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.add("a", &native{plan: create("x"), on: func(call string) error {
		if call == "plan" {
			cancel()
		}
		return nil
	}})
	r.add("b", &native{}, "a")
	r.add("c", &native{}, "a")
	results, err := r.engine(reconcile.AllowAll{}).Run(ctx, r.cfg, reconcile.MetaOpts{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantStatuses(t, results, "a:skipped b:skipped c:skipped")
	if strings.Contains(r.log.String(), "apply") {
		t.Error("it was applied after the run was cancelled")
	}
}

// A running apply finishes and is recorded; nothing new begins.
func TestCancelDuringApply(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := &native{plan: create("x")}
	p.apply = func(ctx context.Context, _ *reconcile.Plan) ([]reconcile.Result, error) {
		cancel()
		return []reconcile.Result{{Action: "create", Name: "x", Status: reconcile.ApplySucceeded, CreatedID: "id-x"}}, ctx.Err()
	}
	r.add("a", p)
	r.add("b", &native{}, "a")
	results, err := r.engine(reconcile.AllowAll{}).Run(ctx, r.cfg, reconcile.MetaOpts{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantStatuses(t, results, "a:applied b:skipped")
	if state, _, err := r.store.Load(t.Context(), "a"); err != nil || reconcile.ResourceByExternalID(state)["id-x"] == nil {
		t.Errorf("state %+v, %v", state, err)
	}
}

func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, cancel := context.WithCancel(t.Context())
		p := &native{plan: create("x")}
		p.apply = func(ctx context.Context, _ *reconcile.Plan) ([]reconcile.Result, error) {
			cancel()
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		r.add("a", p)
		started := time.Now()
		results, err := r.engine(reconcile.AllowAll{}, reconcile.WithGrace(time.Minute)).Run(ctx, r.cfg, reconcile.MetaOpts{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		wantStatuses(t, results, "a:failed")
		if took := time.Since(started); took != time.Minute {
			t.Errorf("it took %s", took)
		}
		if !strings.Contains(results[0].Error, "grace") {
			t.Errorf("error %q", results[0].Error)
		}
	})
}

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		m := &timedModel{Model: reconciletest.Model{Address: "a", World: worldOf(), Desired: []reconcile.Resource{file("x")}}}
		m.Said = reconcile.Declaration{PlanTimeout: 2 * time.Second, ApplyTimeout: 3 * time.Second}
		r.registry.Register("a", m)
		r.declare("a", "a")
		m.slow = "fetch"
		if got := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})[0]; !errors.Is(got.Err(), context.DeadlineExceeded) {
			t.Errorf("plan: %v", got.Err())
		}
		m.slow = "apply"
		if got := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})[0]; !errors.Is(got.Err(), context.DeadlineExceeded) {
			t.Errorf("apply: %v", got.Err())
		}
	})
}

type timedModel struct {
	reconciletest.Model
	slow string
}

func (m *timedModel) FetchLiveKnown(ctx context.Context, config any, state *reconcile.State) (any, error) {
	if m.slow == "fetch" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m.Model.FetchLiveKnown(ctx, config, state)
}

func (m *timedModel) ApplyPlan(ctx context.Context, plan *reconcile.Plan) ([]reconcile.Result, error) {
	if m.slow == "apply" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m.Model.ApplyPlan(ctx, plan)
}

func TestLocked(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: create("x")})
	lease, err := r.store.Lock(t.Context(), "", reconcile.LockRequest{Holder: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	engine := r.engine(reconcile.AllowAll{}, reconcile.WithLock("me", 0))
	if _, err := engine.Run(t.Context(), r.cfg, reconcile.MetaOpts{}); !errors.Is(err, reconcile.ErrLocked) || !strings.Contains(err.Error(), "somebody") {
		t.Errorf("locked: %v", err)
	}
	if r.log.String() != "" {
		t.Errorf("calls %s", r.log)
	}
	propose(t, engine, r) // reading needs no lock
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	if lease, err = r.store.Lock(t.Context(), "", reconcile.LockRequest{}); err != nil {
		t.Errorf("the engine kept its lock: %v", err)
	} else if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestStateConflictDuringApply(t *testing.T) {
	r := newRig(t)
	p := &native{plan: create("x")}
	p.apply = func(context.Context, *reconcile.Plan) ([]reconcile.Result, error) {
		if _, err := r.store.Save(t.Context(), "a", reconcile.NewState("a"), ""); err != nil {
			t.Error(err)
		}
		return nil, nil
	}
	r.add("a", p)
	results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:failed")
	if !errors.Is(results[0].Err(), reconcile.ErrConflict) {
		t.Errorf("error %v", results[0].Err())
	}
}

// A provider cannot move a state to another lineage or serial.
func TestLineageIsTheEngines(t *testing.T) {
	r := newRig(t)
	p := &native{}
	p.state = func(any, *reconcile.State) (*reconcile.State, error) {
		state := reconcile.NewState("x")
		state.Serial, state.Version = 77, 9
		state.Metadata = map[string]any{"n": time.Now().String()}
		return state, nil
	}
	r.add("a", p)
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	first, _, err := r.store.Load(t.Context(), "a")
	if err != nil || first.Serial != 1 || first.Version != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	second, _, err := r.store.Load(t.Context(), "a")
	if err != nil || second.Serial != 2 || second.Lineage != first.Lineage {
		t.Errorf("%+v, %v", second, err)
	}
}

// A provider that builds the new state inside the old one is recorded all the same.
func TestStateBuiltInPlace(t *testing.T) {
	r := newRig(t)
	count := int64(0)
	r.add("a", &native{state: func(_ any, existing *reconcile.State) (*reconcile.State, error) {
		count++
		if existing == nil {
			existing = reconcile.NewState("a")
			existing.Resources = []reconcile.Resource{{Address: "x", Name: "x", Attributes: map[string]any{}}}
		}
		existing.Resources[0].Attributes["count"] = count
		return existing, nil
	}})
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	if state, _, err := r.store.Load(t.Context(), "a"); err != nil || state.Serial != 2 || state.Resources[0].Attributes["count"] != 2.0 {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestObserver(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: create("x")})
	log := &journal{}
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithObserver(reconcile.ObserverFunc(func(p reconcile.Progress) {
		if p.Address != "a" || p.Index != 0 || p.Total != 1 || p.Time.IsZero() {
			t.Errorf("%+v", p)
		}
		log.add("%s:%v%s", p.Phase, p.Done, p.Status)
	})))
	want := "observe:false observe:true plan:false plan:true review:false review:true apply:false apply:true record:false record:true done:trueapplied"
	if got := log.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestManyFailures(t *testing.T) {
	r := newRig(t)
	p := &native{plan: create("x")}
	for i := range 100 {
		p.results = append(p.results, reconcile.Result{Action: "create", Name: fmt.Sprint("n", i), Status: reconcile.ApplyFailed, Error: "no"})
	}
	p.results = append(p.results, reconcile.Result{Action: "create", Name: "odd", Status: "done"})
	r.add("a", p)
	got := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})[0]
	if got.Status != reconcile.StatusFailed || !strings.Contains(got.Error, "91 more actions failed") || len(got.Results()) != 101 {
		t.Errorf("%s: %s", got.Status, got.Error)
	}
	p.results = p.results[100:]
	if got := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})[0]; !strings.Contains(got.Error, `unknown status "done"`) {
		t.Errorf("%s: %s", got.Status, got.Error)
	}
}

type fullProvider struct{ native }

func (p *fullProvider) LoadConfigContext(ctx context.Context, _ string) (any, error) {
	p.log.add("LoadConfigContext")
	return "config", ctx.Err()
}

func (p *fullProvider) FetchLiveKnown(ctx context.Context, _ any, state *reconcile.State) (any, error) {
	p.log.add("FetchLiveKnown:%v", state != nil)
	return "live", ctx.Err()
}

func (p *fullProvider) ComputePlanContext(ctx context.Context, _, _ any, _ *reconcile.State) (*reconcile.Plan, error) {
	p.log.add("ComputePlanContext")
	return &reconcile.Plan{}, ctx.Err()
}

func (p *fullProvider) BuildStateContext(ctx context.Context, _, _ any, existing *reconcile.State) (*reconcile.State, error) {
	p.log.add("BuildStateContext")
	if existing != nil {
		return existing, ctx.Err()
	}
	return reconcile.NewState("a"), ctx.Err()
}

func TestOptionalAbilities(t *testing.T) {
	r := newRig(t)
	p := &fullProvider{}
	p.kind, p.log = "a", r.log
	r.registry.Register("a", wrapper{p})
	r.declare("a", "a")
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})
	once := func(known bool) string {
		return fmt.Sprintf("LoadConfigContext FetchLiveKnown:%v ComputePlanContext BuildStateContext", known)
	}
	if got := r.log.String(); got != once(false)+" "+once(true) {
		t.Errorf("calls %s", got)
	}
}
