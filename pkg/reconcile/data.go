package reconcile

// modeData is the mode of a declaration that is only read.
const modeData = "data"

// isData reports whether the resource is only read: nothing of it is planned,
// applied or recorded.
func (s *step) isData() bool { return s.declaration.Mode == modeData }

// readable returns a [DeferredError] where the resource is only read, and what
// it depends on is going to change: what is read now would be another thing than
// what is read after the apply.
func (s *step) readable() error {
	if !s.isData() {
		return nil
	}
	var waits []string
	w := s.walk
	for _, need := range w.graph.needs[w.nodes[s.place]] {
		if w.place[need] < 0 {
			continue
		}
		switch dependency := &w.results[w.place[need]]; dependency.Status {
		case StatusDrifted, StatusDenied, StatusDeferred:
			waits = append(waits, dependency.Resource)
		}
	}
	if len(waits) == 0 {
		return nil
	}
	return &DeferredError{Address: s.resource.Name, WaitsFor: waits}
}
