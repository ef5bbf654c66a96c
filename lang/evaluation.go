package lang

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Evaluation is a module with the values of its variables and the schemas of
// its providers. It may be used from several goroutines at once.
type Evaluation struct {
	mu     sync.Mutex
	module *Module
	opts   EvalOptions
	types  map[string]*providerType
	root   *scope
	// scopes of each unit, in the order of their addresses.
	scopes     map[*unit][]*scope
	instances  map[string]*instance
	addresses  []string
	generation int
	// dirty holds the generation in which something that a node reads became
	// known.
	dirty map[*node]int
	// dependents are the edges of the graph, turned around; made when needed.
	dependents map[*node][]*node
	functions  map[*Module]map[string]function.Function
	inputs     map[string]*input
	lastCtx    cachedContext
	roots      map[string]cty.Value
	checks     map[checkKey]*CheckResult
	imports    []Import
	meta       *reconcile.MetaConfig
	diags      hcl.Diagnostics

	usesMu sync.Mutex
	uses   map[funcs.Use]bool
}

// Evaluate checks the whole module and evaluates whatever is known. The
// evaluation is nil where the diagnostics have errors.
func (m *Module) Evaluate(opts EvalOptions) (*Evaluation, hcl.Diagnostics) {
	ev := &Evaluation{
		module: m, opts: opts,
		types: map[string]*providerType{}, scopes: map[*unit][]*scope{}, instances: map[string]*instance{},
		dirty: map[*node]int{}, functions: map[*Module]map[string]function.Function{},
		checks: map[checkKey]*CheckResult{}, uses: map[funcs.Use]bool{}, generation: 1, roots: map[string]cty.Value{},
	}
	if m.broken {
		return nil, hcl.Diagnostics{mistake(hcl.Range{Filename: m.dir}, "Module with mistakes",
			"The module did not load; its mistakes have to be put right first.")}
	}
	ev.loadTypes()
	ev.readInputs()
	ev.checkReferences()
	ev.root = ev.newScope(m.graph.root, nil, each{})
	for _, n := range m.graph.order {
		for _, s := range ev.scopes[n.unit] {
			ev.evaluate(s, n)
		}
	}
	ev.finish()
	diags := tidy(ev.diags, hcl.Range{Filename: m.dir})
	if diags.HasErrors() {
		return nil, diags
	}
	return ev, diags
}

func (ev *Evaluation) add(diags hcl.Diagnostics) { ev.diags = append(ev.diags, diags...) }

func (ev *Evaluation) mistake(rng hcl.Range, summary, format string, args ...any) {
	ev.diags = append(ev.diags, mistake(rng, summary, format, args...))
}

// loadTypes asks for the schemas of the providers that the module uses.
func (ev *Evaluation) loadTypes() {
	used := map[string]bool{}
	for _, u := range ev.module.graph.units {
		for _, r := range u.module.resources {
			used[u.providers[r.typ]] = true
		}
	}
	for name, p := range ev.module.providerBlocks {
		used[name] = used[name] || p.config != nil
	}
	for _, name := range sortedKeys(used) {
		if p := ev.module.providerBlocks[name]; p != nil && used[name] {
			ev.loadType(name, p)
		}
	}
}

func (ev *Evaluation) loadType(name string, p *providerBlock) {
	if ev.opts.Schemas == nil {
		ev.mistake(p.SourceRange, "Unusable provider", "The schema of the provider %s cannot be had here.", quote(name))
		return
	}
	schema, err := ev.opts.Schemas(name)
	if err == nil && schema == nil {
		ev.mistake(p.SourceRange, "Unusable provider", "The provider %s has no schema.", quote(name))
		return
	}
	if err != nil {
		ev.mistake(p.SourceRange, "Unusable provider", "The provider %s cannot be used: %s.", quote(name), strings.TrimSuffix(err.Error(), "."))
		return
	}
	typ, err := newProviderType(name, schema, ev.module.grammar.resource)
	if err != nil {
		ev.mistake(p.SourceRange, "Invalid schema of a provider", "The schema of the provider %s is wrong: %s. Tell its author.", quote(name), err)
		return
	}
	ev.types[name] = typ
}

// typeOf is the schema of a resource's body; nil where there is none, which
// was reported.
func (ev *Evaluation) typeOf(n *node) *blockType {
	r := n.resource()
	typ := ev.types[n.unit.providers[r.typ]]
	if typ == nil {
		return nil
	}
	if r.data {
		return typ.data
	}
	return typ.resource
}

// newScope makes an instance of a module.
func (ev *Evaluation) newScope(u *unit, parent *scope, e each) *scope {
	s := &scope{
		unit: u, parent: parent, each: e,
		cells: make(map[*node]*cell), sets: make(map[*node]*instanceSet),
		calls: map[*node]*callSet{},
	}
	if parent != nil {
		s.prefix = parent.prefix + u.call.key + keyText(e.key) + "."
	}
	s.base = &hcl.EvalContext{
		Functions: ev.functionsOf(u.module),
		Variables: map[string]cty.Value{
			"path": cty.ObjectVal(map[string]cty.Value{
				"module": cty.StringVal(filepath.ToSlash(filepath.Clean(u.module.dir))),
				"root":   cty.StringVal(filepath.ToSlash(filepath.Clean(ev.module.dir))),
			}),
			"cogplan": cty.ObjectVal(map[string]cty.Value{"version": cty.StringVal(ev.module.opts.version)}),
		},
	}
	ev.scopes[u] = append(ev.scopes[u], s)
	return s
}

func (ev *Evaluation) functionsOf(m *Module) map[string]function.Function {
	if fns := ev.functions[m]; fns != nil {
		return fns
	}
	fns := funcs.Functions(ev.functionOptions(m))
	ev.functions[m] = fns
	return fns
}

// functionOptions confine the functions to the root module's directory, or to
// the module's own where that lies elsewhere.
func (ev *Evaluation) functionOptions(m *Module) funcs.Options {
	root := ev.module.dir
	rel, err := filepath.Rel(root, m.dir)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		root = m.dir
	}
	return funcs.Options{BaseDir: m.dir, RootDir: root, Budget: ev.module.budget, Used: ev.used}
}

func (ev *Evaluation) used(u funcs.Use) {
	ev.usesMu.Lock()
	defer ev.usesMu.Unlock()
	ev.uses[u] = true
}

// evaluate gives a node of a scope its value.
func (ev *Evaluation) evaluate(s *scope, n *node) {
	switch n.kind {
	case variableNode:
		ev.variable(s, n)
	case validationNode:
		v, _ := n.decl.(*variable)
		ev.validate(s, n, v)
	case localNode:
		l, _ := n.decl.(*local)
		ev.expression(s, n, l.expr)
	case outputNode:
		o, _ := n.decl.(*output)
		ev.output(s, n, o)
	case resourceNode:
		ev.resource(s, n)
	case callNode:
		ev.call(s, n)
	case providerNode:
		ev.provider(s, n)
	case checkNode:
		ev.check(s, n)
	}
}

// expression evaluates an expression into the node's cell.
func (ev *Evaluation) expression(s *scope, n *node, expr hcl.Expression) *cell {
	val, diags := cty.DynamicVal, hcl.Diagnostics(nil)
	if expr != nil {
		val, diags = expr.Value(ev.context(s, n, each{}))
		diags = append(diags, ev.bounded(val, expr, diags)...)
	}
	ev.add(explain(diags))
	if diags.HasErrors() {
		val = cty.DynamicVal
	}
	return ev.setCell(s, n, s, each{}, val)
}

// bounded refuses a value too large to walk; the native syntax checks itself.
func (ev *Evaluation) bounded(val cty.Value, expr hcl.Expression, diags hcl.Diagnostics) hcl.Diagnostics {
	if diags.HasErrors() {
		return nil
	}
	if err := ev.module.budget.Check(val); err != nil {
		return hcl.Diagnostics{mistake(expr.Range(), "Value out of bounds", "%s.", upperFirst(err.Error()))}
	}
	return nil
}

// setCell stores the value of a node whose references are seen from a scope,
// which for a variable is that of the caller.
func (ev *Evaluation) setCell(s *scope, n *node, from *scope, e each, val cty.Value) *cell {
	c := s.cells[n]
	if c == nil {
		c = &cell{sources: ev.sources(from, n, e)}
		s.cells[n] = c
	}
	c.val = val
	c.freshness = ev.fresh(!val.IsWhollyKnown(), from, n, e)
	return c
}

// fresh notes when a value was made and, where it is unknown, what it waits for.
func (ev *Evaluation) fresh(unknown bool, s *scope, n *node, e each) freshness {
	f := freshness{unknown: unknown, generation: ev.generation}
	if unknown {
		f.waits = ev.waits(s, n, e)
	}
	return f
}

func (ev *Evaluation) output(s *scope, n *node, o *output) {
	c := ev.expression(s, n, o.expr)
	evalCtx := ev.context(s, n, each{})
	for _, cond := range o.preconditions {
		_, diags := ev.condition(cond, evalCtx, "Failed precondition")
		ev.add(diags)
	}
	if o.sensitive {
		c.val = c.val.Mark(funcs.Sensitive)
		return
	}
	if s.parent == nil && isSensitive(c.val) {
		ev.mistake(n.rng, "Sensitive output",
			"The value of the output %s is sensitive. Add sensitive = true to the block, or take the mark off with nonsensitive().", quote(o.name))
	}
}

// MetaConfig lists the resources in the order of their addresses. The lists of
// dependencies are shared and must not be changed.
func (ev *Evaluation) MetaConfig() *reconcile.MetaConfig {
	return &reconcile.MetaConfig{Resources: slices.Clone(ev.meta.Resources)}
}

// Range is the header of the block that declares the resource at an address.
func (ev *Evaluation) Range(address string) (hcl.Range, bool) {
	inst := ev.instances[address]
	if inst == nil {
		return hcl.Range{}, false
	}
	return inst.set.node.rng, true
}

// EnvRead names the environment variables that env() read, sorted.
func (ev *Evaluation) EnvRead() []string { return ev.usesOfKind(funcs.UseEnv) }

// FilesRead names the files that functions read, as they were written, sorted.
func (ev *Evaluation) FilesRead() []string { return ev.usesOfKind(funcs.UseFile) }

func (ev *Evaluation) usesOfKind(kind funcs.UseKind) []string {
	ev.usesMu.Lock()
	defer ev.usesMu.Unlock()
	var out []string
	for u := range maps.Keys(ev.uses) {
		if u.Kind == kind {
			out = append(out, u.Name)
		}
	}
	slices.Sort(out)
	return out
}
