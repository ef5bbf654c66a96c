package graph_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/lang/graph"
)

// element is a start tag of a drawing, with what stands in it as text.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

func (e element) number(t *testing.T, name string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(e.attrs[name], 64)
	if err != nil {
		t.Fatalf("%s of a %s: %v", name, e.name, err)
	}
	return n
}

// elements parses a drawing strictly.
func elements(t *testing.T, svg string) []element {
	t.Helper()
	var found []element
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("the drawing is no XML: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			found = append(found, e)
		case xml.CharData:
			if len(found) > 0 {
				found[len(found)-1].text += strings.TrimSpace(string(token))
			}
		}
	}
}

func TestSVG(t *testing.T) {
	all := elements(t, drawn(t).SVG())
	var texts []string
	arrows := 0
	for _, e := range all {
		switch {
		case e.name == "text":
			texts = append(texts, e.text)
		case e.attrs["marker-start"] != "":
			arrows++
		case e.name == "script" || e.name == "a" || e.name == "image":
			t.Errorf("a drawing has the element %s", e.name)
		}
	}
	if arrows != 2 {
		t.Errorf("%d arrows for 2 edges", arrows)
	}
	got := strings.Join(texts, "\n")
	for _, want := range []string{"data.dns.zone", "file.base", "applied", `file.site["eu"]`, `<b>%%{x}"]`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the texts:\n%s", want, got)
		}
	}
	if empty := elements(t, (graph.Graph{}).SVG()); empty[0].name != "svg" {
		t.Errorf("an empty graph is drawn as %v", empty[0])
	}
}

// No name of a resource gets out of its text.
func TestSVGEscapes(t *testing.T) {
	g, err := graph.New([]graph.Node{{Address: "</text><script>alert(1)</script>\x00\x1b[31m\xff"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements(t, g.SVG()) {
		if e.name == "script" {
			t.Error("a name became an element")
		}
	}
}

// Boxes do not lie on each other and not outside of the drawing, whatever the
// graph; and what is needed stands left of what needs it.
func TestSVGPlaces(t *testing.T) {
	for name, g := range map[string]graph.Graph{
		"ladder": ladder(t, 40, 3), "fan": ladder(t, 60, 59), "chain": ladder(t, 300, 1), "circle": circle(t),
	} {
		t.Run(name, func(t *testing.T) {
			all := elements(t, g.SVG())
			width, height := all[0].number(t, "width"), all[0].number(t, "height")
			var boxes []element
			for _, e := range all {
				if e.name == "rect" && e.attrs["rx"] != "" {
					boxes = append(boxes, e)
				}
			}
			for i, a := range boxes {
				x, y, w, h := a.number(t, "x"), a.number(t, "y"), a.number(t, "width"), a.number(t, "height")
				if x < 0 || y < 0 || x+w > width+0.5 || y+h > height+0.5 {
					t.Errorf("box %d at %g, %g is outside of %g × %g", i, x, y, width, height)
				}
				for j, b := range boxes[:i] {
					bx, by := b.number(t, "x"), b.number(t, "y")
					if x < bx+b.number(t, "width") && bx < x+w && y < by+b.number(t, "height") && by < y+h {
						t.Errorf("boxes %d and %d lie on each other", i, j)
					}
				}
			}
		})
	}
}

// ladder is a graph in which each node needs some of those before it.
func ladder(t *testing.T, size, needs int) graph.Graph {
	t.Helper()
	nodes := make([]graph.Node, size)
	var edges []graph.Edge
	for i := range nodes {
		nodes[i].Address = fmt.Sprintf("file.n%03d", i)
		for j := 1; j <= needs && j <= i; j++ {
			edges = append(edges, graph.Edge{From: nodes[i].Address, To: nodes[i-j*j%(i+1)].Address})
		}
	}
	edges = clean(edges)
	g, err := graph.New(nodes, edges)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// clean leaves out edges from a node to itself.
func clean(edges []graph.Edge) []graph.Edge {
	kept := edges[:0]
	for _, e := range edges {
		if e.From != e.To {
			kept = append(kept, e)
		}
	}
	return kept
}

func circle(t *testing.T) graph.Graph {
	t.Helper()
	g, err := graph.New([]graph.Node{{Address: "a.a"}, {Address: "b.b"}},
		[]graph.Edge{{From: "a.a", To: "b.b"}, {From: "b.b", To: "a.a"}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
