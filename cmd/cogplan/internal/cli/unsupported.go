package cli

import (
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// refuseUnsupported refuses what the language knows and nothing carries out yet:
// a block that is read and not obeyed would be worse than an error.
func (s *session) refuseUnsupported() {
	for _, removal := range s.module.Removals() {
		if removal.Delete {
			s.messages = append(s.messages, render.Errorf("Removed block cannot delete",
				"The block of %[1]s is gone, and with it what its provider needs to find its objects. "+
					"Put the block back, run `cogplan destroy -target %[1]s`, and take both blocks out. "+
					"To leave the objects in the world, write delete = false.", removal.From).At(removal.Range))
		}
	}
	if state := s.module.State(); state.Backend != "file" {
		s.messages = append(s.messages, render.Errorf("State backend is not supported",
			"This version of cogplan keeps state in files. Take the block out, or write state \"file\" {}.").At(state.Range))
	}
}

// sayChecks adds what the check blocks say by now. They only warn.
func (s *session) sayChecks() {
	for _, check := range s.eval.Checks() {
		s.say(check.Failures)
	}
}
