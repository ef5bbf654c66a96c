package lang

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// maxModuleDepth bounds how deep modules call modules.
const maxModuleDepth = 32

// Load reads the *.hcl and *.hcl.json files of dir and of the modules that it
// calls, and checks everything that needs neither providers nor variables:
// syntax, blocks, names, references and cycles. The module is never nil; it
// must not be evaluated where the diagnostics have errors.
func Load(dir string, opts ...Option) (*Module, hcl.Diagnostics) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	l := &loader{grammar: newGrammar(), budget: bounds.NewBudget(o.limits), done: map[string]*Module{}, opts: o}
	m := l.module(dir, nil, nil)
	fallback := hcl.Range{Filename: dir}
	// References are checked also where other mistakes were found, but not
	// where the parser gave up: what it dropped would be missed everywhere.
	var diags hcl.Diagnostics
	m.graph, diags = newGraph(m)
	if !l.broken {
		l.diags = append(l.diags, diags...)
	}
	m.budget, m.broken = l.budget, l.diags.HasErrors()
	return m, tidy(l.diags, fallback)
}

// loader reads a module and the modules below it, each directory once.
type loader struct {
	grammar *grammar
	budget  *bounds.Budget
	done    map[string]*Module
	opts    options
	diags   hcl.Diagnostics
	// broken is true where a file did not parse.
	broken bool
}

// module reads one directory; chain holds the directories that lead to it.
func (l *loader) module(dir string, chain []string, call *moduleCall) *Module {
	key := filepath.Clean(dir)
	if m := l.done[key]; m != nil {
		return m
	}
	m := newModule(dir, l.opts)
	m.grammar = l.grammar
	l.done[key] = m
	overlay := l.opts.overlay
	if len(chain) > 0 {
		overlay = nil
	}
	files, diags := readSources(dir, overlay, l.budget)
	for _, d := range diags {
		if call != nil && d.Subject.Filename == dir {
			d.Subject = &call.sourceRange // a directory has no lines to show
		}
	}
	l.diags = append(l.diags, diags...)
	l.broken = l.broken || diags.HasErrors()
	p := &parser{module: m, grammar: l.grammar, declared: map[string]hcl.Range{}}
	for _, f := range files {
		m.files[f.name] = f.file
		before := len(p.diags)
		p.file(f.file)
		if f.diags.HasErrors() {
			// Of a file that does not parse, half is missing: what follows
			// from that is noise, but an editor wants to know the other half.
			p.diags = p.diags[:before]
		}
	}
	if len(chain) > 0 {
		p.refuseCredentials()
	} else {
		p.checkCredentials()
		p.checkEnvGrants()
		p.foundPolicies()
	}
	l.diags = append(l.diags, p.diags...)
	l.children(m, append(slices.Clone(chain), key))
	return m
}

func (l *loader) children(m *Module, chain []string) {
	for _, name := range sortedKeys(m.calls) {
		call := m.calls[name]
		if call.source == "" {
			continue
		}
		if problem := l.badSource(m, call, chain); problem != nil {
			l.diags = append(l.diags, problem)
			l.broken = true
			continue
		}
		call.child = l.module(filepath.Join(m.dir, call.source), chain, call)
		maps.Copy(m.files, call.child.files)
	}
}

func (l *loader) badSource(m *Module, call *moduleCall, chain []string) *hcl.Diagnostic {
	src := filepath.ToSlash(call.source)
	if !strings.HasPrefix(src, "./") && !strings.HasPrefix(src, "../") {
		return mistake(call.sourceRange, "Unsupported module source",
			"A module is a directory beside this one: write \"./%s\" or a path that starts with \"../\".", strings.TrimPrefix(src, "/"))
	}
	dir := filepath.Clean(filepath.Join(m.dir, call.source))
	if slices.Contains(chain, dir) {
		return mistake(call.sourceRange, "Module calls itself",
			"The module in %s is called from inside itself: %s. Take one of the calls out.", dir, strings.Join(append(slices.Clone(chain), dir), " → "))
	}
	if len(chain) >= maxModuleDepth {
		return mistake(call.sourceRange, "Modules too deep", "Modules call each other at most %d levels deep.", maxModuleDepth)
	}
	return nil
}

// guard makes the expressions of a file count what they build.
func guard(file *hcl.File, budget *bounds.Budget) hcl.Diagnostics {
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	return budget.GuardBody(body)
}
