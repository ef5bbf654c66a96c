package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// moduleSet is a set of parsed policies and what was found in them.
type moduleSet struct {
	modules  []*ast.Module
	rules    []*rule
	mistakes []Mistake
	// used are the paths that policies refer to, as far as they are constant.
	used map[string]bool
	// user policies are restricted in what they may be called.
	user bool
}

// parseModules parses and inspects policies. User policies are held to the
// rules of docs/policy.md, "Shapes".
func parseModules(files []File, user bool) *moduleSet {
	m := &moduleSet{used: map[string]bool{}, user: user}
	for _, f := range files {
		module, err := ast.ParseModuleWithOpts(f.Name, f.Text, ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		if err != nil {
			m.mistakes = append(m.mistakes, parseMistakes(f, err)...)
			continue
		}
		m.modules = append(m.modules, module)
	}
	if len(m.mistakes) > 0 {
		return m
	}
	for _, module := range m.modules {
		m.references(module)
	}
	byName := map[string]*rule{}
	for _, module := range m.modules {
		m.inspect(module, byName)
	}
	slices.SortFunc(m.rules, func(a, b *rule) int { return strings.Compare(a.name, b.name) })
	return m
}

func (m *moduleSet) say(at *ast.Location, problem, remedy string) {
	mistake := Mistake{Problem: problem, Remedy: remedy}
	if at != nil {
		mistake.File, mistake.Line, mistake.Column = at.File, at.Row, at.Col
	}
	m.mistakes = append(m.mistakes, mistake)
}

// parseMistakes are the errors of the parser, with a word for policies of an
// older Rego.
func parseMistakes(f File, err error) []Mistake {
	var list ast.Errors
	if !errors.As(err, &list) {
		return []Mistake{{File: f.Name, Problem: err.Error()}}
	}
	var out []Mistake
	for _, e := range list {
		mistake := Mistake{File: f.Name, Problem: e.Message}
		if e.Location != nil {
			mistake.Line, mistake.Column = e.Location.Row, e.Location.Col
		}
		if strings.Contains(e.Message, "`if` keyword is required") || strings.Contains(e.Message, "`contains` keyword is required") {
			mistake.Remedy = "write it as Rego version 1: deny contains msg if { ... }"
		}
		out = append(out, mistake)
	}
	return out
}

// packageName is the path without "data": main.run.
func packageName(p *ast.Package) string {
	parts := make([]string, 0, len(p.Path))
	for _, term := range p.Path[1:] {
		if s, ok := term.Value.(ast.String); ok {
			parts = append(parts, string(s))
		}
	}
	return strings.Join(parts, ".")
}

func (m *moduleSet) inspect(module *ast.Module, byName map[string]*rule) {
	name := packageName(module.Package)
	if m.user {
		m.checkPackage(module.Package, name)
	}
	for _, r := range module.Rules {
		m.rule(module, name, r, byName)
	}
}

func (m *moduleSet) checkPackage(p *ast.Package, name string) {
	at := p.Location
	first, rest, _ := strings.Cut(name, ".")
	switch {
	case strings.EqualFold(first, "cogplan"):
		m.say(at, fmt.Sprintf("package %s belongs to cogplan, and no policy can add to it", name), "put the rules into package main")
	case name != planPackage && name != runPackage && (strings.EqualFold(name, planPackage) || strings.EqualFold(name, runPackage)):
		m.say(at, fmt.Sprintf("package %s is almost package %s", name, strings.ToLower(name)), "write it in small letters")
	case first == planPackage && slices.ContainsFunc(strings.Split(rest, "."), func(part string) bool {
		return part != "" && familyOf(part) != familyNone
	}):
		m.say(at, fmt.Sprintf("package %s is named like a rule", name), "put the rule into package main: deny contains msg if { ... }")
	}
}

// rule sorts out one clause: a rule that is asked, a helper, or a mistake.
func (m *moduleSet) rule(module *ast.Module, pkg string, r *ast.Rule, byName map[string]*rule) {
	local := headName(r)
	asked := pkg == planPackage || pkg == runPackage || !m.user && (pkg == builtinPackage || pkg == builtinRunPackage)
	f := familyOf(local)
	switch {
	case f != familyNone && !asked:
		m.strayRule(pkg, local, r)
	case f != familyNone && !m.shape(pkg, local, r):
	case f != familyNone:
		m.clause(module, pkg, local, r, byName)
	case asked:
		m.helper(pkg, local, r)
	case m.user && nearFamily(local) != familyNone && !m.isUsed(pkg+"."+local) && !strings.HasPrefix(local, "test_"):
		m.strayRule(pkg, local, r)
	}
}

func headName(r *ast.Rule) string {
	if v, ok := r.Head.Ref()[0].Value.(ast.Var); ok {
		return string(v)
	}
	return r.Head.Ref()[0].String()
}

// strayRule has the name of a rule that is asked, in a package that is not.
func (m *moduleSet) strayRule(pkg, local string, r *ast.Rule) {
	if !m.isUsed(pkg + "." + local) {
		m.say(r.Location, fmt.Sprintf("the rule %s in package %s is never asked", local, pkg),
			"put it into package main, or main.run for all plans of a run")
	}
}

// shape holds rules to the one form whose result cannot be undefined.
func (m *moduleSet) shape(pkg, local string, r *ast.Rule) bool {
	want := "write: " + local + " contains msg if { ... }"
	problem := ""
	switch ref := r.Head.Ref(); {
	case len(r.Head.Args) > 0:
		problem = "it takes arguments, so it is never asked"
	case len(ref) > 1:
		problem = "its name is a path, so its messages are not found"
	case r.Default:
		problem = "it is a default, and the rule has no single value"
	case r.Head.RuleKind() != ast.MultiValue:
		problem = "it has a value instead of messages"
	default:
		return true
	}
	m.say(r.Location, fmt.Sprintf("the rule %s.%s cannot rule: %s", pkg, local, problem), want)
	return false
}

// helper is any other rule of a package that is asked. One that nobody asks
// and that collects messages, or that is nearly named as a rule, was meant to
// be one.
func (m *moduleSet) helper(pkg, local string, r *ast.Rule) {
	if strings.HasPrefix(local, "test_") || strings.HasPrefix(local, "todo_test_") || m.isUsed(pkg+"."+local) {
		return
	}
	near := nearFamily(local)
	collects := len(r.Head.Args) == 0 && r.Head.RuleKind() == ast.MultiValue
	switch {
	case near != familyNone:
		m.say(r.Location, fmt.Sprintf("the rule %s.%s is never asked", pkg, local),
			fmt.Sprintf("did you mean %s? Rules are deny, violation, warn and require_approval, alone or with _words behind, and exception", near))
	case collects:
		m.say(r.Location, fmt.Sprintf("the rule %s.%s collects values and nobody asks for them", pkg, local),
			"name it deny, violation, warn, require_approval or exception, or use it, or take it out")
	}
}

// split parts the policies about whole runs from those about one plan: their
// inputs differ. Helper packages go where they are referred to, or to the plans.
func (m *moduleSet) split(runName string) (plan, run *moduleSet) {
	plan, run = &moduleSet{used: m.used, user: m.user}, &moduleSet{used: m.used, user: m.user}
	forRuns, forPlans := m.neededBy(runName), m.neededBy(strings.TrimSuffix(runName, ".run"))
	for _, module := range m.modules {
		name := packageName(module.Package)
		if forRuns[name] {
			run.modules = append(run.modules, module.Copy())
		}
		if name != runName && (forPlans[name] || !forRuns[name]) {
			plan.modules = append(plan.modules, module)
		}
	}
	for _, r := range m.rules {
		if r.pkg == runName {
			run.rules = append(run.rules, r)
		} else {
			plan.rules = append(plan.rules, r)
		}
	}
	return plan, run
}

// neededBy are the packages that a package refers to, itself and those behind
// them.
func (m *moduleSet) neededBy(name string) map[string]bool {
	needed := map[string]bool{}
	queue := []string{name}
	for len(queue) > 0 {
		current := queue[0]
		queue = queue[1:]
		if needed[current] {
			continue
		}
		needed[current] = true
		for _, module := range m.modules {
			if packageName(module.Package) == current {
				queue = append(queue, m.packagesIn(module)...)
			}
		}
	}
	return needed
}

// packagesIn are the packages that a module's references may lead to.
func (m *moduleSet) packagesIn(module *ast.Module) []string {
	var found []string
	ast.WalkRefs(module, func(ref ast.Ref) bool {
		if !ref[0].Equal(ast.DefaultRootDocument) {
			return false
		}
		p := strings.TrimSuffix(groundPath(ref), ".*")
		longest := "" // data.main.run.x leads to main.run, not to main
		for _, other := range m.modules {
			name := packageName(other.Package)
			switch {
			case strings.HasPrefix(name, p+"."):
				found = append(found, name)
			case (p == name || strings.HasPrefix(p, name+".")) && len(name) > len(longest):
				longest = name
			}
		}
		if longest != "" {
			found = append(found, longest)
		}
		return false
	})
	return found
}
