package policy

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// withoutIndex runs the tests that passed once more, as the gate evaluates:
// without rule indexing and with strict errors. A policy that is right only
// with the index is wrong at the gate.
func (run *testRun) withoutIndex(ctx context.Context, report *TestReport, options TestOptions) error {
	compiler := testCompiler()
	if compiler.Compile(run.copies()); compiler.Failed() {
		return &LoadError{Mistakes: tidy(compileMistakes(compiler.Errors))}
	}
	for i := range report.Results {
		result := &report.Results[i]
		if result.Outcome != TestPassed {
			continue
		}
		name := testName{file: result.File, line: result.Line}
		ref := run.singleTest(compiler, name)
		if ref == nil {
			continue // a table of cases, which the tester alone can tell apart
		}
		found, err := limited(ctx, nil, DefaultDeadline, func(ctx context.Context, c topdown.Cancel) (bool, error) {
			return run.passes(ctx, compiler, ref, evaluation{clock: clock{options.Now}, canceler: c})
		})
		switch {
		case err != nil:
			result.Outcome, result.Message = TestBroken, "without rule indexing: "+err.Error()
		case !found:
			result.Outcome, result.Message = TestBroken, "it passes with rule indexing and fails without"
		}
	}
	return ctx.Err()
}

type testName struct {
	file string
	line int
}

// singleTest is the reference of a test that is simply true.
func (*testRun) singleTest(compiler *ast.Compiler, name testName) ast.Ref {
	module := compiler.Modules[name.file]
	if module == nil {
		return nil
	}
	for _, r := range module.Rules {
		if r.Location.Row == name.line && r.Head.DocKind() == ast.CompleteDoc && len(r.Head.Ref()) == 1 {
			return module.Package.Path.Extend(r.Head.Ref())
		}
	}
	return nil
}

func (run *testRun) passes(ctx context.Context, compiler *ast.Compiler, ref ast.Ref, e evaluation) (bool, error) {
	queryCompiler := compiler.QueryCompiler()
	body, err := queryCompiler.Compile(ast.NewBody(ast.NewExpr(ast.NewTerm(ref))))
	if err != nil {
		return false, err
	}
	txn, err := run.store.NewTransaction(ctx)
	if err != nil {
		return false, err
	}
	defer run.store.Abort(ctx, txn)
	found := false
	err = topdown.NewQuery(body).
		WithCompiler(compiler).WithQueryCompiler(queryCompiler).
		WithStore(run.store).WithTransaction(txn).
		WithTime(e.clock.now).WithSeed(noRandomness{}).
		WithStrictBuiltinErrors(true).WithIndexing(e.index).WithEarlyExit(false).WithCancel(e.canceler).
		Iter(ctx, func(topdown.QueryResult) error {
			found = true
			return nil
		})
	if err != nil {
		return false, fmt.Errorf("evaluate: %w", err)
	}
	return found, nil
}
