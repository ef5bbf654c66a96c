package graph

import (
	"fmt"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// DOT is the graph in Graphviz's language. Arrows lead from what depends to
// what it depends on; a pointer that rests on one shows the source.
func (g Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph cogplan {\n  rankdir = \"RL\";\n  node [shape = \"box\", style = \"rounded,filled\", fillcolor = \"white\"];\n")
	for _, n := range g.nodes {
		label := n.Address
		if n.Status != "" {
			label += "\n" + n.Status
		}
		fmt.Fprintf(&b, "  %s [label = %s, fillcolor = %s", quoteDOT(n.Address), quoteDOT(label), quoteDOT(colour(n.Status).fill))
		if at := place(n.Source); at != "" {
			fmt.Fprintf(&b, ", tooltip = %s", quoteDOT(at))
		}
		b.WriteString("];\n")
	}
	for _, e := range g.edges {
		fmt.Fprintf(&b, "  %s -> %s", quoteDOT(g.nodes[e.from].Address), quoteDOT(g.nodes[e.to].Address))
		if len(e.places) > 0 {
			fmt.Fprintf(&b, " [tooltip = %s]", quoteDOT(strings.Join(e.places, "\n")))
		}
		b.WriteString(";\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// quoteDOT writes a quoted string: inside one, a backslash starts an escape of
// labels, so it is doubled.
func quoteDOT(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", `\n`, "\x00", "").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return `"` + s + `"`
}

// paint is how a status is shown.
type paint struct{ class, fill string }

// colour groups statuses by what a reader wants to find: what is done, what
// changes, what waits, what went wrong. A status of the caller's own changes.
func colour(status string) paint {
	switch status {
	case "":
		return paint{"", "white"}
	case reconcile.StatusSynced, reconcile.StatusApplied:
		return paint{"fine", "#d5f0d5"}
	case reconcile.StatusFailed, reconcile.StatusDenied:
		return paint{"bad", "#f6cccc"}
	case reconcile.StatusDeferred, reconcile.StatusSkipped, reconcile.StatusSuspended:
		return paint{"waiting", "#e4e4e4"}
	default:
		return paint{"changing", "#fbeebc"}
	}
}
