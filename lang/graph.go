package lang

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// maxUnits bounds how often modules are called in all: modules that call each
// other twice on each level would grow by powers of two.
const maxUnits = 10_000

// graph is everything that is evaluated, in an order in which what is read
// comes before what reads it.
type graph struct {
	root  *unit
	units []*unit
	order []*node
}

// unit is one call of a module, without regard to for_each: the root module is
// a unit, and so is each module block of each unit.
type unit struct {
	module *Module
	parent *unit
	// call is the node of the module block in the parent; nil for the root.
	call     *node
	path     string // "module.a.module.b"; empty for the root
	nodes    map[string]*node
	children map[string]*unit
	// providers maps the names of providers in this module to those of the root.
	providers map[string]string
}

type nodeKind int

const (
	variableNode nodeKind = iota
	validationNode
	localNode
	outputNode
	resourceNode
	callNode
	providerNode
	checkNode
)

// node is one thing that is evaluated, once for each instance of its unit.
type node struct {
	unit *unit
	kind nodeKind
	// key is how expressions name it: var.x, file.site, module.m.
	key  string
	rng  hcl.Range
	decl any
	// refs are the references of its expressions, by place in the source.
	refs []*ref
	// explicit are those of depends_on.
	explicit []*ref
	// edges lead to what must be evaluated before.
	edges []edge
	index int
}

func (n *node) resource() *resource {
	r, _ := n.decl.(*resource)
	return r
}

// label is how people name the node: its key below the modules above it.
func (n *node) label() string {
	if n.unit.path == "" {
		return n.key
	}
	return n.unit.path + "." + n.key
}

type edge struct {
	to  *node
	rng hcl.Range
}

// newGraph makes the nodes of a module and of those it calls, resolves their
// references and puts them in order.
func newGraph(m *Module) (*graph, hcl.Diagnostics) {
	b := &graphBuilder{graph: &graph{}}
	providers := make(map[string]string, len(m.providerBlocks))
	for name := range m.providerBlocks {
		providers[name] = name
	}
	b.graph.root = b.unit(&unit{module: m, providers: providers})
	if b.tooMany {
		return b.graph, b.diags
	}
	for _, u := range b.graph.units {
		b.resolveUnit(u)
	}
	b.sort()
	return b.graph, b.diags
}

type graphBuilder struct {
	graph   *graph
	diags   hcl.Diagnostics
	tooMany bool
}

func (b *graphBuilder) add(d *hcl.Diagnostic) {
	if d != nil {
		b.diags = append(b.diags, d)
	}
}

// unit makes the nodes of a unit and, below it, those of the modules it calls.
func (b *graphBuilder) unit(u *unit) *unit {
	b.graph.units = append(b.graph.units, u)
	m := u.module
	u.nodes = make(map[string]*node, len(m.resources)+len(m.variables)+len(m.locals)+len(m.outputs))
	u.children = make(map[string]*unit, len(m.calls))
	for name, v := range m.variables {
		u.node(variableNode, "var."+name, v, v.rng)
		if len(v.validations) > 0 {
			u.node(validationNode, "validation."+name, v, v.rng)
		}
	}
	for name, l := range m.locals {
		u.node(localNode, "local."+name, l, l.rng)
	}
	for name, o := range m.outputs {
		u.node(outputNode, "output."+name, o, o.rng)
	}
	for key, r := range m.resources {
		u.node(resourceNode, key, r, r.rng)
	}
	for _, c := range m.checks {
		u.node(checkNode, "check."+c.name, c, c.rng)
	}
	b.unitProviders(u)
	for _, name := range sortedKeys(m.calls) {
		b.child(u, m.calls[name])
	}
	return u
}

func (u *unit) node(kind nodeKind, key string, decl any, rng hcl.Range) *node {
	n := &node{unit: u, kind: kind, key: key, decl: decl, rng: rng, index: -1}
	u.nodes[key] = n
	return n
}

// unitProviders makes the nodes of provider blocks, which only the root has.
func (b *graphBuilder) unitProviders(u *unit) {
	for name, p := range u.module.providerBlocks {
		if u.parent == nil {
			u.node(providerNode, "provider."+name, p, p.Range)
			continue
		}
		b.add(mistake(p.Range, "Provider block in a called module",
			"Only the root module has provider blocks, so that all grants stand in one place. Move the block there; this module finds it by its name."))
	}
}

func (b *graphBuilder) child(u *unit, c *moduleCall) {
	n := u.node(callNode, "module."+c.name, c, c.rng)
	if c.child == nil || b.tooMany {
		return
	}
	if len(b.graph.units) >= maxUnits {
		b.tooMany = true
		b.add(mistake(c.rng, "Too many modules", "Modules are called more than %d times in all.", maxUnits))
		return
	}
	child := &unit{module: c.child, parent: u, call: n, path: strings.TrimPrefix(u.path+".module."+c.name, ".")}
	child.providers = b.passProviders(u, c)
	u.children[c.name] = b.unit(child)
}

// passProviders gives the child the providers of its parent under their own
// names, and those that the call names under other names.
func (b *graphBuilder) passProviders(u *unit, c *moduleCall) map[string]string {
	if len(c.providers) == 0 {
		return u.providers
	}
	out := make(map[string]string, len(u.providers)+len(c.providers))
	maps.Copy(out, u.providers)
	for _, inner := range sortedKeys(c.providers) {
		given := c.providers[inner]
		root, ok := u.providers[given.name]
		if !ok {
			b.add(mistake(given.rng, "Unknown provider", "There is no provider %s here.%s",
				quote(given.name), didYouMeanOrList(given.name, sortedKeys(u.providers), "provider")))
		}
		out[inner] = root
	}
	return out
}

// sort orders the nodes, and reports cycles. It keeps its own stack: chains of
// references may be longer than a call stack is deep.
func (b *graphBuilder) sort() {
	s := &sorter{state: map[*node]int{}}
	for _, u := range b.graph.units {
		for _, key := range sortedKeys(u.nodes) {
			s.visit(u.nodes[key])
		}
	}
	for i, n := range s.order {
		n.index = i
	}
	b.graph.order = s.order
	b.diags = append(b.diags, s.diags...)
}

type sorter struct {
	// state is 0 for new, 1 for on the stack, 2 for done.
	state map[*node]int
	stack []frame
	order []*node
	diags hcl.Diagnostics
}

type frame struct {
	node *node
	next int
}

func (s *sorter) visit(start *node) {
	if s.state[start] != 0 {
		return
	}
	s.push(start)
	for len(s.stack) > 0 {
		top := &s.stack[len(s.stack)-1]
		if top.next == len(top.node.edges) {
			s.state[top.node] = 2
			s.order = append(s.order, top.node)
			s.stack = s.stack[:len(s.stack)-1]
			continue
		}
		to := top.node.edges[top.next].to
		top.next++
		switch s.state[to] {
		case 0:
			s.push(to)
		case 1:
			s.cycle(to)
		}
	}
}

func (s *sorter) push(n *node) {
	s.state[n] = 1
	s.stack = append(s.stack, frame{node: n})
}

// cycle reports the cycle that the stack closes by coming back to a node.
func (s *sorter) cycle(to *node) {
	const most = 10
	if len(s.diags) >= most {
		return
	}
	start := slices.IndexFunc(s.stack, func(f frame) bool { return f.node == to })
	chain := s.stack[start:]
	first := chain[0]
	at := first.node.edges[first.next-1].rng
	if len(chain) == 1 {
		s.diags = append(s.diags, mistake(at, "Reference to itself",
			"%s refers to itself, so it can never be evaluated. Take the reference out.%s", to.label(), selfHint(to)))
		return
	}
	s.diags = append(s.diags, mistake(at, "Dependency cycle",
		"These refer to each other in a circle, so none of them can come first:\n%s\nTake one of the references out.", chainText(chain)))
}

func selfHint(n *node) string {
	if n.kind == resourceNode {
		return " A postcondition reads its own resource as self."
	}
	return ""
}

// chainText is one line for each edge of a cycle, with its place.
func chainText(chain []frame) string {
	const most = 20
	var sb strings.Builder
	for i, f := range chain {
		if i == most && len(chain) > most+1 {
			fmt.Fprintf(&sb, "  … and %d more\n", len(chain)-most)
			break
		}
		e := f.node.edges[f.next-1]
		fmt.Fprintf(&sb, "  %s → %s (%s)\n", f.node.label(), e.to.label(), place(e.rng))
	}
	return strings.TrimRight(sb.String(), "\n")
}

func compareRanges(a, b hcl.Range) int {
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Start.Byte, b.Start.Byte))
}
