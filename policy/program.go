package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"
)

// program is a set of policies, compiled, with the queries that ask its rules.
type program struct {
	compiler *ast.Compiler
	store    storage.Store
	data     map[string]any
	rules    []*rule
	// builtin is the default policy, which is never asked elsewhere.
	builtin bool
	// batch asks the rules that look at one action at a time, whole the others,
	// and all asks both, where a plan is so small that there is nothing to divide.
	batch, whole, all *query
}

// query asks several rules at once.
type query struct {
	rules    []*rule
	compiled ast.Body
	compiler ast.QueryCompiler
}

// compileOptions are what programs differ in.
type compileOptions struct {
	capabilities *ast.Capabilities
	// schema types the input; nil leaves it untyped.
	schema *ast.SchemaSet
	prints bool
	strict bool
	// data is what policies read besides the parameters of rules.
	data map[string]any
}

// compile makes a program of modules and the rules found in them. It returns
// what is wrong with them.
func compile(modules []*ast.Module, rules []*rule, options compileOptions) (*program, []Mistake) {
	byFile := make(map[string]*ast.Module, len(modules))
	for _, module := range modules {
		byFile[module.Package.Location.File] = module
	}
	compiler := ast.NewCompiler().
		WithDefaultRegoVersion(ast.RegoV1).
		WithCapabilities(options.capabilities).
		WithEnablePrintStatements(options.prints).
		WithStrict(options.strict)
	if options.schema != nil {
		compiler = compiler.WithSchemas(options.schema)
	}
	compiler.Compile(byFile)
	if compiler.Failed() {
		return nil, compileMistakes(compiler.Errors)
	}
	p := &program{compiler: compiler, rules: rules, data: options.data}
	if err := p.prepare(); err != nil {
		return nil, []Mistake{{Problem: err.Error()}}
	}
	return p, p.danglingReferences()
}

func compileMistakes(errs ast.Errors) []Mistake {
	mistakes := make([]Mistake, 0, len(errs))
	for _, e := range errs {
		mistake := Mistake{Problem: e.Message}
		if e.Location != nil {
			mistake.File, mistake.Line, mistake.Column = e.Location.File, e.Location.Row, e.Location.Col
		}
		if e.Details != nil {
			// A reference that the input does not have tells what it does have.
			mistake.Problem += " (" + strings.Join(trimmed(e.Details.Lines()), " ") + ")"
		}
		mistakes = append(mistakes, mistake)
	}
	return mistakes
}

func trimmed(lines []string) []string {
	var out []string
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && strings.Trim(line, "^") != "" {
			out = append(out, line)
		}
	}
	return out
}

// prepare compiles the queries and fills the store with the rules' parameters.
func (p *program) prepare() error {
	var batch, whole []*rule
	for _, r := range p.rules {
		if r.batch {
			batch = append(batch, r)
		} else {
			whole = append(whole, r)
		}
	}
	p.store = parameterStore(p.rules, p.data)
	var err error
	if p.batch, err = p.query(batch); err == nil {
		p.whole, err = p.query(whole)
	}
	switch {
	case err != nil:
	case p.batch == nil:
		p.all = p.whole
	case p.whole == nil:
		p.all = p.batch
	default:
		p.all, err = p.query(p.rules)
	}
	return err
}

// parameterStore is the data that policies read: the parameters of rules, and
// the data that stands beside the policies.
func parameterStore(rules []*rule, data map[string]any) storage.Store {
	parameters := map[string]any{}
	for _, r := range rules {
		if len(r.parameters) > 0 {
			parameters[r.name] = r.parameters
		}
	}
	return inmem.NewFromObjectWithOpts(withData(parameters, data),
		inmem.OptReturnASTValuesOnRead(true))
}

func (p *program) query(rules []*rule) (*query, error) {
	if len(rules) == 0 {
		return nil, nil //nolint:nilnil // nothing to ask is no error
	}
	var body ast.Body
	for i, r := range rules {
		ref := ast.Ref{ast.DefaultRootDocument}
		for part := range strings.SplitSeq(r.name, ".") {
			ref = append(ref, ast.StringTerm(part))
		}
		body.Append(ast.Equality.Expr(ast.VarTerm(answerName(i)), ast.NewTerm(ref)))
	}
	q := &query{rules: rules, compiler: p.compiler.QueryCompiler()}
	compiled, err := q.compiler.Compile(body)
	if err != nil {
		return nil, fmt.Errorf("ask the rules: %w", err)
	}
	q.compiled = compiled
	return q, nil
}

func answerName(i int) string { return "answer" + strconv.Itoa(i) }

// answers are the elements that rules gave, by rule.
type answers map[*rule]ast.Set

// evaluation is what the evaluations of one review share.
type evaluation struct {
	clock   clock
	printed print.Hook
	index   bool
	// full is for tests alone: everything is built also for the default policy.
	full     bool
	canceler topdown.Cancel
}

var errUndefined = errors.New("the rules have no result")

// ask evaluates a query. Anything but one complete result is an error.
func (p *program) ask(ctx context.Context, q *query, input *ast.Term, e evaluation) (answers, error) {
	if q == nil {
		return nil, nil
	}
	txn, err := p.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer p.store.Abort(ctx, txn)
	var found []topdown.QueryResult
	err = topdown.NewQuery(q.compiled).
		WithCompiler(p.compiler).WithQueryCompiler(q.compiler).
		WithStore(p.store).WithTransaction(txn).
		WithInput(input).
		WithTime(e.clock.now).WithSeed(noRandomness{}).
		WithStrictBuiltinErrors(true).
		WithIndexing(e.index).
		WithEarlyExit(false). // an error or a conflict in a later clause is one
		WithCancel(e.canceler).
		WithPrintHook(e.printed).
		Iter(ctx, func(result topdown.QueryResult) error {
			found = append(found, result)
			return nil
		})
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, errUndefined
	}
	return q.read(found[0])
}

func (q *query) read(result topdown.QueryResult) (answers, error) {
	out := make(answers, len(q.rules))
	for i, r := range q.rules {
		term := result[ast.Var(answerName(i))]
		if term == nil {
			return nil, fmt.Errorf("%s: %w", r.name, errUndefined)
		}
		set, ok := term.Value.(ast.Set)
		if !ok {
			return nil, fmt.Errorf("%s: the rule gave a %s instead of a set of messages", r.name, ast.ValueName(term.Value))
		}
		out[r] = set
	}
	return out, nil
}

// noRandomness is the seed of policies: a read of it is an error.
type noRandomness struct{}

func (noRandomness) Read([]byte) (int, error) { return 0, errors.New("policies have no randomness") }

// danglingReferences are references to data that no policy defines. They would
// be undefined, and a rule that rests on one would be silent for ever.
func (p *program) danglingReferences() []Mistake {
	var mistakes []Mistake
	for _, name := range slices.Sorted(mapsKeys(p.compiler.Modules)) {
		for _, r := range p.compiler.Modules[name].Rules {
			ast.WalkRefs(r, func(ref ast.Ref) bool {
				if problem := p.dangling(ref); problem != "" {
					at := r.Location
					if ref[0].Location != nil && ref[0].Location.File != "" {
						at = ref[0].Location
					}
					mistakes = append(mistakes, Mistake{
						File: at.File, Line: at.Row, Column: at.Col, Problem: problem,
						Remedy: "define it, or correct the name",
					})
				}
				return false
			})
		}
	}
	return mistakes
}

func (p *program) dangling(ref ast.Ref) string {
	if !ref[0].Equal(ast.DefaultRootDocument) {
		return ""
	}
	if ref.HasPrefix(parametersRef()) {
		return p.danglingParameter(ref)
	}
	node := p.compiler.RuleTree.Child(ast.DefaultRootDocument.Value)
	for _, term := range ref[1:] {
		if node == nil || len(node.Values) > 0 {
			break
		}
		if _, constant := term.Value.(ast.String); !constant {
			return ""
		}
		node = node.Child(term.Value)
	}
	if node == nil && (len(p.data) == 0 || !holds(p.data, ref)) {
		return ref.String() + " is not defined by any policy or data"
	}
	return ""
}

func parametersRef() ast.Ref {
	return ast.Ref{ast.DefaultRootDocument, ast.StringTerm("cogplan"), ast.StringTerm("parameters")}
}

func (p *program) danglingParameter(ref ast.Ref) string {
	if len(ref) < 5 || !ref[3].IsGround() || !ref[4].IsGround() {
		return ref.String() + " does not name a rule and its parameter"
	}
	for _, r := range p.rules {
		if !ref[3].Equal(ast.StringTerm(r.name)) {
			continue
		}
		for name := range r.parameters {
			if ref[4].Equal(ast.StringTerm(name)) {
				return ""
			}
		}
		return fmt.Sprintf("the rule %s declares no parameter %s", r.name, ref[4])
	}
	return fmt.Sprintf("there is no rule %s that could have parameters", ref[3])
}
