package graph

import (
	"fmt"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes in pixels of a drawing at its natural size.
const (
	margin     = 16.0
	gap        = 12.0
	columnGap  = 72.0
	padding    = 10.0
	lineHeight = 16.0
	// charWidth is the advance of the widest usual monospace font at 12 px.
	charWidth = 7.3
)

// SVG draws the graph: what needs nothing stands left, arrows lead from what
// depends to what it depends on, and a pointer that rests on a node or an arrow
// shows its source. The drawing holds no script, no link and nothing from
// elsewhere.
func (g Graph) SVG() string {
	l := g.layout()
	d := drawing{graph: g, layout: l}
	d.measure()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f"`+
		` font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12">`+"\n", d.width, d.height, d.width, d.height)
	b.WriteString(`<title>cogplan</title>` + "\n" +
		`<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse">` +
		`<path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>` + "\n" +
		`<rect width="100%" height="100%" fill="white"/>` + "\n")
	for i := range g.edges {
		d.edge(&b, i)
	}
	for _, column := range l.columns {
		for _, s := range column {
			if s.node >= 0 {
				d.node(&b, s)
			}
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawing is a layout in pixels.
type drawing struct {
	graph  Graph
	layout layout
	// left and wide are where each column begins and how wide it is.
	left, wide    []float64
	width, height float64
}

func (d *drawing) measure() {
	x := margin
	for _, column := range d.layout.columns {
		wide := 0.0
		for _, s := range column {
			if s.node >= 0 {
				wide = max(wide, boxWidth(d.graph.nodes[s.node]))
			}
			d.height = max(d.height, s.y+s.height)
		}
		d.left, d.wide = append(d.left, x), append(d.wide, wide)
		x += wide + columnGap
	}
	d.width = max(x-columnGap, margin) + margin
	d.height += 2 * margin
}

func (d *drawing) node(b *strings.Builder, s *spot) {
	n := d.graph.nodes[s.node]
	wide := boxWidth(n)
	x, y := d.left[s.column], s.y+margin
	fmt.Fprintf(b, `<g><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="5" fill="%s" stroke="#333"/>`,
		text(strings.TrimSpace(n.Address+" "+place(n.Source))), x, y, wide, s.height, colour(n.Status).fill)
	for i, line := range lines(n) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			x+wide/2, y+padding/2+lineHeight*(float64(i)+0.75), text(line))
	}
	b.WriteString("</g>\n")
}

// edge draws an arrow through the points that its path has in each column. Its
// path begins at what is needed, so the head of the arrow is at its start.
func (d *drawing) edge(b *strings.Builder, i int) {
	path := d.layout.paths[i]
	x, y := d.out(path[0])
	fmt.Fprintf(b, `<path d="M%.1f %.1f`, x, y)
	for _, s := range path[1:] {
		toX, toY := d.left[s.column], s.y+s.height/2+margin
		half := (toX - x) / 2
		fmt.Fprintf(b, "C%.1f %.1f %.1f %.1f %.1f %.1f", x+half, y, toX-half, toY, toX, toY)
		x, y = d.out(s)
		if s.node < 0 {
			fmt.Fprintf(b, "H%.1f", x)
		}
	}
	e := d.graph.edges[i]
	title := strings.Join(append([]string{d.graph.nodes[e.from].Address + " needs " + d.graph.nodes[e.to].Address}, e.places...), "\n")
	fmt.Fprintf(b, `" fill="none" stroke="#555" marker-start="url(#arrow)"><title>%s</title></path>`+"\n", text(title))
}

// out is where what leads right leaves a spot.
func (d *drawing) out(s *spot) (x, y float64) {
	x = d.left[s.column] + d.wide[s.column]
	if s.node >= 0 {
		x = d.left[s.column] + boxWidth(d.graph.nodes[s.node])
	}
	return x, s.y + s.height/2 + margin
}

func lines(n Node) []string {
	if n.Status == "" {
		return []string{n.Address}
	}
	return []string{n.Address, n.Status}
}

func boxHeight(n Node) float64 { return padding + lineHeight*float64(len(lines(n))) }

func boxWidth(n Node) float64 {
	wide := 0
	for _, line := range lines(n) {
		wide = max(wide, columnsOfText(line))
	}
	return 2*padding + charWidth*float64(wide)
}

// columnsOfText is how many columns of a monospace font a text takes: two for
// what is as wide as a Chinese character.
func columnsOfText(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) {
			n++
		}
	}
	return n
}

// text is a text as XML can hold it: escaped, and without control characters,
// which no XML document may have.
func text(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || r == '\uFFFE' || r == '\uFFFF') {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
