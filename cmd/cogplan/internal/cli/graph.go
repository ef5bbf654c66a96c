package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/lang/graph"
)

func (a *app) graphCommand() *cobra.Command {
	var inputs inputFlags
	output := outputFlags{}
	format := "dot"
	cmd := &cobra.Command{
		Use:     "graph",
		Short:   "Draw which resource needs which, or print it for a drawing program",
		Example: "  cogplan graph -format svg > graph.svg\n  cogplan graph | dot -Tpng > graph.png\n  cogplan graph -format mermaid",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.graph(cmd.Context(), &inputs, &output, format)
		},
	}
	inputs.add(cmd.Flags())
	cmd.Flags().Var(&choiceFlag{&format, []string{"dot", "mermaid", "svg"}}, "format", "what to print")
	return cmd
}

func (a *app) graph(ctx context.Context, inputs *inputFlags, output *outputFlags, format string) error {
	progress := a.progressOf(output)
	s, err := a.openSession(ctx, inputs, progress)
	defer s.close()
	if err != nil {
		return err
	}
	a.tell(s)
	if s.broken() {
		return end(outcomeInvalid, false)
	}
	drawn, err := s.graph()
	if err != nil {
		return err
	}
	switch format {
	case "mermaid":
		fmt.Fprint(a.out, drawn.Mermaid())
	case "svg":
		fmt.Fprint(a.out, drawn.SVG())
	default:
		fmt.Fprint(a.out, drawn.DOT())
	}
	return nil
}

func (s *session) graph() (graph.Graph, error) {
	var nodes []graph.Node
	var edges []graph.Edge
	for _, resource := range s.eval.MetaConfig().Resources {
		node := graph.Node{Address: resource.Name}
		if at, ok := s.eval.Range(resource.Name); ok {
			node.Source = lang.SourceRange(at)
		}
		nodes = append(nodes, node)
		for _, needed := range resource.DependsOn {
			edges = append(edges, graph.Edge{From: resource.Name, To: needed})
		}
	}
	return graph.New(nodes, edges)
}
