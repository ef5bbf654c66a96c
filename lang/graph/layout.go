package graph

import (
	"cmp"
	"slices"
)

// The layout is the one of Sugiyama, Tagawa and Toda ("Methods for visual
// understanding of hierarchical system structures", 1981): nodes stand in columns
// by how far they are from what needs nothing; an edge that crosses columns goes
// through a point in each of them; and every column is sorted so that a node is
// near the middle of its neighbours.

const (
	// sweeps is how often all columns are sorted by their neighbours; more
	// gives no better drawing.
	sweeps = 8
	// maxBends bounds the points of long edges, so that a graph in which all
	// need all is drawn in bounded memory: past it long edges are straight.
	maxBends = 20_000
)

// spot is a node, or a bend: the place where a long edge crosses a column.
type spot struct {
	// node is the index of a node, or -1 for a bend.
	node   int
	column int
	y      float64
	height float64
	// before and after are its neighbours in the columns left and right.
	before, after []*spot
}

// layout is where everything stands.
type layout struct {
	columns [][]*spot
	// paths are the spots that each edge passes, from the node that is needed to
	// the one that needs it.
	paths [][]*spot
}

func (g Graph) layout() layout {
	depth := g.depths()
	l := layout{columns: make([][]*spot, columnsOf(depth))}
	spots := make([]*spot, len(g.nodes))
	for i, n := range g.nodes {
		spots[i] = &spot{node: i, column: depth[i], height: boxHeight(n)}
		l.columns[depth[i]] = append(l.columns[depth[i]], spots[i])
	}
	bends := 0
	for _, e := range g.edges {
		path := []*spot{spots[e.to]}
		for column := depth[e.to] + 1; column < depth[e.from] && bends < maxBends; column++ {
			bend := &spot{node: -1, column: column}
			bends++
			l.columns[column] = append(l.columns[column], bend)
			path = append(path, bend)
		}
		path = append(path, spots[e.from])
		for i, next := range path[1:] {
			path[i].after = append(path[i].after, next)
			next.before = append(next.before, path[i])
		}
		l.paths = append(l.paths, path)
	}
	l.arrange()
	return l
}

// depths are the lengths of the longest ways from each node to one that needs
// nothing. An edge that closes a circle counts for nothing.
func (g Graph) depths() []int {
	users := make([][]int, len(g.nodes))
	open := make([]int, len(g.nodes))
	for _, e := range g.edges {
		users[e.to] = append(users[e.to], e.from)
		open[e.from]++
	}
	var ready []int
	for i := range g.nodes {
		if open[i] == 0 {
			ready = append(ready, i)
		}
	}
	depth := make([]int, len(g.nodes))
	for len(ready) > 0 {
		n := ready[0]
		ready = ready[1:]
		for _, user := range users[n] {
			depth[user] = max(depth[user], depth[n]+1)
			if open[user]--; open[user] == 0 {
				ready = append(ready, user)
			}
		}
	}
	return depth
}

func columnsOf(depth []int) int {
	if len(depth) == 0 {
		return 0
	}
	return slices.Max(depth) + 1
}

// arrange sorts the columns and places what is in them.
func (l layout) arrange() {
	for _, column := range l.columns {
		stack(column)
	}
	for sweep := range sweeps {
		for i := range l.columns {
			column, left := i, sweep%2 == 0
			if !left {
				column = len(l.columns) - 1 - i
			}
			settle(l.columns[column], left)
		}
	}
	top := 0.0
	for _, column := range l.columns {
		for _, s := range column {
			top = min(top, s.y)
		}
	}
	for _, column := range l.columns {
		for _, s := range column {
			s.y -= top
		}
	}
}

// stack places spots under each other without a gap but the least one.
func stack(column []*spot) {
	y := 0.0
	for _, s := range column {
		s.y = y
		y += s.height + gap
	}
}

// settle sorts a column by where the neighbours on one side stand, and brings
// each spot as near to them as the others let it.
func settle(column []*spot, left bool) {
	want := make(map[*spot]float64, len(column))
	for _, s := range column {
		want[s] = s.y
		neighbours := s.after
		if left {
			neighbours = s.before
		}
		if len(neighbours) == 0 {
			continue
		}
		sum := 0.0
		for _, n := range neighbours {
			sum += n.y + n.height/2
		}
		want[s] = sum/float64(len(neighbours)) - s.height/2
	}
	slices.SortStableFunc(column, func(a, b *spot) int { return cmp.Compare(want[a], want[b]) })
	// Pushed down where they would overlap, the spots lie too low on the whole:
	// half of what they were pushed is taken back.
	pushed, y := 0.0, want[column[0]]
	for _, s := range column {
		s.y = max(want[s], y)
		pushed = max(pushed, s.y-want[s])
		y = s.y + s.height + gap
	}
	for _, s := range column {
		s.y -= pushed / 2
	}
}
