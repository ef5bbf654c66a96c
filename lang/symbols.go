package lang

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// SymbolKind says what a symbol is.
type SymbolKind string

// The kinds of symbols.
const (
	SymbolVariable SymbolKind = "variable"
	SymbolLocal    SymbolKind = "local"
	SymbolOutput   SymbolKind = "output"
	SymbolResource SymbolKind = "resource"
	SymbolData     SymbolKind = "data"
	SymbolModule   SymbolKind = "module"
	SymbolProvider SymbolKind = "provider"
	SymbolCheck    SymbolKind = "check"
)

// Symbol is one declaration of a module or of a module that it calls.
type Symbol struct {
	// Name is how expressions name it: var.domain, file.site.
	Name string
	Kind SymbolKind
	// Module is the path of the module it is in; empty for the root module.
	Module string
	// Range is the header of its block.
	Range hcl.Range
}

// Symbols are all declarations, by place in the source.
func (m *Module) Symbols() []Symbol {
	var out []Symbol
	m.eachNode(func(n *node) {
		if kind := n.symbolKind(); kind != "" {
			out = append(out, Symbol{Name: n.key, Kind: kind, Module: n.unit.path, Range: n.rng})
		}
	})
	slices.SortStableFunc(out, func(a, b Symbol) int { return compareRanges(a.Range, b.Range) })
	return out
}

func (m *Module) eachNode(do func(*node)) {
	for _, u := range m.graph.units {
		for _, key := range sortedKeys(u.nodes) {
			do(u.nodes[key])
		}
	}
}

func (n *node) symbolKind() SymbolKind {
	switch n.kind {
	case variableNode:
		return SymbolVariable
	case localNode:
		return SymbolLocal
	case outputNode:
		return SymbolOutput
	case resourceNode:
		if n.resource().data {
			return SymbolData
		}
		return SymbolResource
	case callNode:
		return SymbolModule
	case providerNode:
		return SymbolProvider
	case checkNode:
		return SymbolCheck
	case validationNode:
	}
	return ""
}

// Definition is the header of the block that the reference at a place refers
// to; false where no reference stands there. The offset counts bytes.
func (m *Module) Definition(filename string, offset int) (hcl.Range, bool) {
	n := m.nodeAt(filename, offset, false)
	if n == nil {
		return hcl.Range{}, false
	}
	return n.rng, true
}

// References are all places that refer to what is declared, or referred to, at
// a place; sorted.
func (m *Module) References(filename string, offset int) []hcl.Range {
	target := m.nodeAt(filename, offset, true)
	if target == nil {
		return nil
	}
	var out []hcl.Range
	m.eachNode(func(n *node) {
		for _, r := range slices.Concat(n.refs, n.explicit) {
			if declared(r) != nil && declared(r).rng == target.rng {
				out = append(out, r.rng())
			}
		}
	})
	slices.SortFunc(out, compareRanges)
	return slices.Compact(out)
}

// declared is what a reference names, in the end: an output rather than its
// module.
func declared(r *ref) *node {
	if r.output != nil {
		return r.output
	}
	return r.target
}

// nodeAt finds what the reference at a place refers to, or what is declared
// there.
func (m *Module) nodeAt(filename string, offset int, declarations bool) *node {
	inside := func(rng hcl.Range) bool {
		return rng.Filename == filename && rng.Start.Byte <= offset && offset <= rng.End.Byte
	}
	var found *node
	m.eachNode(func(n *node) {
		if declarations && found == nil && inside(n.rng) && n.kind != validationNode {
			found = n
		}
		for _, r := range slices.Concat(n.refs, n.explicit) {
			if inside(r.rng()) && declared(r) != nil {
				found = declared(r)
			}
		}
	})
	return found
}

// moduleOf is the module that a file belongs to, as a unit of the graph.
func (m *Module) moduleOf(filename string) *unit {
	dir := ""
	if i := strings.LastIndexAny(filename, `/\`); i >= 0 {
		dir = filename[:i]
	}
	for _, u := range m.graph.units {
		if strings.TrimSuffix(cleanDir(u.module.dir), "/") == dir {
			return u
		}
	}
	return m.graph.root
}
