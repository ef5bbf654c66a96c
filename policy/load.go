package policy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/version"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Load reads, checks and compiles the default policy and the module's. The
// error is a [LoadError] that lists all mistakes: what, where, what to do.
func Load(ctx context.Context, options Options) (*Engine, error) {
	l := &loader{options: options, capabilities: gateCapabilities(false)}
	engine := l.load()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if len(l.mistakes) > 0 {
		return nil, &LoadError{Mistakes: tidy(l.mistakes)}
	}
	return engine, nil
}

// tidy sorts mistakes by place and drops those that are told twice.
func tidy(mistakes []Mistake) []Mistake {
	sorted := slices.Clone(mistakes)
	slices.SortStableFunc(sorted, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(sorted)
}

type loader struct {
	options      Options
	capabilities *ast.Capabilities
	rules        []*rule
	// merged is the data of the module's policies.
	merged   map[string]any
	mistakes []Mistake
}

func (l *loader) load() *Engine {
	if l.options.Now.IsZero() {
		l.say("the time of the run is not given", "set Options.Now")
	}
	if l.options.Deadline < 0 {
		l.say("the deadline is negative", "")
	}
	sources := readSources(&l.options)
	l.mistakes = append(l.mistakes, sources.mistakes...)
	builtin := l.parse(l.builtin(), false)
	user := l.parse(sources.files, true)
	l.data(sources, builtin, user)
	l.checkTests(sources)
	l.checkUser(user, sources)
	if len(l.mistakes) > 0 {
		return nil
	}
	l.mistakes = append(l.mistakes, applySettings(l.rules, l.options.Rules)...)
	l.mistakes = append(l.mistakes, checkOverrides(l.options.Overrides, l.rules)...)
	return l.engine(builtin, user, sources)
}

// builtin is the default policy. The rules that are silent until they are set
// are left out until then: a plan should not wait for them.
func (l *loader) builtin() []File {
	files := Builtin()
	for name := range l.options.Rules {
		if strings.HasPrefix(name, builtinPackage+".") {
			return files
		}
	}
	return slices.DeleteFunc(files, func(f File) bool { return strings.HasSuffix(f.Name, "/optional.rego") })
}

func (l *loader) say(problem, remedy string) {
	l.mistakes = append(l.mistakes, Mistake{Problem: problem, Remedy: remedy})
}

func (l *loader) parse(files []File, user bool) *moduleSet {
	set := parseModules(files, user)
	l.mistakes = append(l.mistakes, set.mistakes...)
	l.rules = append(l.rules, set.rules...)
	return set
}

// checkUser refuses policies of which none would ever deny or warn.
func (l *loader) checkUser(user *moduleSet, s *sources) {
	if len(l.options.Paths) == 0 && len(l.options.Files) == 0 && len(l.options.Data) == 0 || len(l.mistakes) > 0 {
		return
	}
	if !slices.ContainsFunc(user.rules, func(r *rule) bool { return r.family != familyException }) {
		l.say(fmt.Sprintf("the policies hold no rule that is asked (%d files in %s)", len(s.files), strings.Join(l.options.Paths, ", ")),
			"write one: package main, then deny contains msg if { ... }")
	}
}

// checkTests refuses rules in files that the gate does not load. Most tests hold
// no line that looks like a rule, and are not parsed.
func (l *loader) checkTests(s *sources) {
	for _, f := range s.tests {
		if !suspiciousTest(f.Text) {
			continue
		}
		module, err := ast.ParseModuleWithOpts(f.Name, f.Text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			l.mistakes = append(l.mistakes, parseMistakes(f, err)...)
			continue
		}
		pkg := packageName(module.Package)
		for _, r := range module.Rules {
			if (pkg == planPackage || pkg == runPackage) && familyOf(headName(r)) != familyNone {
				l.mistakes = append(l.mistakes, Mistake{
					File: f.Name, Line: r.Location.Row, Column: r.Location.Col,
					Problem: fmt.Sprintf("the rule %s.%s stands in a test file, which is not asked", pkg, headName(r)),
					Remedy:  "move it to a file whose name does not end in _test.rego",
				})
			}
		}
	}
}

func suspiciousTest(text string) bool {
	for line := range strings.Lines(text) {
		word := strings.TrimSpace(line)
		if slices.ContainsFunc(families, func(f family) bool { return strings.HasPrefix(word, string(f)) }) {
			return true
		}
	}
	return false
}

// engine compiles everything that was found to be in order.
func (l *loader) engine(builtin, user *moduleSet, s *sources) *Engine {
	if len(l.mistakes) > 0 {
		return nil
	}
	e := &Engine{
		hands:     newCrew(),
		overrides: slices.Clone(l.options.Overrides), approvals: slices.Clone(l.options.Approvals),
		clock: clock{l.options.Now}, deadline: cmp.Or(l.options.Deadline, DefaultDeadline),
	}
	if l.options.Print != nil {
		e.printed, e.printLine = printer(l.options.Print), l.options.Print
	}
	l.isolate(e, s)
	builtinPlan, builtinRun := builtin.split(builtinRunPackage)
	e.plan = l.add(e.plan, builtinPlan, "")
	e.builtinRun = sync.OnceValues(func() (*program, error) {
		p, mistakes := compile(builtinRun.modules, builtinRun.rules, compileOptions{capabilities: l.capabilities})
		if len(mistakes) > 0 {
			return nil, &LoadError{Mistakes: mistakes}
		}
		p.builtin = true
		return p, nil
	})
	for _, p := range e.plan {
		p.builtin = true
	}
	plan, run := user.split(runPackage)
	e.plan = l.add(e.plan, plan, inputSchema)
	e.run = l.add(e.run, run, runSchema)
	e.digest, e.paths = l.digest(s), s.digests
	return e
}

// isolate tells the child process what it will need.
func (l *loader) isolate(e *Engine, s *sources) {
	if l.options.Isolation == nil || len(s.files) == 0 {
		return
	}
	if l.options.Isolation.Executable == "" || l.options.Isolation.Memory < 0 {
		l.say("the isolation of policies names no executable, or a negative amount of memory", "")
		return
	}
	e.isolated = &isolated{Isolation: *l.options.Isolation, request: childRequest{
		Memory: cmp.Or(l.options.Isolation.Memory, DefaultMemory), Files: s.files, Data: s.data, Rules: l.options.Rules,
		Now: l.options.Now, Deadline: e.deadline, Print: l.options.Print != nil,
	}}
}

// add compiles a set of policies, if it is one. The schema is for policies that
// are not ours: ours are type-checked by their tests.
func (l *loader) add(programs []*program, set *moduleSet, schema string) []*program {
	if len(set.modules) == 0 {
		return programs
	}
	options := compileOptions{capabilities: l.capabilities, prints: l.options.Print != nil}
	if schema != "" {
		options.data = l.merged
		var err error
		if options.schema, err = schemaSet(schema); err != nil {
			l.say("read the schema of the input: "+err.Error(), "")
			return programs
		}
	}
	p, mistakes := compile(set.modules, set.rules, options)
	l.mistakes = append(l.mistakes, mistakes...)
	if p == nil {
		return programs
	}
	return append(programs, p)
}

// digest covers what can change a decision, and the evaluator.
func (l *loader) digest(s *sources) string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "\x00") + "\n") }
	line("evaluator", version.Version)
	// By content: the same policies in another folder are the same.
	var texts []string
	for _, f := range slices.Concat(Builtin(), s.files) {
		texts = append(texts, reconcile.DigestBytes([]byte(f.Text)))
	}
	slices.Sort(texts)
	line(texts...)
	for _, f := range s.data {
		line(append([]string{"data", reconcile.DigestBytes([]byte(f.Text))}, f.At...)...)
	}
	for _, name := range slices.Sorted(maps.Keys(l.options.Rules)) {
		setting := l.options.Rules[name]
		parameters, err := reconcile.Digest(setting.Parameters)
		if err != nil {
			l.say(fmt.Sprintf("the parameters of the policy rule %q: %v", name, err), "")
		}
		line("rule", name, string(setting.Level), parameters)
	}
	return reconcile.DigestBytes([]byte(b.String()))
}
