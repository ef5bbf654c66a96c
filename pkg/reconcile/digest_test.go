package reconcile_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func TestDigest(t *testing.T) {
	same := []struct {
		name string
		a, b any
	}{
		{"keys", map[string]any{"a": 1, "b": 2}, map[string]any{"b": 2, "a": 1}},
		{"numbers", []any{1, 2.0, int64(3), uint8(4)}, []any{1.0, 2, json.Number("3"), 4}},
		{"large numbers", uint64(math.MaxUint64), json.Number("18446744073709551615")},
		{"types", map[string]string{"a": "é\n\""}, map[string]any{"a": "é\n\""}},
		{"structs", reconcile.Summary{Creates: 1}, map[string]any{"creates": 1, "updates": 0, "deletes": 0, "skipped": 0}},
		{"lists", []string{"a"}, []any{"a"}},
	}
	for _, test := range same {
		if a, b := digest(t, test.a), digest(t, test.b); a != b {
			t.Errorf("%s: %s and %s", test.name, a, b)
		}
	}
	seen := make(map[string]any)
	for _, v := range []any{
		nil, true, false, 0, 1, -1, 0.5, "", "0", "null", "a", "a,b",
		[]any{},
		[]any{nil},
		[]any{"a", "b"},
		[]any{"ab"},
		map[string]any{},
		map[string]any{"a": nil},
		map[string]any{"a": map[string]any{}},
		int64(1 << 53), int64(1<<53 + 1), "é", "e\u0301",
	} {
		d := digest(t, v)
		if before, taken := seen[d]; taken {
			t.Errorf("%#v and %#v have one digest", before, v)
		}
		seen[d] = v
	}
	for _, v := range []any{math.NaN(), math.Inf(1), func() {}, "\xff", map[string]any{"a": make(chan int)}, json.Number("x")} {
		if d, err := reconcile.Digest(v); err == nil {
			t.Errorf("%v has the digest %s", v, d)
		}
	}
}

func digest(t *testing.T, v any) string {
	t.Helper()
	d, err := reconcile.Digest(v)
	if err != nil || !strings.HasPrefix(d, "sha256:") || len(d) != 71 {
		t.Fatalf("%v: %q, %v", v, d, err)
	}
	return d
}

// A saved proposal is compared with digests that later versions make: they must
// not change by accident.
func TestDigestIsStable(t *testing.T) {
	if got, want := digest(t, map[string]any{"b": []any{1, 0.5, "é"}, "a": nil}), reconcile.DigestBytes([]byte(`{"a":null,"b":[1,5e-01,"é"]}`)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRunDigest(t *testing.T) {
	review := func(name, digest string) reconcile.Review {
		return reconcile.Review{Digest: digest, Resource: reconcile.MetaResource{Name: name}}
	}
	a, b := review("a", "1"), review("b", "2")
	if reconcile.RunDigest([]reconcile.Review{a, b}) != reconcile.RunDigest([]reconcile.Review{b, a}) {
		t.Error("the order matters")
	}
	if reconcile.RunDigest([]reconcile.Review{a, b}) == reconcile.RunDigest([]reconcile.Review{review("a", "2"), review("b", "1")}) {
		t.Error("the names do not matter")
	}
}

// GeneratedAt is no part of what is reviewed; everything else is.
func TestPlanDigestCovers(t *testing.T) {
	review := func(change func(*reconcile.Plan)) string {
		r := newRig(t)
		plan := create("x", "y")
		plan.Actions[0].Details = map[string]any{"k": "v"}
		change(plan)
		r.add("a", &native{plan: plan})
		return r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{DryRun: true})[0].Components().Plan
	}
	base := review(func(*reconcile.Plan) {})
	if base != review(func(p *reconcile.Plan) { p.GeneratedAt = "2026-01-01T00:00:00Z" }) {
		t.Error("the time is covered")
	}
	for name, change := range map[string]func(*reconcile.Plan){
		"type":     func(p *reconcile.Plan) { p.ResourceType = "other" },
		"path":     func(p *reconcile.Plan) { p.ConfigPath = "other" },
		"name":     func(p *reconcile.Plan) { p.Actions[0].Name = "z" },
		"object":   func(p *reconcile.Plan) { p.Actions[0].ResourceType = "z" },
		"details":  func(p *reconcile.Plan) { p.Actions[0].Details["k"] = "w" },
		"order":    func(p *reconcile.Plan) { p.Actions[0], p.Actions[1] = p.Actions[1], p.Actions[0] },
		"warnings": func(p *reconcile.Plan) { p.Warnings = []string{"w"} },
		"metadata": func(p *reconcile.Plan) { p.Metadata = map[string]any{"k": 1} },
		"kind": func(p *reconcile.Plan) {
			p.Actions[0].Action = reconcile.ActionUpdate
			p.Summary = reconcile.Summary{Creates: 1, Updates: 1}
		},
	} {
		if review(change) == base {
			t.Errorf("%s is not covered", name)
		}
	}
}
