package policy

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	good := "package main\n\ndeny contains \"x\" if input.counts.create > 3\n"
	tests := []struct{ name, text, want string }{
		{"good", good, ""},
		{"unused variable", "package main\n\ndeny contains \"x\" if {\n\ty := input.counts.create\n\tinput.counts.create > 3\n}\n", "assigned var y unused"},
		{"unused import", "package main\n\nimport data.main.x\n\nx := 1\n\ndeny contains \"x\" if input.counts.create > 3\n", "unused"},
		{"format", "package main\ndeny contains   \"x\" if input.counts.create > 3\n", "the file is not formatted"},
		{"near miss", "package main\n\ndenny contains \"x\" if input.counts.create > 3\n", "did you mean deny?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mistakes, err := Check(t.Context(), Options{Now: testNow, Files: []File{{"a.rego", tt.text}}})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" && len(mistakes) > 0 || !strings.Contains((&LoadError{mistakes}).Error(), tt.want) {
				t.Errorf("%v", mistakes)
			}
		})
	}
}

func TestTheDefaultPolicyIsFormatted(t *testing.T) {
	policies, tests := builtinSources()
	for _, f := range append(policies, tests...) {
		formatted, err := Format(f)
		if err != nil {
			t.Fatal(err)
		}
		if formatted != f.Text {
			t.Errorf("%s is not formatted", f.Name)
		}
	}
}

func TestPolicyTests(t *testing.T) {
	rule := File{"a.rego", "package main\n\ndeny contains \"x\" if input.counts.create > 3\n\nwarn contains \"y\" if input.counts.update > 3\n"}
	test := func(body string) File { return File{"a_test.rego", "package main_test\n\nimport data.main\n\n" + body} }
	indexed := File{"a.rego", "package main\n\ndeny contains \"x\" if startswith(input.plan.actions[0].details.after.size, \"1\")\n\ndeny contains \"z\" if startswith(input.plan.actions[0].details.after.size, \"2\")\n"}
	tests := []struct {
		name    string
		files   []File
		cover   float64
		ok      bool
		outcome string
		problem string
	}{
		{"passes", []File{rule, test("test_a if count(main.deny) == 1 with input.counts.create as 4")}, 0, true, TestPassed, ""},
		{"fails", []File{rule, test("test_a if count(main.deny) == 1 with input.counts.create as 3")}, 0, false, TestFailed, ""},
		{"breaks", []File{rule, test("test_a if 1 / input.x == 0 with input.x as 0")}, 0, false, TestBroken, ""},
		{"skips", []File{rule, test("todo_test_a if false")}, 0, true, TestSkipped, ""},
		{"none", []File{rule}, 0, false, "", "there are no tests"},
		{"too little", []File{rule, test("test_a if count(main.deny) == 1 with input.counts.create as 4")}, 90, false, TestPassed, "tests reach"},
		{"a table", []File{rule, test("test_a[name] if {\n\tsome name, n in {\"four\": 4, \"five\": 5}\n\tcount(main.deny) == 1 with input.counts.create as n\n}")}, 0, true, TestPassed, ""},
		{"only with the index", []File{indexed, test("test_a if count(main.deny) == 0 with input.plan.actions as [{\"details\": {\"after\": {\"size\": 3}}}]")}, 0, false, TestBroken, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := Test(t.Context(), TestOptions{Options: Options{Now: testNow, Files: tt.files}, Coverage: tt.cover})
			if err != nil {
				t.Fatal(err)
			}
			if report.OK() != tt.ok || !strings.Contains(strings.Join(report.Problems, "\n"), tt.problem) {
				t.Errorf("ok %v: %+v", report.OK(), report)
			}
			if tt.outcome != "" && report.Results[0].Outcome != tt.outcome {
				t.Errorf("%+v", report.Results)
			}
		})
	}
}

func TestInputJSON(t *testing.T) {
	text, err := InputJSON(reviewOf(action("create", "a")))
	if err != nil || !json.Valid(text) || !strings.Contains(string(text), `"granted": true`) {
		t.Errorf("%s %v", text, err)
	}
}
