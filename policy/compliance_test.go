package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/test/cases"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

// OPA's own compliance cases, for Rego version 1, with the capabilities of the
// gate and its strict errors: what Rego means here is what it means elsewhere.
// Cases that call what policies may not call are left out, and counted; so are
// those that rely on errors of builtins being passed over.
func TestCompliance(t *testing.T) {
	ran, refused := 0, 0
	for _, tc := range cases.MustLoad(complianceDir(t)).Sorted().Cases {
		if len(tc.Env) > 0 {
			refused++ // the environment is not for policies
			continue
		}
		t.Run(tc.Note, func(t *testing.T) {
			if comply(t, &tc) {
				ran++
			} else {
				refused++
			}
		})
	}
	t.Logf("%d cases ran, %d call what policies may not call", ran, refused)
	if ran < 1500 {
		t.Errorf("only %d cases ran, %d were left out", ran, refused)
	}
}

// complianceDir is where the module of OPA keeps its cases.
func complianceDir(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/open-policy-agent/opa").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "v1", "test", "cases", "testdata", "v1")
}

// comply runs a case; false where it needs what policies may not have.
func comply(t *testing.T, tc *cases.TestCase) bool {
	t.Helper()
	modules := map[string]*ast.Module{}
	for i, text := range tc.Modules {
		name := fmt.Sprintf("test-%d.rego", i)
		module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			return wantsError(t, tc, err)
		}
		modules[name] = module
	}
	if callsForbidden(modules, tc.Query) {
		return false
	}
	compiler := ast.NewCompiler().WithDefaultRegoVersion(ast.RegoV1).WithCapabilities(gateCapabilities(false))
	if compiler.Compile(modules); compiler.Failed() {
		return wantsError(t, tc, compiler.Errors)
	}
	body, err := ast.ParseBodyWithOpts(tc.Query, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		return wantsError(t, tc, err)
	}
	compiled, err := compiler.QueryCompiler().Compile(body)
	if err != nil {
		return wantsError(t, tc, err)
	}
	results, err := evaluateCase(t, tc, compiler, compiled)
	if err != nil {
		return wantsError(t, tc, err)
	}
	if tc.WantError != nil || tc.WantErrorCode != nil {
		t.Errorf("no error, want %v %v", deref(tc.WantErrorCode), deref(tc.WantError))
	}
	wantResults(t, tc, results)
	return true
}

func evaluateCase(t *testing.T, tc *cases.TestCase, compiler *ast.Compiler, query ast.Body) (topdown.QueryResultSet, error) {
	t.Helper()
	data := map[string]any{}
	if tc.Data != nil {
		data = *tc.Data
	}
	store := inmem.NewFromObject(data)
	txn, err := store.NewTransaction(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(t.Context(), txn)
	q := topdown.NewQuery(query).WithCompiler(compiler).WithStore(store).WithTransaction(txn).
		WithStrictBuiltinErrors(tc.StrictError).WithIndexing(false).WithEarlyExit(false).WithTime(testNow) // as the gate does
	switch {
	case tc.InputTerm != nil:
		q = q.WithInput(ast.MustParseTerm(*tc.InputTerm))
	case tc.Input != nil:
		q = q.WithInput(ast.NewTerm(ast.MustInterfaceToValue(*tc.Input)))
	}
	return q.Run(t.Context())
}

// callsForbidden reports whether a case calls a builtin that the gate has not.
func callsForbidden(modules map[string]*ast.Module, query string) bool {
	have := map[string]bool{}
	for _, b := range gateCapabilities(false).Builtins {
		have[b.Name] = true
	}
	forbidden := false
	walk := func(x any) {
		ast.WalkRefs(x, func(ref ast.Ref) bool {
			name := ref.String()
			forbidden = forbidden || ast.BuiltinMap[name] != nil && !have[name]
			return false
		})
	}
	for _, module := range modules {
		walk(module)
	}
	if body, err := ast.ParseBodyWithOpts(query, ast.ParserOptions{RegoVersion: ast.RegoV1}); err == nil {
		walk(body)
	}
	// test.sleep is not Rego's, but of OPA's own test program.
	return forbidden || strings.Contains(fmt.Sprint(modules), "test.sleep")
}

// wantsError holds an error against the one that a case wants.
func wantsError(t *testing.T, tc *cases.TestCase, err error) bool {
	t.Helper()
	if tc.WantError == nil && tc.WantErrorCode == nil {
		t.Errorf("%v", err)
		return true
	}
	if tc.WantErrorCode != nil && codeOf(err) != *tc.WantErrorCode {
		t.Errorf("error %q of code %q, want %q", err, codeOf(err), *tc.WantErrorCode)
	}
	if tc.WantError != nil && !strings.Contains(err.Error(), *tc.WantError) {
		t.Errorf("error %q, want %q", err, *tc.WantError)
	}
	return true
}

func codeOf(err error) string {
	if found, ok := errors.AsType[*topdown.Error](err); ok {
		return found.Code
	}
	if found, ok := errors.AsType[ast.Errors](err); ok && len(found) > 0 {
		return found[0].Code
	}
	return ""
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// wantResults compares bindings as JSON: their order means nothing.
func wantResults(t *testing.T, tc *cases.TestCase, results topdown.QueryResultSet) {
	t.Helper()
	if tc.WantDefined != nil && *tc.WantDefined != (len(results) > 0) {
		t.Errorf("%d results, want defined to be %v", len(results), *tc.WantDefined)
	}
	if tc.WantResult == nil {
		return
	}
	want, got := map[string]int{}, map[string]int{}
	for _, bindings := range *tc.WantResult {
		want[canonical(t, tc, bindings)]++
	}
	for _, result := range results {
		bindings := map[string]any{}
		for name, term := range result {
			value, err := ast.JSON(term.Value)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(name); !tc.IgnoreGeneratedVars || !ast.Var(text).IsGenerated() && !strings.HasPrefix(text, "_") {
				bindings[text] = value
			}
		}
		got[canonical(t, tc, bindings)]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// canonical is the JSON of bindings; with its lists sorted where they stand for
// sets.
func canonical(t *testing.T, tc *cases.TestCase, bindings map[string]any) string {
	t.Helper()
	var plain map[string]any // 1 and 1.0 are one number
	encoded, err := json.Marshal(bindings)
	if err == nil {
		err = json.Unmarshal(encoded, &plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	if tc.SortBindings {
		for name, value := range plain {
			if list, ok := value.([]any); ok {
				plain[name] = util.SortedFunc(list, util.Compare)
			}
		}
	}
	encoded, err = json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
