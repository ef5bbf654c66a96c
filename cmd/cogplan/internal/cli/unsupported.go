package cli

import (
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// refuseUnsupported refuses what the language knows and nothing carries out yet:
// a block that is read and not obeyed would be worse than an error.
func (s *session) refuseUnsupported() {
	if state := s.module.State(); state.Backend != "file" {
		s.messages = append(s.messages, render.Errorf("State backend is not supported",
			"This version of cogplan keeps state in files. Take the block out, or write state \"file\" {}.").At(state.Range))
		return
	}
	var err error
	if s.sealer, err = newSealer(s.module.State().Config, s.app.proc.environ); err != nil {
		s.messages = append(s.messages, render.Errorf("State encryption cannot be used", "%s.", sentence(err)).At(s.module.State().Range))
	}
}

// sayChecks adds what the check blocks say by now. They only warn.
func (s *session) sayChecks() {
	for _, check := range s.eval.Checks() {
		s.say(check.Failures)
	}
}
