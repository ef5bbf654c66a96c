package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
)

// clauses are clauses of rules, and whether each can be seen to look at one action
// at a time.
var clauses = []struct {
	name, text string
	one        bool
}{
	{"some in", `deny contains a.name if { some a in input.plan.actions; endswith(a.name, ".key") }`, true},
	{"some in of a kind", `deny contains a.name if { some a in input.actions_by_kind.create; a.details.after.mode == "0777" }`, true},
	{"wildcard", `deny contains name if { name := input.plan.actions[_].name; contains(name, "critical/") }`, true},
	{"wildcard in a comparison", `deny contains "one" if { input.plan.actions[_].name == "dir00/file000000.txt" }`, true},
	{"some of another list inside", `deny contains e.target if { some a in input.plan.actions; some e in a.details.effects; e.capability != "file" }`, true},
	{"counts", `deny contains "many" if { input.counts.delete > 10 }`, true},
	{"the resource", `warn contains input.resource.address if { input.resource.prune }`, true},
	{"not of the one", `deny contains a.name if { some a in input.plan.actions; not a.resource_type in {"file", "thing"} }`, true},
	{"a comprehension over the one", `deny contains a.name if { some a in input.plan.actions; count([e | some e in a.details.effects; e.capability == "http"]) > 0 }`, true},
	{"part of the plan", `warn contains "x" if { input.plan.summary.deletes > 100000 }`, true},

	{"two walks", `deny contains a.name if { some a in input.plan.actions; some b in input.plan.actions; a.name != b.name; a.details.after.content == b.details.after.content }`, false},
	{"two wildcards", `deny contains "x" if { input.plan.actions[_].name == input.plan.actions[_].resource_type }`, false},
	{"count of all", `deny contains "x" if { count(input.plan.actions) > 600 }`, false},
	{"count of a kind", `deny contains "x" if { count(input.actions_by_kind.create) > 100 }`, false},
	{"a comprehension over all", `deny contains "x" if { count([a | some a in input.plan.actions; a.action == "create"]) > 100 }`, false},
	{"not over all", `deny contains "x" if { not "no/such.txt" in {a.name | some a in input.plan.actions} }`, false},
	{"every", `deny contains "x" if { every a in input.plan.actions { a.name != "" } }`, false},
	{"an index that shows", `deny contains sprintf("%d", [i]) if { some i, a in input.plan.actions; endswith(a.name, ".key") }`, false},
	{"a named index", `deny contains input.plan.actions[i].name if { input.plan.actions[i].action == "create"; i < 5 }`, false},
	{"the first", `deny contains input.plan.actions[0].name`, false},
	{"all under another name", `deny contains "x" if { all := input.plan.actions; count(all) > 600 }`, false},
	{"the plan under another name", `deny contains "x" if { p := input.plan; count(p.actions) > 600 }`, false},
	{"the input under another name", `deny contains "x" if { i := input; count(i.plan.actions) > 600 }`, false},
	{"a computed part of the input", `deny contains "x" if { some k in ["plan"]; count(input[k].actions) > 600 }`, false},
	{"a helper", `deny contains a.name if { some a in input.plan.actions; bad }
bad if { count(input.plan.actions) > 600 }`, false},
	{"a function", `deny contains a.name if { some a in input.plan.actions; bad(a) }
bad(_) if { count(input.plan.actions) > 600 }`, false},
	{"a rule of the data", `deny contains "x" if { data.main.bad }
bad if { count(input.plan.actions) > 600 }`, false},
	{"its own set", `deny contains "x" if { count(deny_more) > 3 }
deny_more contains a.name if { some a in input.plan.actions; endswith(a.name, ".key") }`, false},
	{"with", `deny contains "x" if { count(input.plan.actions) > 600 with input.counts as {} }`, false},
	{"a head that counts", `deny contains {"msg": sprintf("%d", [count(input.plan.actions)])} if { input.counts.create > 0 }`, false},
	{"print", `deny contains "x" if { print("seen"); input.counts.create > 100000 }`, false},
}

func TestLooksAtOne(t *testing.T) {
	parameters := slices.Clone(clauses[:1])
	parameters[0].text = `deny contains a.name if { some a in input.plan.actions; a.name in data.cogplan.parameters["main.deny"].names }`
	for _, tc := range slices.Concat(clauses, parameters) {
		module, err := ast.ParseModuleWithOpts("x.rego", "package main\n\n"+tc.text, ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got := looksAtOne(module, module.Rules[0]); got != tc.one {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.one)
		}
	}
}

// Whatever is taken for a rule that looks at one action at a time gives the same
// decision as if it were asked about the whole plan.
func TestChunksGiveTheSameDecision(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for _, n := range []int{1100} {
		r := manyActions(n, random)
		for _, tc := range clauses {
			t.Run(fmt.Sprintf("%s %d", tc.name, n), func(t *testing.T) {
				found := load(t, Options{Files: []File{{"a.rego", "package main\n\n" + tc.text + "\n"}}})
				asked := load(t, Options{Files: []File{{"a.rego", "# METADATA\n# custom:\n#   batch: false\npackage main\n\n" + tc.text + "\n"}}})
				got, want := review(t, found, r), review(t, asked, r)
				got.PolicyDigest, want.PolicyDigest = "", ""
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
