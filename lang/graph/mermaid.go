package graph

import (
	"fmt"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Mermaid is the graph as a Mermaid flowchart, for Markdown. Arrows lead from
// what depends to what it depends on, and name their sources in comments.
func (g Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart RL\n")
	used := map[paint]bool{}
	for i, n := range g.nodes {
		label := escapeMermaid(n.Address)
		if n.Status != "" {
			label += "<br/>" + escapeMermaid(n.Status)
		}
		fmt.Fprintf(&b, "  n%d[\"%s\"]", i, label)
		if c := colour(n.Status); c.class != "" {
			fmt.Fprintf(&b, ":::%s", c.class)
			used[c] = true
		}
		b.WriteByte('\n')
	}
	for _, e := range g.edges {
		for _, at := range e.places {
			fmt.Fprintf(&b, "  %%%% %s\n", oneLine(at))
		}
		fmt.Fprintf(&b, "  n%d --> n%d\n", e.from, e.to)
	}
	for _, status := range []string{ // one of each class
		reconcile.StatusApplied, reconcile.StatusFailed, reconcile.StatusDeferred, reconcile.StatusDrifted,
	} {
		if c := colour(status); used[c] {
			fmt.Fprintf(&b, "  classDef %s fill:%s\n", c.class, c.fill)
		}
	}
	return b.String()
}

// escapeMermaid writes the text of a quoted label: Mermaid reads entities there
// that start with a number sign, and HTML.
func escapeMermaid(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(oneLine(s), "\uFFFD") {
		switch r {
		case '"', '#', '<', '>', '&', ';', '`', '\\', '*', '_', '~':
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// oneLine drops what would end a line, and braces with percent signs that would
// start a directive in a comment.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\x00", "", "%%{", "%").Replace(s)
}
