package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ResolveOrder sorts resources into levels by Kahn's algorithm: each resource
// stands in the first level after all that it depends on. Inside a level the
// order is by wave, then by name. Its cost is linear in resources and
// dependencies.
//
// A name that is declared twice, a dependency that is not declared and a cycle
// are errors; the last is an [ErrCycle] and prints the cycle.
func ResolveOrder(resources []MetaResource) ([][]MetaResource, error) {
	graph, err := newGraph(resources)
	if err != nil {
		return nil, err
	}
	levels := make([][]MetaResource, 0, 8)
	for _, level := range graph.levels {
		ordered := make([]MetaResource, len(level))
		for i, node := range level {
			ordered[i] = resources[node]
		}
		levels = append(levels, ordered)
	}
	return levels, nil
}

// graph is the dependency graph of resources, by their index.
type graph struct {
	resources []MetaResource
	// needs and neededBy hold each edge once, in both directions.
	needs    [][]int
	neededBy [][]int
	// levels is the order; see [ResolveOrder].
	levels [][]int
	// reversed graphs run higher waves first.
	reversed bool
}

func newGraph(resources []MetaResource) (*graph, error) {
	g := &graph{
		resources: resources,
		needs:     make([][]int, len(resources)),
		neededBy:  make([][]int, len(resources)),
	}
	index, err := indexNames(resources)
	if err != nil {
		return nil, err
	}
	if err := g.connect(index); err != nil {
		return nil, err
	}
	if done := g.layer(); done < len(resources) {
		return nil, fmt.Errorf("%w: %s; remove one of these dependencies", ErrCycle, g.cycle())
	}
	return g, nil
}

func indexNames(resources []MetaResource) (map[string]int, error) {
	index := make(map[string]int, len(resources))
	for i := range resources {
		name := resources[i].Name
		if name == "" {
			return nil, fmt.Errorf("resource %d of %d has no name", i+1, len(resources))
		}
		if _, taken := index[name]; taken {
			return nil, fmt.Errorf("duplicate resource %q: a name is declared once", name)
		}
		index[name] = i
	}
	return index, nil
}

func (g *graph) connect(index map[string]int) error {
	// seen[d] == i+1 says that the edge from i to d is there already.
	seen := make([]int, len(g.resources))
	for i := range g.resources {
		for _, name := range g.resources[i].DependsOn {
			d, ok := index[name]
			if !ok {
				return fmt.Errorf("resource %q depends on %q, which is not declared", g.resources[i].Name, name)
			}
			if seen[d] == i+1 {
				continue
			}
			seen[d] = i + 1
			g.needs[i] = append(g.needs[i], d)
			g.neededBy[d] = append(g.neededBy[d], i)
		}
	}
	return nil
}

// layer fills levels and returns how many resources it could place.
func (g *graph) layer() int {
	waiting := make([]int, len(g.resources))
	var level []int
	for i := range g.resources {
		if waiting[i] = len(g.needs[i]); waiting[i] == 0 {
			level = append(level, i)
		}
	}
	placed := 0
	for len(level) > 0 {
		slices.SortFunc(level, g.compare)
		g.levels = append(g.levels, level)
		placed += len(level)
		var next []int
		for _, i := range level {
			for _, dependent := range g.neededBy[i] {
				if waiting[dependent]--; waiting[dependent] == 0 {
					next = append(next, dependent)
				}
			}
		}
		level = next
	}
	return placed
}

func (g *graph) compare(a, b int) int {
	waves := cmp.Compare(g.resources[a].Wave, g.resources[b].Wave)
	if g.reversed {
		waves = -waves
	}
	return cmp.Or(
		waves,
		cmp.Compare(g.resources[a].Name, g.resources[b].Name),
	)
}

// cycle is one of the cycles, in order and alone: what is not placed and walks
// along what is not placed comes back to where it was. It begins with the
// smallest of its names, so that it is the same for each order of declaration.
func (g *graph) cycle() string {
	placed := make([]bool, len(g.resources))
	for _, level := range g.levels {
		for _, i := range level {
			placed[i] = true
		}
	}
	step := g.firstUnplaced(placed)
	position := make(map[int]int)
	var path []int
	for {
		if start, back := position[step]; back {
			path = path[start:]
			break
		}
		position[step] = len(path)
		path = append(path, step)
		step = g.needs[step][slices.IndexFunc(g.needs[step], func(d int) bool { return !placed[d] })]
	}
	return g.printCycle(path)
}

func (g *graph) firstUnplaced(placed []bool) int {
	first := -1
	for i := range g.resources {
		if !placed[i] && (first < 0 || g.resources[i].Name < g.resources[first].Name) {
			first = i
		}
	}
	return first
}

func (g *graph) printCycle(path []int) string {
	smallest := 0
	for i := range path {
		if g.resources[path[i]].Name < g.resources[path[smallest]].Name {
			smallest = i
		}
	}
	const most = 30
	var text strings.Builder
	for i := range path {
		if i == most && len(path) > most+1 {
			text.WriteString("(" + strconv.Itoa(len(path)-most) + " more) -> ")
			break
		}
		text.WriteString(g.resources[path[(smallest+i)%len(path)]].Name + " -> ")
	}
	text.WriteString(g.resources[path[smallest]].Name)
	return text.String()
}
