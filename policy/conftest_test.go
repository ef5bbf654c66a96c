package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConftestPolicies runs policies as people have them: imports for older
// versions, helpers, several files of one package, tests beside them.
func TestConftestPolicies(t *testing.T) {
	files := []File{
		{"policy/base.rego", `package main

import rego.v1

import data.lib

name := input.resource.address

deletes contains a.name if {
	some a in input.plan.actions
	a.action == "delete"
}

deny contains msg if {
	count(deletes) > 0
	msg = sprintf("%s: %d deletes", [name, count(deletes)])
}

violation contains {"msg": msg, "details": {"team": "web"}} if {
	action := input.plan.actions[_]
	lib.is_key(action.name)
	msg := concat(" ", ["key:", action.name])
}
`},
		{"policy/more.rego", `package main

import future.keywords.in

deny contains "creates" if "create" in {a.action | a := input.plan.actions[_]}

warn_old contains sprintf("old %v", [x]) if some x in ["a"]
`},
		{"policy/lib.rego", "package lib\n\nis_key(name) if endswith(name, \".key\")\n"},
		{"policy/base_test.rego", "package main\n\ntest_none if {\n\tcount(deny) == 0 with input as {\"plan\": {\"actions\": []}}\n}\n"},
	}
	r := reviewOf(action("create", "a.key"), action("delete", "b"))
	r.Resource.Prune = true
	var got []string
	for _, f := range review(t, load(t, Options{Files: files}), r).Findings {
		got = append(got, f.Rule+": "+f.Message)
	}
	want := []string{"main.deny: creates", "main.deny: file.site: 1 deletes", "main.violation: key: a.key", "main.warn_old: old a"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestTheExample holds the policy of the example to what we ask of others.
func TestTheExample(t *testing.T) {
	options := Options{Paths: []string{"../examples/site/policy"}, Now: testNow}
	mistakes, err := Check(t.Context(), options)
	if err != nil || len(mistakes) > 0 {
		t.Error(mistakes, err)
	}
	report, err := Test(t.Context(), TestOptions{Options: options, Coverage: 100})
	if err != nil || !report.OK() {
		t.Errorf("%+v %v", report, err)
	}
}
