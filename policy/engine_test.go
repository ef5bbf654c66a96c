package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func load(t testing.TB, o Options) *Engine {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = testNow
	}
	e, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// module is a policy in package main.
func module(rules string) []File {
	return []File{{Name: "policy/test.rego", Text: "package main\n\n" + rules + "\n"}}
}

func action(kind reconcile.ActionType, name string) reconcile.Action {
	a := reconcile.Action{Action: kind, ResourceType: "file", Name: name, Details: map[string]any{
		"reason":  "because",
		"changed": []any{"mode"},
		"effects": []any{map[string]any{"capability": "file", "operation": "write", "target": "out/" + name}},
	}}
	attributes := map[string]any{"path": "out/" + name, "mode": "0644", "size": int64(12), "sha256": strings.Repeat("ab", 32)}
	if kind != reconcile.ActionCreate {
		a.Details["before"] = attributes
	}
	if kind != reconcile.ActionDelete {
		a.Details["after"] = attributes
	}
	return a
}

func reviewOf(actions ...reconcile.Action) reconcile.Review {
	r := reconcile.Review{
		Plan:        &reconcile.Plan{ResourceType: "file.site", Actions: actions},
		Digest:      "sha256:1",
		Resource:    reconcile.MetaResource{Name: "file.site", Source: "file"},
		Declaration: reconcile.Declaration{Address: "file.site", Mode: "resource"},
		Provider:    reconcile.ProviderInfo{Name: "file", Source: "file", Grants: reconcile.Grants{Write: []string{"./out"}}},
		State:       reconcile.StateSummary{Managed: 1000},
		Run:         reconcile.RunContext{Command: "plan", Actor: "ada"},
	}
	c := newSubject(r).counts
	r.Plan.Summary = reconcile.Summary{Creates: c.create, Updates: c.update, Deletes: c.remove, Skipped: c.skip}
	return r
}

func review(t testing.TB, e *Engine, r reconcile.Review) reconcile.Decision {
	t.Helper()
	d, err := e.Review(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func told(d reconcile.Decision) string {
	var lines []string
	for _, f := range d.Findings {
		lines = append(lines, fmt.Sprintf("%s %s %q %q %q %q", f.Rule, f.Level, f.Message, f.Object, f.Remedy, f.Override))
	}
	return strings.Join(lines, "\n")
}

func TestDefaultPolicyAllowsAndDenies(t *testing.T) {
	e := load(t, Options{})
	if d := review(t, e, reviewOf(action("create", "a"), action("update", "b"))); !d.Allowed || len(d.Findings) != 0 {
		t.Fatalf("not allowed: %s", told(d))
	}
	d := review(t, e, reviewOf(action("delete", "a")))
	if d.Allowed || len(d.Findings) != 1 || !strings.Contains(d.Findings[0].Remedy, "add prune = true to resource file.site") {
		t.Fatalf("not denied: %s", told(d))
	}
}

func TestUserPolicy(t *testing.T) {
	e := load(t, Options{Files: module(`deny contains msg if {
	some a in input.plan.actions
	a.details.after.mode == "0644"
	msg := sprintf("no %s", [a.name])
}`)})
	d := review(t, e, reviewOf(action("create", "a")))
	if d.Allowed || told(d) != `main.deny hard-mandatory "no a" "" "" ""` {
		t.Fatal(told(d))
	}
}

func BenchmarkLoadDefault(b *testing.B) {
	for b.Loop() {
		load(b, Options{})
	}
}

func BenchmarkLoadUser(b *testing.B) {
	files := module("deny contains \"x\" if input.plan.summary.deletes > 3")
	for b.Loop() {
		load(b, Options{Files: files})
	}
}
