package policy

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// TestBatchIsWhole holds rules that look at one action at a time to the same
// answer in chunks and in one piece, with the index and without.
func TestBatchIsWhole(t *testing.T) {
	batch := load(t, Options{Files: []File{{"a.rego", sevenRules}}})
	whole := load(t, Options{Files: []File{{"a.rego", strings.Replace(sevenRules, "batch: true", "batch: false", 1)}}})
	if batch.plan[1].whole != nil || whole.plan[1].batch != nil {
		t.Fatal("the metadata is not read")
	}
	indexed := *batch
	indexed.index = true
	random := rand.New(rand.NewPCG(3, 4))
	findings := 0
	for _, n := range []int{0, 1, 511, 512, 513, 1024, 3000} {
		r := manyActions(n, random)
		want := review(t, whole, r)
		findings += len(want.Findings)
		for _, e := range []*Engine{batch, &indexed} {
			got := review(t, e, r)
			if diff := cmp.Diff(want.Findings, got.Findings); diff != "" || got.Allowed != want.Allowed {
				t.Errorf("%d actions: %s", n, diff)
			}
		}
	}
	if findings < 30 {
		t.Errorf("%d findings prove little", findings)
	}
}

// TestLeanIsFull: the default policy looks at no attribute of an object, so what
// it is not shown changes nothing.
func TestLeanIsFull(t *testing.T) {
	for _, f := range Builtin() {
		for _, name := range []string{"before", "after", "changed"} {
			if strings.Contains(f.Text, "."+name) || strings.Contains(f.Text, `"`+name+`"`) {
				t.Errorf("%s looks at %s", f.Name, name)
			}
		}
	}
	lean := load(t, Options{Rules: map[string]Setting{"cogplan.builtin.deny_protected_names": {Parameters: map[string]any{"names": []any{"critical/**"}}}}})
	full := *lean
	full.full = true
	random := rand.New(rand.NewPCG(9, 10))
	for range 20 {
		r := manyActions(300, random)
		r.Resource.Prune, r.Declaration.Protect = random.IntN(2) == 0, random.IntN(2) == 0
		r.State.Managed = random.IntN(3000)
		if random.IntN(2) == 0 {
			r.Provider.Grants.Write = []string{"./out/dir01", "./out/dir02"}
		}
		if diff := cmp.Diff(review(t, &full, r), review(t, lean, r)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestInputFitsItsSchema holds what is built to what is documented and checked.
func TestInputFitsItsSchema(t *testing.T) {
	r := manyActions(50, rand.New(rand.NewPCG(5, 6)))
	r.Provider.Grants = reconcile.Grants{
		Read: []string{"in"}, HTTP: []reconcile.HTTPGrant{{Origin: "https://a", Methods: []string{"PUT"}}},
		TCP: []reconcile.TCPGrant{{Address: "a:1"}},
	}
	r.Declaration.Tags = map[string]string{"team": "a"}
	r.Plan.Metadata = map[string]any{"unchanged": 3.0, "more": []any{nil, true, 1.5, "x", map[string]any{"k": int64(1)}}}
	r.Plan.Warnings = []string{"w"}
	r.Plan.Actions[0].Details["ours"] = map[string]any{"deep": []string{"a"}}
	r.Plan.Actions = append(r.Plan.Actions, reconcile.Action{Action: "skip", Name: "bare"})
	for name, reviews := range map[string]reconcile.Review{"full": r, "empty": {Plan: &reconcile.Plan{}}} {
		b, err := newInputBuilder(newSubject(reviews))
		if err != nil {
			t.Fatal(err)
		}
		input, err := b.whole()
		fits(t, name, InputSchema(), input, err)
		input, err = runInput([]*subject{newSubject(reviews)}, "sha256:1", true)
		fits(t, name, RunSchema(), input, err)
	}
}

func fits(t *testing.T, name, schema string, input *ast.Term, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ast.JSON(input.Value)
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(plain); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// TestReviewsAtOnce is for the race detector: one engine serves all goroutines.
func TestReviewsAtOnce(t *testing.T) {
	e := load(t, Options{Files: []File{{"a.rego", sevenRules}}})
	want := review(t, e, manyActions(700, rand.New(rand.NewPCG(7, 8))))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := e.Review(t.Context(), manyActions(700, rand.New(rand.NewPCG(7, 8))))
			if err != nil || cmp.Diff(want, got) != "" {
				t.Errorf("%v %s", err, cmp.Diff(want, got))
			}
			if _, err := e.ReviewRun(t.Context(), []reconcile.Review{reviewOf(action("create", "a"))}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestTheDeadlineHolds(t *testing.T) {
	e := load(t, Options{Files: module(`deny contains "x" if {
	some a in numbers.range(1, 100000)
	some b in numbers.range(1, 100000)
	a * b == -1
}`), Deadline: 200_000_000})
	d := review(t, e, reviewOf())
	if d.Allowed || !strings.Contains(told(d), "policies took too long: more than 200ms") {
		t.Error(told(d))
	}
}

// FuzzReadReview: what is read twice reads the same, and nothing else is read.
func FuzzReadReview(f *testing.F) {
	f.Add(`{"Plan":{"actions":[{"action":"skip","ACTION":"delete"}]}}`)
	f.Add(`{"Digest":"a","Digest":"b"}`)
	f.Add(`{"Plan":{"actions":[{"action":"delete","resource_type":"f","name":"a","details":{"effects":[{}]}}]},"Digest":"x","Resource":{"name":"f.a"}}`)
	e := load(f, Options{})
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadReview([]byte(text))
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatal("read what is no JSON")
		}
		d, err := e.Review(t.Context(), r)
		if err == nil && d.Allowed && (r.Digest == "" || r.Plan == nil) {
			t.Fatal("allowed nothing")
		}
	})
}
