package policy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestOptions say what [Test] runs.
type TestOptions struct {
	// Options as for the gate: tests see the same policies, parameters and
	// builtins. Tests are in files whose names end in _test.rego.
	Options
	// Match is an expression that the names of tests must match; empty for all.
	Match string
	// Coverage is the share of lines of policies that tests must reach, in
	// percent; zero asks for none.
	Coverage float64
}

// TestReport is what the tests found.
type TestReport struct {
	Results []TestResult `json:"results"`
	// Coverage of the policies, in percent.
	Coverage float64 `json:"coverage"`
	// NotCovered are the lines that no test reaches.
	NotCovered []Mistake `json:"not_covered,omitempty"`
	// Problems are what is wrong beyond the tests: none there, too little reached.
	Problems []string `json:"problems,omitempty"`
}

// OK reports whether everything passed.
func (r *TestReport) OK() bool {
	return len(r.Problems) == 0 && !slices.ContainsFunc(r.Results, func(t TestResult) bool {
		return t.Outcome == TestFailed || t.Outcome == TestBroken
	})
}

// The outcomes of a test.
const (
	TestPassed  = "pass"
	TestFailed  = "fail"
	TestBroken  = "error"
	TestSkipped = "skip"
)

// TestResult is one test.
type TestResult struct {
	// Name is the package and the rule: main_test.test_prune.
	Name string `json:"name"`
	File string `json:"file"`
	Line int    `json:"line"`
	// Outcome is one of the Test constants.
	Outcome string `json:"outcome"`
	// Message says why a test did not pass.
	Message string `json:"message,omitempty"`
	// Output is what the test printed.
	Output   string        `json:"output,omitempty"`
	Duration time.Duration `json:"duration"`
}

// Test runs the tests of policies. The policies must load, as for the gate, or
// the error says why. Each test runs with and without rule indexing: a test
// whose result hangs on it is broken. No test at all is a problem.
func Test(ctx context.Context, options TestOptions) (*TestReport, error) {
	if _, err := Load(ctx, options.Options); err != nil {
		return nil, err
	}
	s := readSources(&options.Options)
	return runTests(ctx, options, s)
}

// testRun is a compiled set of policies and tests.
type testRun struct {
	modules map[string]*ast.Module
	tests   map[string]bool
	store   storage.Store
	rules   []*rule
}

func runTests(ctx context.Context, options TestOptions, s *sources) (*TestReport, error) {
	run, err := newTestRun(options, s)
	if err != nil {
		return nil, err
	}
	match, err := regexp.Compile(options.Match)
	if err != nil {
		return nil, fmt.Errorf("the expression that names of tests must match: %w", err)
	}
	report := &TestReport{}
	coverage := cover.New()
	if err := run.tester(ctx, report, coverage, match); err != nil {
		return nil, err
	}
	if err := run.withoutIndex(ctx, report, options); err != nil {
		return nil, err
	}
	run.cover(report, coverage)
	if len(report.Results) == 0 {
		report.Problems = append(report.Problems, "there are no tests: rules named test_… in files whose names end in _test.rego")
	}
	if report.Coverage < options.Coverage {
		report.Problems = append(report.Problems, fmt.Sprintf("tests reach %.1f %% of the policies' lines, and %.1f %% are asked for", report.Coverage, options.Coverage))
	}
	return report, nil
}

func newTestRun(options TestOptions, s *sources) (*testRun, error) {
	run := &testRun{modules: map[string]*ast.Module{}, tests: map[string]bool{}}
	set := parseModules(s.files, false)
	if mistakes := append(set.mistakes, applySettings(set.rules, settingsOf(set.rules, options.Rules))...); len(mistakes) > 0 {
		return nil, &LoadError{Mistakes: tidy(mistakes)}
	}
	run.rules = set.rules
	for i, module := range set.modules {
		run.modules[s.files[i].Name] = module
	}
	for _, f := range s.tests {
		module, err := ast.ParseModuleWithOpts(f.Name, f.Text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			return nil, &LoadError{Mistakes: parseMistakes(f, err)}
		}
		run.modules[f.Name], run.tests[f.Name] = module, true
	}
	data, _ := mergeData(s.data, nil) // Load has looked at it
	run.store = parameterStore(set.rules, data)
	return run, nil
}

// settingsOf leaves out the settings of rules that are not tested here.
func settingsOf(rules []*rule, settings map[string]Setting) map[string]Setting {
	own := map[string]Setting{}
	for _, r := range rules {
		if s, ok := settings[r.name]; ok {
			own[r.name] = s
		}
	}
	return own
}

func testCompiler() *ast.Compiler {
	return ast.NewCompiler().WithDefaultRegoVersion(ast.RegoV1).WithCapabilities(gateCapabilities(true)).WithEnablePrintStatements(true)
}

func (run *testRun) copies() map[string]*ast.Module {
	copies := make(map[string]*ast.Module, len(run.modules))
	for name, module := range run.modules {
		copies[name] = module.Copy()
	}
	return copies
}

// tester runs the tests as OPA does, and notes which lines they reach.
func (run *testRun) tester(ctx context.Context, report *TestReport, coverage *cover.Cover, match *regexp.Regexp) error {
	txn, err := run.store.NewTransaction(ctx)
	if err != nil {
		return err
	}
	defer run.store.Abort(ctx, txn)
	results, err := tester.NewRunner().
		SetCompiler(testCompiler()).SetModules(run.copies()).SetStore(run.store).
		CapturePrintOutput(true).RaiseBuiltinErrors(true).SetCoverageQueryTracer(coverage).
		SetTimeout(DefaultDeadline).
		RunTests(ctx, txn)
	if err != nil {
		return testError(err)
	}
	for result := range results {
		if found := resultOf(result); match.MatchString(found.Name) {
			report.Results = append(report.Results, found)
		}
	}
	slices.SortFunc(report.Results, func(a, b TestResult) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	return ctx.Err()
}

func testError(err error) error {
	if list, ok := err.(ast.Errors); ok { //nolint:errorlint // the tester returns the list itself
		return &LoadError{Mistakes: tidy(compileMistakes(list))}
	}
	return err
}

func resultOf(r *tester.Result) TestResult {
	out := TestResult{
		Name: strings.TrimPrefix(r.Package, "data.") + "." + r.Name, Outcome: TestPassed,
		Output: string(r.Output), Duration: r.Duration,
	}
	if r.Location != nil {
		out.File, out.Line = r.Location.File, r.Location.Row
	}
	switch {
	case r.Skip:
		out.Outcome = TestSkipped
	case r.Error != nil:
		out.Outcome, out.Message = TestBroken, r.Error.Error()
	case r.Fail:
		out.Outcome, out.Message = TestFailed, "the test is not true"
		if r.FailedAt != nil && r.FailedAt.Location != nil {
			out.Message = fmt.Sprintf("not true: %s (line %d)", r.FailedAt.Location.Text, r.FailedAt.Location.Row)
		}
	}
	return out
}

// cover sums up which lines of policies the tests reached.
func (run *testRun) cover(report *TestReport, coverage *cover.Cover) {
	policies := map[string]*ast.Module{}
	for name, module := range run.modules {
		if !run.tests[name] {
			policies[name] = module
		}
	}
	found := coverage.Report(policies)
	covered, missed := 0, 0
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		file := found.Files[name]
		if file == nil {
			continue
		}
		covered += file.CoveredLines
		missed += file.NotCoveredLines
		for _, r := range file.NotCovered {
			report.NotCovered = append(report.NotCovered, Mistake{File: name, Line: r.Start.Row, Problem: "no test reaches this line"})
		}
	}
	report.Coverage = 100
	if covered+missed > 0 {
		report.Coverage = 100 * float64(covered) / float64(covered+missed)
	}
}
