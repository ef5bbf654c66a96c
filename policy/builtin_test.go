package policy

import (
	"testing"
)

// TestDefaultPolicy runs the Rego tests of the default policy. They reach every
// line of it.
func TestDefaultPolicy(t *testing.T) {
	policies, tests := builtinSources()
	report, err := runTests(t.Context(), TestOptions{Options: Options{Now: testNow}}, &sources{files: policies, tests: tests})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome != TestPassed {
			t.Errorf("%s:%d: %s: %s: %s", r.File, r.Line, r.Name, r.Outcome, r.Message)
		}
	}
	if report.Coverage != 100 || len(report.NotCovered) != 0 {
		t.Errorf("tests reach %.1f %%: %v", report.Coverage, report.NotCovered)
	}
	if len(report.Results) < 25 || !report.OK() {
		t.Errorf("%d tests, %v", len(report.Results), report.Problems)
	}
}

// TestDefaultPolicyIsTyped checks the default policy against the schemas, as the
// gate does with policies that are not ours, and strictly.
func TestDefaultPolicyIsTyped(t *testing.T) {
	set := parseModules(Builtin(), false)
	plan, run := set.split(builtinRunPackage)
	for _, part := range []struct {
		set    *moduleSet
		schema string
	}{{plan, inputSchema}, {run, runSchema}} {
		schema, err := schemaSet(part.schema)
		if err != nil {
			t.Fatal(err)
		}
		_, mistakes := compile(part.set.modules, part.set.rules, compileOptions{
			capabilities: gateCapabilities(false), schema: schema, strict: true,
		})
		if len(mistakes) > 0 || len(part.set.rules) == 0 {
			t.Errorf("%d rules: %v", len(part.set.rules), mistakes)
		}
	}
}
