package policy

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func TestMain(m *testing.M) {
	RunChildIfRequested()
	os.Exit(m.Run())
}

func isolation(t testing.TB) *Isolation {
	t.Helper()
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Isolation{Executable: name, Memory: 512 << 20}
}

// TestIsolatedIsTheSame holds a child process to the answers of this one.
func TestIsolatedIsTheSame(t *testing.T) {
	files := []File{{"a.rego", `package main

deny contains {"msg": "m", "object": a.name, "n": [1, 2.5, null, true, {"k": "ü\n\""}]} if some a in input.plan.actions

warn contains "big" if input.plan.metadata.big == 9007199254740993

warn contains 7 if input.counts.create > 0

exception contains {"rules": [""], "object": "b", "reason": "r"} if input.counts.create > 0
`}, {"run.rego", "package main.run\n\ndeny contains \"all\" if input.counts.create > 1\n"}}
	r := reviewOf(action("create", "a"), action("create", "b"))
	r.Plan.Metadata = map[string]any{"big": int64(9007199254740993)}
	here := load(t, Options{Files: files})
	there := load(t, Options{Files: files, Isolation: isolation(t)})
	want, got := review(t, here, r), review(t, there, r)
	if diff := cmp.Diff(want, got); diff != "" || len(got.Findings) != 4 {
		t.Errorf("%s\n%s", diff, told(got))
	}
	wantRun, err := here.ReviewRun(t.Context(), []reconcile.Review{r})
	if err != nil {
		t.Fatal(err)
	}
	gotRun, err := there.ReviewRun(t.Context(), []reconcile.Review{r})
	if diff := cmp.Diff(wantRun, gotRun); err != nil || diff != "" || len(gotRun.Findings) != 1 {
		t.Errorf("%v %s", err, diff)
	}
}

// TestIsolatedPoliciesAreStopped runs policies that eat time and memory.
func TestIsolatedPoliciesAreStopped(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"memory", `a := sprintf("%0100000d", [1])
	b := replace(a, "0", a)
	c := replace(b, "0", a)
	count(c) == 3`, "the evaluator ended"},
		{"time", `some a in numbers.range(1, 100000)
	some b in numbers.range(1, 100000)
	a * b == -1`, "policies took too long"},
		{"error", `1 / input.counts["delete"] == 1`, "a.rego:4: div: divide by zero"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "memory" && runtime.GOOS != "linux" {
				t.Skip("only Linux bounds the memory")
			}
			e := load(t, Options{
				Files:     []File{{"a.rego", "package main\n\ndeny contains \"x\" if {\n\t" + tt.body + "\n}\n"}},
				Isolation: isolation(t), Deadline: 3 * time.Second,
			})
			start := time.Now()
			d := review(t, e, reviewOf(action("create", "a")))
			if d.Allowed || !strings.Contains(told(d), tt.want) {
				t.Error(told(d))
			}
			if time.Since(start) > 20*time.Second {
				t.Errorf("it took %s", time.Since(start))
			}
		})
	}
}

// TestEvaluatorsAreNotTrusted: whatever a child says, it is an answer to what
// was asked, or a denial.
func TestEvaluatorsAreNotTrusted(t *testing.T) {
	e := load(t, Options{Files: module(softRule)})
	for name, a := range map[string]childAnswer{
		"an error":     {Error: "no"},
		"no value":     {Elements: map[string][]string{"main.deny_size": {"x y"}}},
		"a variable":   {Elements: map[string][]string{"main.deny_size": {"x"}}},
		"nothing":      {},
		"another rule": {Elements: map[string][]string{"main.deny_other": {`"x"`}, "main.deny_size": {}}},
		"ours":         {Elements: map[string][]string{"cogplan.builtin.deny_prune": {}, "main.deny_size": {}}},
	} {
		if found, err := a.read(userPrograms(e.plan)); err == nil {
			t.Errorf("%s: %v", name, found)
		}
	}
	missing := load(t, Options{Files: module(softRule), Isolation: &Isolation{Executable: "/does/not/exist"}})
	if d := review(t, missing, reviewOf()); d.Allowed || !strings.Contains(told(d), "the evaluator ended") {
		t.Error(told(d))
	}
}
