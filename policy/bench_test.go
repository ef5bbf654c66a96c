package policy

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// sevenRules look at one action at a time, as most policies do.
const sevenRules = `# METADATA
# custom:
#   batch: true
package main

deny_mode contains finding if {
	some a in input.actions_by_kind.create
	a.details.after.mode == "0777"
	finding := {"msg": sprintf("%s is open to all", [a.name]), "object": a.name}
}

deny_secret contains finding if {
	some a in input.plan.actions
	endswith(a.name, ".key")
	finding := {"msg": sprintf("%s is a key", [a.name]), "object": a.name}
}

deny_ssh contains finding if {
	some a in input.plan.actions
	some e in a.details.effects
	contains(e.target, "/.ssh/")
	finding := {"msg": sprintf("%s touches %s", [a.name, e.target]), "object": a.name}
}

deny_size contains finding if {
	some a in input.plan.actions
	a.details.after.size > 1000000
	finding := {"msg": sprintf("%s is large", [a.name]), "object": a.name}
}

warn_drift contains finding if {
	some a in input.actions_by_kind.update
	a.details.drift
	finding := {"msg": sprintf("%s was changed by hand", [a.name]), "object": a.name}
}

warn_type contains finding if {
	some a in input.plan.actions
	not a.resource_type in {"file", "directory"}
	finding := {"msg": sprintf("%s is new to us", [a.resource_type]), "object": a.name}
}

require_approval contains finding if {
	some a in input.actions_by_kind["delete"]
	startswith(a.name, "critical/")
	finding := {"msg": sprintf("%s is critical", [a.name]), "object": a.name, "approvals": 2}
}
`

// manyActions are realistic, and now and then one breaks a rule.
func manyActions(n int, random *rand.Rand) reconcile.Review {
	actions := make([]reconcile.Action, n)
	kinds := []reconcile.ActionType{reconcile.ActionCreate, reconcile.ActionUpdate, reconcile.ActionDelete, reconcile.ActionSkip}
	for i := range actions {
		name := fmt.Sprintf("dir%02d/file%06d.txt", i%50, i)
		switch random.IntN(200) {
		case 0:
			name = fmt.Sprintf("critical/%d", i)
		case 1:
			name = fmt.Sprintf("file%d.key", i)
		}
		actions[i] = action(kinds[random.IntN(len(kinds))], name)
		if after, ok := actions[i].Details["after"].(map[string]any); ok && random.IntN(300) == 0 {
			after["mode"] = "0777"
		}
		actions[i].Details["drift"] = random.IntN(500) == 0
	}
	r := reviewOf(actions...)
	r.Resource.Prune = true
	r.State.Managed = n * 10
	return r
}

func BenchmarkReview(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := load(b, Options{Files: []File{{"a.rego", sevenRules}}})
			r := manyActions(n, rand.New(rand.NewPCG(1, 2)))
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				review(b, e, r)
			}
			b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N)/float64(n), "cpu-µs/action")
		})
	}
}

func BenchmarkReviewDefaultOnly(b *testing.B) {
	e := load(b, Options{})
	r := manyActions(10_000, rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		review(b, e, r)
	}
}

// BenchmarkReviewSmall is what each of many small resources costs.
func BenchmarkReviewSmall(b *testing.B) {
	e := load(b, Options{})
	r := manyActions(2, rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		review(b, e, r)
	}
}

func BenchmarkInput(b *testing.B) {
	r := manyActions(10_000, rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		in, err := newInputBuilder(newSubject(r))
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < len(r.Plan.Actions); i += chunkSize {
			if _, err := in.chunk(i, min(i+chunkSize, len(r.Plan.Actions))); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPlainOPA is what a program does that hands the plan to OPA as it is:
// the measure of the others.
func BenchmarkPlainOPA(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := manyActions(n, rand.New(rand.NewPCG(1, 2)))
			input := map[string]any{"plan": r.Plan, "actions_by_kind": map[string]any{
				"create": byKind(r, reconcile.ActionCreate), "update": byKind(r, reconcile.ActionUpdate), "delete": byKind(r, reconcile.ActionDelete),
			}}
			query, err := rego.New(rego.Query("[data.main.deny_mode, data.main.deny_secret, data.main.deny_ssh, data.main.deny_size, data.main.warn_drift, data.main.warn_type, data.main.require_approval]"),
				rego.Module("a.rego", sevenRules)).PrepareForEval(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				if _, err := query.Eval(b.Context(), rego.EvalInput(input)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N)/float64(n), "cpu-µs/action")
		})
	}
}

func byKind(r reconcile.Review, kind reconcile.ActionType) []reconcile.Action {
	var out []reconcile.Action
	for _, a := range r.Plan.Actions {
		if a.Action == kind {
			out = append(out, a)
		}
	}
	return out
}
