package graph_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/lang/graph"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func at(line int) reconcile.SourceRange {
	return reconcile.SourceRange{Filename: "main.hcl", StartLine: line}
}

func parts() ([]graph.Node, []graph.Edge) {
	nodes := []graph.Node{
		{Address: `file.site["eu"]`, Status: "planned", Source: at(9)},
		{Address: "file.base", Status: "applied", Source: at(3)},
		{Address: `file.odd["a\"]\n<b>%%{x}"]`, Status: "failed"},
		{Address: "data.dns.zone"},
	}
	edges := []graph.Edge{
		{From: `file.site["eu"]`, To: "file.base", Source: at(12)},
		{From: `file.site["eu"]`, To: "file.base", Source: at(10)},
		{From: `file.site["eu"]`, To: "file.base", Source: at(10)},
		{From: "file.base", To: "data.dns.zone"},
	}
	return nodes, edges
}

func TestDOT(t *testing.T) {
	want := `digraph cogplan {
  rankdir = "RL";
  node [shape = "box", style = "rounded,filled", fillcolor = "white"];
  "data.dns.zone" [label = "data.dns.zone", fillcolor = "white"];
  "file.base" [label = "file.base\napplied", fillcolor = "#d5f0d5", tooltip = "main.hcl:3"];
  "file.odd[\"a\\\"]\\n<b>%%{x}\"]" [label = "file.odd[\"a\\\"]\\n<b>%%{x}\"]\nfailed", fillcolor = "#f6cccc"];
  "file.site[\"eu\"]" [label = "file.site[\"eu\"]\nplanned", fillcolor = "#fbeebc", tooltip = "main.hcl:9"];
  "file.base" -> "data.dns.zone";
  "file.site[\"eu\"]" -> "file.base" [tooltip = "main.hcl:10\nmain.hcl:12"];
}
`
	got := drawn(t).DOT()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if dot, err := exec.LookPath("dot"); err == nil {
		cmd := exec.CommandContext(t.Context(), dot, "-Tsvg")
		cmd.Stdin = strings.NewReader(got)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("dot: %s\n%s", err, out)
		}
	}
}

func TestMermaid(t *testing.T) {
	want := `flowchart RL
  n0["data.dns.zone"]
  n1["file.base<br/>applied"]:::fine
  n2["file.odd[#34;a#92;#34;]#92;n#60;b#62;%x}#34;]<br/>failed"]:::bad
  n3["file.site[#34;eu#34;]<br/>planned"]:::changing
  n1 --> n0
  %% main.hcl:10
  %% main.hcl:12
  n3 --> n1
  classDef fine fill:#d5f0d5
  classDef bad fill:#f6cccc
  classDef changing fill:#fbeebc
`
	if diff := cmp.Diff(want, drawn(t).Mermaid()); diff != "" {
		t.Error(diff)
	}
}

func drawn(t *testing.T) graph.Graph {
	t.Helper()
	nodes, edges := parts()
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestOrderDoesNotMatter(t *testing.T) {
	nodes, edges := parts()
	slices.Reverse(nodes)
	slices.Reverse(edges)
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	if g.DOT() != drawn(t).DOT() || g.Mermaid() != drawn(t).Mermaid() {
		t.Error("the order of nodes and edges changes the text")
	}
	if nodes[0].Address != "data.dns.zone" {
		t.Error("the caller's nodes were sorted")
	}
}

func TestRefuses(t *testing.T) {
	a, b := graph.Node{Address: "a"}, graph.Node{Address: "b"}
	for want, try := range map[string]func() error{
		"two nodes have the address": func() error { _, err := graph.New([]graph.Node{a, a}, nil); return err },
		"which is no node":           func() error { _, err := graph.New([]graph.Node{a, b}, []graph.Edge{{From: "a", To: "c"}}); return err },
		"an edge starts at":          func() error { _, err := graph.New([]graph.Node{a}, []graph.Edge{{From: "x", To: "a"}}); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if got := (graph.Graph{}).Mermaid(); got != "flowchart RL\n" {
		t.Errorf("an empty graph is %q", got)
	}
}
