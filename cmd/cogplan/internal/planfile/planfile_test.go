package planfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

// sample is a plan that an engine made.
func sample(t testing.TB) *Plan {
	t.Helper()
	object := reconcile.Resource{Type: "file", Name: "a <b>", Attributes: map[string]any{"size": int64(1) << 60, "ratio": 0.5, "list": []any{"x", nil, true}}}
	var registry reconcile.Registry
	registry.Register("file.site", &reconciletest.Model{
		Address: "file.site", World: &reconciletest.World{}, Desired: []reconcile.Resource{object},
		Info: reconcile.ProviderInfo{Name: "file", Digest: "sha256:1", Grants: reconcile.Grants{Write: []string{"./out"}}},
	})
	registry.Register("file.later", &reconciletest.Model{
		Address: "file.later", World: &reconciletest.World{}, Waits: func() []string { return []string{"file.site.objects"} },
	})
	engine := reconcile.NewEngine(t.TempDir(), reconcile.AllowAll{}, reconcile.WithRegistry(&registry),
		reconcile.WithEvents(reconcile.EventSinkFunc(func(*reconcile.Event) {})))
	proposal, err := engine.Propose(t.Context(), &reconcile.MetaConfig{Resources: []reconcile.MetaResource{
		{Name: "file.site"}, {Name: "file.later", DependsOn: []string{"file.site"}},
	}}, reconcile.MetaOpts{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	key, err := Bind(NewSalt(), nil)
	if err != nil {
		t.Fatal(err)
	}
	plan := &Plan{
		CogplanVersion: "1", CreatedAt: "now", Command: "apply", Outcome: "changes",
		Sources: map[string]string{"main.hcl": "sha256:2"}, Variables: []Variable{{Name: "v", Value: "x", Digest: "sha256:3"}},
		Environment: []string{"HOME"}, Binding: key.Binding(), Providers: []reconcile.ProviderInfo{},
	}
	plan.FromProposal(proposal)
	return plan
}

func TestWriteAndRead(t *testing.T) {
	plan := sample(t)
	path := filepath.Join(t.TempDir(), "site.plan")
	for range 2 { // a plan file is written over
		if err := Write(path, plan); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v; only the owner may read a plan", info.Mode(), err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Proposal().Digest() != plan.Digest || len(got.Resources) != 2 {
		t.Errorf("another plan came back: %+v", got)
	}
	want, _ := json.Marshal(plan)
	have, _ := json.Marshal(got)
	if diff := cmp.Diff(string(want), string(have)); diff != "" {
		t.Error(diff)
	}
	later := got.Proposal().Results()[1]
	if deferred, ok := errors.AsType[*reconcile.DeferredError](later.Err()); !ok || !slices.Equal(deferred.WaitsFor, []string{"file.site.objects"}) {
		t.Errorf("what it waits for is lost: %v", later.Err())
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("something is left beside it: %v", names)
	}
}

// TestEveryCutIsRefused holds that no part of a plan is taken for one.
func TestEveryCutIsRefused(t *testing.T) {
	data, err := Encode(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := Decode(data[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a plan", n, len(data))
		}
	}
	for n := 0; n < len(data); n += 7 {
		changed := bytes.Clone(data)
		changed[n] ^= 1
		if _, err := Decode(changed); err == nil {
			t.Fatalf("a plan with another byte %d is taken for one", n)
		}
	}
}

// TestContradictionsAreRefused changes a plan and makes the digest of the file
// anew, as somebody would who wants another plan to be shown than is applied.
func TestContradictionsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Plan){
		"command":          func(p *Plan) { p.Command = "shell" },
		"digest":           func(p *Plan) { p.Digest = "sha256:0" },
		"summary":          func(p *Plan) { p.Summary.Creates = 7 },
		"name of action":   func(p *Plan) { p.Resources[0].Plan.Actions[0].Name = "other" },
		"detail of action": func(p *Plan) { p.Resources[0].Plan.Actions[0].Details["reason"] = "other" },
		"no actions":       func(p *Plan) { p.Resources[0].Plan.Actions = nil },
		"components":       func(p *Plan) { p.Resources[0].Components.State = "sha256:0" },
		"review":           func(p *Plan) { p.Resources[0].Digest = "sha256:0" },
		"ruling":           func(p *Plan) { p.Resources[0].Decision.PlanDigest = "sha256:0" },
		"no ruling":        func(p *Plan) { p.Resources[0].Decision = nil },
		"denied ruling": func(p *Plan) {
			p.Resources[0].Decision.Findings = []reconcile.Finding{{Level: reconcile.LevelHardMandatory}}
		},
		"status denied":   func(p *Plan) { p.Resources[0].Status = reconcile.StatusDenied },
		"status synced":   func(p *Plan) { p.Resources[0].Status = reconcile.StatusSynced },
		"unknown status":  func(p *Plan) { p.Resources[0].Status = "fine" },
		"drifted no plan": func(p *Plan) { p.Resources[1].Status = reconcile.StatusDrifted },
		"twice":           func(p *Plan) { p.Resources = append(p.Resources, p.Resources[0]) },
		"one less":        func(p *Plan) { p.Resources = p.Resources[1:] },
		"run":             func(p *Plan) { p.Run = &reconcile.Decision{Allowed: true, PlanDigest: "sha256:0"} },
		"run denied": func(p *Plan) {
			p.Run = &reconcile.Decision{Allowed: true, PlanDigest: p.Digest, Findings: []reconcile.Finding{{Level: "odd"}}}
		},
	} {
		plan := sample(t)
		change(plan)
		data, err := Encode(plan)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := Decode(data); err == nil {
			t.Errorf("%s: a plan that contradicts itself is taken", name)
		}
	}
}

func TestBind(t *testing.T) {
	salt := NewSalt()
	bind := func(salt string, secrets map[string]string) Key {
		t.Helper()
		key, err := Bind(salt, secrets)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	secrets := map[string]string{"a": "sha256:1", "b": "sha256:2"}
	binding := bind(salt, secrets).Binding()
	if !bind(salt, secrets).Matches(binding) {
		t.Error("the same secrets do not match")
	}
	for name, other := range map[string]Key{
		"another value": bind(salt, map[string]string{"a": "sha256:1", "b": "sha256:3"}),
		"swapped":       bind(salt, map[string]string{"a": "sha256:2", "b": "sha256:1"}),
		"one less":      bind(salt, map[string]string{"a": "sha256:1"}),
		"joined":        bind(salt, map[string]string{"a": "sha256:1\n1:b=sha256:2"}),
		"none":          bind(salt, nil),
		"another salt":  bind(NewSalt(), secrets),
	} {
		if other.Matches(binding) {
			t.Errorf("%s: it matches", name)
		}
	}
	if _, err := Bind("12", nil); err == nil {
		t.Error("a salt that is cut off is taken")
	}
	if bytes.Equal(bind(salt, secrets).ForDigests(), bind(salt, nil).ForDigests()) {
		t.Error("the key of the digests does not depend on the secrets")
	}
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.hcl")
	if err := os.WriteFile(source, []byte("locals {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{source, dir, filepath.Join(dir, "none", "x.plan")} {
		if err := Write(path, sample(t)); err == nil {
			t.Errorf("%s was written over", path)
		}
	}
	if data, _ := os.ReadFile(source); string(data) != "locals {}\n" {
		t.Errorf("the source is %q now", data)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a directory is read as a plan: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := Encode(sample(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":"cogplan-plan","format_version":1,"sha256":"","plan":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		plan, err := Decode(data)
		if err != nil {
			return
		}
		if again, err := Encode(plan); err != nil || len(again) == 0 {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
