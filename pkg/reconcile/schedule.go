package reconcile

import "container/heap"

// schedule says which resource may start: one whose dependencies, and the lower
// waves of whose level, are done. Among those the first of the order comes
// first, so that a walk with a single worker follows the order exactly.
type schedule struct {
	walk *walk
	// left counts what has not finished.
	left int
	// ready are the places that may start.
	ready places
	// waiting counts for each place what it still waits for.
	waiting []int
	// waves are the places of one wave of one level; wave is the way back.
	waves []wave
	wave  []int
}

// wave is done when nothing is left; then the next one of its level may start.
type wave struct {
	members []int
	left    int
	last    bool
}

func newSchedule(w *walk) *schedule {
	s := &schedule{
		walk: w, left: len(w.nodes),
		waiting: make([]int, len(w.nodes)),
		wave:    make([]int, len(w.nodes)),
	}
	for _, level := range w.graph.levels {
		s.addLevel(level)
	}
	for place, node := range w.nodes {
		for _, need := range w.graph.needs[node] {
			if w.place[need] >= 0 {
				s.waiting[place]++
			}
		}
		if s.waiting[place] == 0 {
			s.ready = append(s.ready, place)
		}
	}
	heap.Init(&s.ready)
	return s
}

// addLevel makes the waves of a level. Each member of a wave but the first waits
// for the wave before it.
func (s *schedule) addLevel(level []int) {
	first := len(s.waves)
	previous := 0
	for _, node := range level {
		place := s.walk.place[node]
		if place < 0 {
			continue
		}
		number := s.walk.graph.resources[node].Wave
		if len(s.waves) == first || number != previous {
			s.waves = append(s.waves, wave{})
			previous = number
		}
		current := len(s.waves) - 1
		s.waves[current].members = append(s.waves[current].members, place)
		s.waves[current].left++
		s.wave[place] = current
		if current > first {
			s.waiting[place]++
		}
	}
	if len(s.waves) > first {
		s.waves[len(s.waves)-1].last = true
	}
}

// next takes the first place that may start; there must be one.
func (s *schedule) next() int { return heap.Pop(&s.ready).(int) } //nolint:forcetypeassert // the heap holds ints

func (s *schedule) finished(place int) {
	s.left--
	for _, dependent := range s.walk.graph.neededBy[s.walk.nodes[place]] {
		if next := s.walk.place[dependent]; next >= 0 {
			s.release(next)
		}
	}
	current := s.wave[place]
	if s.waves[current].left--; s.waves[current].left > 0 || s.waves[current].last {
		return
	}
	for _, member := range s.waves[current+1].members {
		s.release(member)
	}
}

func (s *schedule) release(place int) {
	if s.waiting[place]--; s.waiting[place] == 0 {
		heap.Push(&s.ready, place)
	}
}

// places is a heap of ints; see [heap.Interface].
type places []int

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i] < p[j] }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(int)) } //nolint:forcetypeassert // the heap holds ints

func (p *places) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
