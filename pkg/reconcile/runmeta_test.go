package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// runMeta runs the documented function with the global registry, quietly.
func runMeta(t *testing.T, r *rig, opts reconcile.MetaOpts) []reconcile.MetaResult {
	t.Helper()
	t.Cleanup(reconcile.ResetProviders)
	reconcile.ResetProviders()
	for _, name := range r.registry.Names() {
		provider, err := r.registry.Provider(name)
		if err != nil {
			t.Fatal(err)
		}
		reconcile.RegisterProvider(name, provider)
	}
	var results []reconcile.MetaResult
	captureStderr(t, func() {
		var err error
		if results, err = reconcile.RunMeta(r.root, r.cfg, opts); err != nil {
			t.Fatalf("RunMeta: %v", err)
		}
	})
	return results
}

func TestRunMetaStatuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		plan   *reconcile.Plan
		change func(*reconcile.MetaResource)
		opts   reconcile.MetaOpts
		want   string
		calls  string
	}{
		{"in sync", nil, nil, reconcile.MetaOpts{}, "synced", "a.load a.fetch a.plan a.state"},
		{"in sync, dry", nil, nil, reconcile.MetaOpts{DryRun: true}, "synced", "a.load a.fetch a.plan"},
		{"skips are no changes", planOf(reconcile.ActionSkip, "x"), nil, reconcile.MetaOpts{}, "synced", "a.load a.fetch a.plan a.state"},
		{"dry run", create("x"), nil, reconcile.MetaOpts{DryRun: true}, "drifted", "a.load a.fetch a.plan"},
		{"auto apply", create("x"), nil, reconcile.MetaOpts{}, "applied", "a.load a.fetch a.plan a.apply a.fetch a.state"},
		{"no auto apply", create("x"), func(r *reconcile.MetaResource) { r.AutoApply = false }, reconcile.MetaOpts{}, "drifted", "a.load a.fetch a.plan"},
		{"suspended", create("x"), func(r *reconcile.MetaResource) { r.Suspended = true }, reconcile.MetaOpts{}, "suspended", ""},
		{"delete without prune", planOf(reconcile.ActionDelete, "x"), nil, reconcile.MetaOpts{}, "denied", "a.load a.fetch a.plan"},
		{"delete without prune, dry", planOf(reconcile.ActionDelete, "x"), nil, reconcile.MetaOpts{DryRun: true}, "drifted", "a.load a.fetch a.plan"},
		{
			"delete without prune or auto apply", planOf(reconcile.ActionDelete, "x"),
			func(r *reconcile.MetaResource) { r.AutoApply = false },
			reconcile.MetaOpts{},
			"drifted", "a.load a.fetch a.plan",
		},
		{
			"delete with prune", planOf(reconcile.ActionDelete, "x"),
			func(r *reconcile.MetaResource) { r.Prune = true },
			reconcile.MetaOpts{},
			"applied", "a.load a.fetch a.plan a.apply a.fetch a.state",
		},
		{"bare summary", &reconcile.Plan{Summary: reconcile.Summary{Updates: 2}}, nil, reconcile.MetaOpts{}, "applied", "a.load a.fetch a.plan a.apply a.fetch a.state"},
		{"bare deletes without prune", &reconcile.Plan{Summary: reconcile.Summary{Deletes: 2}}, nil, reconcile.MetaOpts{}, "denied", "a.load a.fetch a.plan"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			resource := r.add("a", &native{plan: test.plan})
			if test.change != nil {
				test.change(resource)
			}
			results := runMeta(t, r, test.opts)
			wantStatuses(t, results, "a:"+test.want)
			if got := r.log.String(); got != test.calls {
				t.Errorf("calls %q, want %q", got, test.calls)
			}
			if failed := test.want == "denied"; failed != (results[0].Error != "") || failed != errors.Is(results[0].Err(), reconcile.ErrDenied) {
				t.Errorf("error %q", results[0].Error)
			}
			state, err := reconcile.LoadState(r.root, "a")
			if err != nil {
				t.Fatal(err)
			}
			if recorded := strings.Contains(test.calls, "a.state"); recorded != (state != nil) {
				t.Errorf("state %+v", state)
			}
		})
	}
}

func TestRunMetaDenialSaysWhatToDo(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: planOf(reconcile.ActionDelete, "gone.txt")})
	got := runMeta(t, r, reconcile.MetaOpts{})[0]
	for _, want := range []string{"denied", "gone.txt", "prune = true"} {
		if !strings.Contains(got.Error, want) {
			t.Errorf("error %q does not say %q", got.Error, want)
		}
	}
	if decision := got.Decision(); decision.Allowed || len(decision.Denials()) != 1 || decision.PlanDigest != got.Digest() {
		t.Errorf("decision %+v", decision)
	}
}

func TestRunMetaOrderAndSkips(t *testing.T) {
	r := newRig(t)
	r.add("base", &native{on: func(call string) error {
		if call == "fetch" {
			return errors.New("no route to host")
		}
		return nil
	}})
	r.add("child", &native{}, "base")
	r.add("grandchild", &native{}, "child")
	r.add("other", &native{})
	r.add("mixed", &native{}, "other", "grandchild")
	results := runMeta(t, r, reconcile.MetaOpts{})
	wantStatuses(t, results, "base:failed other:synced child:skipped grandchild:skipped mixed:skipped")
	if got, want := r.log.String(), "base.load base.fetch other.load other.fetch other.plan other.state"; got != want {
		t.Errorf("calls %q, want %q", got, want)
	}
	for name, want := range map[string]string{"base": "no route to host", "child": "base was failed", "grandchild": "child was skipped"} {
		if got := resultOf(t, results, name); !strings.Contains(got.Error, want) {
			t.Errorf("%s: %q does not say %q", name, got.Error, want)
		}
	}
	if !errors.Is(resultOf(t, results, "child").Err(), reconcile.ErrDependency) {
		t.Error("the cause of the skip is not ErrDependency")
	}
}

func TestRunMetaSuspendedDependency(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{}).Suspended = true
	r.add("b", &native{plan: create("x")}, "a")
	results := runMeta(t, r, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:suspended b:applied")
	if got := results[1].Plan.Warnings; len(got) != 1 || !strings.Contains(got[0], "a, which is suspended") {
		t.Errorf("warnings %q", got)
	}
}

func TestRunMetaFilter(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{on: func(string) error { return errors.New("never called") }})
	r.add("b", &native{plan: create("x")}, "a")
	r.add("c", &native{}, "b")
	wantStatuses(t, runMeta(t, r, reconcile.MetaOpts{ResourceFilter: "b"}), "b:applied")
	if got := r.log.String(); strings.Contains(got, "a.") || strings.Contains(got, "c.") {
		t.Errorf("calls %q", got)
	}
	_, err := reconcile.RunMeta(r.root, r.cfg, reconcile.MetaOpts{ResourceFilter: "zzz"})
	if err == nil || !strings.Contains(err.Error(), `no resource is named "zzz"; declared: "a", "b", "c"`) {
		t.Errorf("unknown filter: %v", err)
	}
}

func TestRunMetaBadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		resources []reconcile.MetaResource
		want      string
	}{
		"cycle":     {[]reconcile.MetaResource{{Name: "a", DependsOn: []string{"b"}}, {Name: "b", DependsOn: []string{"a"}}}, "a -> b -> a"},
		"duplicate": {[]reconcile.MetaResource{{Name: "a"}, {Name: "a"}}, "duplicate"},
	} {
		if _, err := reconcile.RunMeta(t.TempDir(), &reconcile.MetaConfig{Resources: test.resources}, reconcile.MetaOpts{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if results, err := reconcile.RunMeta(t.TempDir(), nil, reconcile.MetaOpts{DryRun: true}); len(results) != 0 || err != nil {
		t.Errorf("nothing declared: %v, %v", results, err)
	}
}

func TestRunMetaProviderBySource(t *testing.T) {
	r := newRig(t)
	shared := &native{kind: "shared", log: r.log}
	own := &native{kind: "own", log: r.log}
	r.registry.Register("shared", shared)
	r.registry.Register("b", own)
	r.declare("a", "shared")
	r.declare("b", "shared")
	r.declare("c", "missing")
	results := runMeta(t, r, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:synced b:synced c:failed")
	if got := r.log.String(); got != "shared.load shared.fetch shared.plan shared.state own.load own.fetch own.plan own.state" {
		t.Errorf("calls %q", got)
	}
	if err := results[2].Err(); !errors.Is(err, reconcile.ErrUnknownProvider) || !strings.Contains(err.Error(), `"missing"`) {
		t.Errorf("unknown provider: %v", err)
	}
}

func TestRunMetaRecordsAfterFailure(t *testing.T) {
	results := []reconcile.Result{
		{Action: "create", Name: "x", Status: reconcile.ApplySucceeded, CreatedID: "id-x"},
		{Action: "create", Name: "y", Status: reconcile.ApplyFailed, Error: "quota exceeded", CreatedID: "id-y"},
	}
	for _, test := range []struct {
		name string
		set  func(p *native)
		want string
	}{
		{"a result failed", func(*native) {}, "quota exceeded"},
		{"apply broke half-way", func(p *native) { p.on = failOn("apply", 1) }, "apply fails"},
		{"then the world cannot be read", func(p *native) { p.on = failOn("fetch", 2) }, "fetch fails"},
		{"then the state cannot be described", func(p *native) { p.on = failOn("state", 1) }, "state fails"},
		{"then describing panics", func(p *native) { p.state = func(any, *reconcile.State) (*reconcile.State, error) { panic("boom") } }, "boom"},
		{"the fresh world does not show them yet", func(p *native) {
			p.state = func(any, *reconcile.State) (*reconcile.State, error) { return reconcile.NewState("a"), nil }
		}, "quota exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			p := &native{plan: create("x", "y"), results: results}
			r.add("a", p)
			before := reconcile.NewState("a")
			before.Resources = []reconcile.Resource{{Address: "old", Type: "object", Name: "old", ExternalID: "id-old", Mode: reconcile.ModeManaged}}
			if err := reconcile.WriteState(r.root, "a", before); err != nil {
				t.Fatal(err)
			}
			test.set(p)
			got := runMeta(t, r, reconcile.MetaOpts{})
			wantStatuses(t, got, "a:failed")
			if !strings.Contains(got[0].Error, test.want) {
				t.Errorf("error %q does not say %q", got[0].Error, test.want)
			}
			state, err := reconcile.LoadState(r.root, "a")
			if err != nil || state.Lineage != before.Lineage || state.Serial != 2 {
				t.Fatalf("state %+v, %v", state, err)
			}
			known := reconcile.ResourceByExternalID(state)
			for _, id := range []string{"id-x", "id-y"} {
				if r := known[id]; r == nil || r.Mode != reconcile.ModeManaged || r.Type != "object" {
					t.Errorf("the state forgot %s: %+v", id, state.Resources)
				}
			}
		})
	}
}

// failOn fails the nth call of that name.
func failOn(name string, nth int) func(string) error {
	return func(call string) error {
		if call == name {
			if nth--; nth == 0 {
				return errors.New(name + " fails")
			}
		}
		return nil
	}
}

// State is made of what is live after the apply, not before.
func TestRunMetaLooksAgain(t *testing.T) {
	r := newRig(t)
	world := "before"
	p := &native{plan: create("x"), live: func() any { return world }}
	p.apply = func(context.Context, *reconcile.Plan) ([]reconcile.Result, error) { world = "after"; return nil, nil }
	p.state = func(live any, _ *reconcile.State) (*reconcile.State, error) {
		state := reconcile.NewState("a")
		state.Metadata = map[string]any{"live": live}
		return state, nil
	}
	r.add("a", p)
	wantStatuses(t, runMeta(t, r, reconcile.MetaOpts{}), "a:applied")
	if state, err := reconcile.LoadState(r.root, "a"); err != nil || state.Metadata["live"] != "after" {
		t.Errorf("state %+v, %v", state, err)
	}
}

func TestRunMetaUnreadableState(t *testing.T) {
	for _, name := range []string{"damaged", "folder in the way"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.add("a", &native{plan: create("x")})
			r.add("b", &native{})
			path := reconcile.StatePath(r.root, "a")
			if name == "damaged" {
				writeFile(t, path, `{"version": 1, "lineage": "abc", "resour`)
			} else if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			results := runMeta(t, r, reconcile.MetaOpts{})
			wantStatuses(t, results, "a:failed b:synced")
			if strings.Contains(r.log.String(), "a.apply") {
				t.Error("it was applied over a state that cannot be read")
			}
			if !strings.Contains(results[0].Error, path) {
				t.Errorf("error %q does not name the file", results[0].Error)
			}
		})
	}
}

func TestRunMetaUnwritableState(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: create("x")})
	writeFile(t, filepath.Join(r.root, ".cog"), "a file in the way")
	results := runMeta(t, r, reconcile.MetaOpts{})
	wantStatuses(t, results, "a:failed")
	if got := r.log.String(); got != "" {
		t.Errorf("calls %q", got)
	}
}

func TestRunMetaPanics(t *testing.T) {
	for _, call := range []string{"load", "fetch", "plan", "apply", "state"} {
		t.Run(call, func(t *testing.T) {
			r := newRig(t)
			r.add("a", &native{plan: create("x"), on: func(c string) error {
				if c == call {
					panic("provider bug in " + c)
				}
				return nil
			}})
			r.add("b", &native{})
			results := runMeta(t, r, reconcile.MetaOpts{})
			wantStatuses(t, results, "a:failed b:synced")
			if err := results[0].Err(); !errors.Is(err, reconcile.ErrPanic) || !strings.Contains(results[0].Error, "provider bug in "+call) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRunMetaEvents(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{plan: create("x"), results: []reconcile.Result{{Action: "create", Name: "x", Status: reconcile.ApplySucceeded}}})
	r.add("b", &native{on: failOn("plan", 1)}, "a")
	t.Cleanup(reconcile.ResetProviders)
	for _, name := range []string{"a", "b"} {
		provider, _ := r.registry.Provider(name)
		reconcile.UpsertProvider(name, provider)
	}
	text := captureStderr(t, func() {
		if _, err := reconcile.RunMeta(r.root, r.cfg, reconcile.MetaOpts{}); err != nil {
			t.Error(err)
		}
	})
	var got []string
	for line := range strings.Lines(text) {
		var event reconcile.Event
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "[reconcile] ")), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, event.ResourceType+" "+strings.TrimPrefix(event.EventType, "cog.reconcile."))
	}
	want := "a plan.start, a plan.complete, a drift.detected, a apply.start, a apply.action, a apply.complete, b plan.start, b error"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

func TestRunMetaToken(t *testing.T) {
	t.Setenv("A_TOKEN", "from-env")
	for _, test := range []struct{ flag, want string }{{"", "from-env"}, {"from-flag", "from-flag"}} {
		r := newRig(t)
		p := &tokenProvider{}
		p.Address = "a"
		r.registry.Register("a", p)
		r.declare("a", "a").Suspended = false
		p.World = worldOf()
		runMeta(t, r, reconcile.MetaOpts{Token: test.flag})
		if len(p.got) != 1 || p.got[0] != test.want {
			t.Errorf("token %q, want %q", p.got, test.want)
		}
	}
}

// A second run that finds all in sync does not write the same state again.
func TestRunMetaWritesStateOnce(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{})
	runMeta(t, r, reconcile.MetaOpts{})
	first, err := os.ReadFile(reconcile.StatePath(r.root, "a"))
	if err != nil {
		t.Fatal(err)
	}
	runMeta(t, r, reconcile.MetaOpts{})
	second, err := os.ReadFile(reconcile.StatePath(r.root, "a"))
	if err != nil || string(first) != string(second) {
		t.Errorf("%s\nbecame\n%s, %v", first, second, err)
	}
}

func TestMetaResultJSON(t *testing.T) {
	r := newRig(t)
	r.add("a", &native{on: failOn("load", 1)})
	result := runMeta(t, r, reconcile.MetaOpts{})[0]
	result.Duration = 5
	text, err := json.Marshal(result)
	if err != nil || string(text) != `{"resource":"a","status":"failed","error":"load the configuration: load fails","duration_ms":5}` {
		t.Errorf("%s, %v", text, err)
	}
	if zero := (reconcile.MetaResult{}); zero.Err() != nil || zero.Decision().Allowed || zero.Digest() != "" || zero.Results() != nil {
		t.Error("the zero result says something")
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
