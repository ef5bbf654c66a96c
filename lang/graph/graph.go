// Package graph writes a module's dependency graph as text that drawing
// programs read, DOT for Graphviz and flowcharts for Mermaid, and as a drawing in
// SVG.
//
// It draws what it is given and works out no dependencies. The same graph always gives the same text, whatever the order of
// its nodes and edges. It refuses a graph whose edges lead to no node.
package graph

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Node is one resource, data source or module.
type Node struct {
	// Address names it, and no other node.
	Address string
	// Status is what is known of it, such as a status of a run; it may be empty.
	Status string
	// Source is where it is declared.
	Source reconcile.SourceRange
}

// Edge says that one node needs another.
type Edge struct {
	// From is the address of the node that depends.
	From string
	// To is the address of the node it depends on.
	To string
	// Source is the reference, or the depends_on, that makes the edge.
	Source reconcile.SourceRange
}

// Graph is a checked graph. The zero value is an empty one.
type Graph struct {
	nodes []Node
	// edges are unique by From and To, with the places of all of them.
	edges []drawnEdge
}

type drawnEdge struct {
	from, to int
	places   []string
}

// New checks a graph. Several edges between the same two nodes become one with
// several places.
func New(nodes []Node, edges []Edge) (Graph, error) {
	g := Graph{nodes: slices.SortedFunc(slices.Values(nodes), func(a, b Node) int {
		return cmp.Compare(a.Address, b.Address)
	})}
	index := make(map[string]int, len(nodes))
	for i, n := range g.nodes {
		if _, twice := index[n.Address]; twice {
			return Graph{}, fmt.Errorf("draw graph: two nodes have the address %q", n.Address)
		}
		index[n.Address] = i
	}
	drawn := map[[2]int][]string{}
	for _, e := range edges {
		from, ok := index[e.From]
		if !ok {
			return Graph{}, fmt.Errorf("draw graph: an edge starts at %q, which is no node", e.From)
		}
		to, ok := index[e.To]
		if !ok {
			return Graph{}, fmt.Errorf("draw graph: an edge leads from %q to %q, which is no node", e.From, e.To)
		}
		key := [2]int{from, to}
		drawn[key] = append(drawn[key], place(e.Source))
	}
	for key, places := range drawn {
		slices.Sort(places)
		places = slices.DeleteFunc(slices.Compact(places), func(s string) bool { return s == "" })
		g.edges = append(g.edges, drawnEdge{from: key[0], to: key[1], places: places})
	}
	slices.SortFunc(g.edges, func(a, b drawnEdge) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	return g, nil
}

// place is a source range as people write it; empty for none.
func place(r reconcile.SourceRange) string {
	if r.Filename == "" {
		return ""
	}
	if r.StartLine == 0 {
		return r.Filename
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.StartLine)
}
