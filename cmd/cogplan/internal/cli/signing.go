package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/approval"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
)

// signing are the flags of commands that sign something about a plan.
type signing struct {
	command string
	noun    string
	key     string
	reason  string
	out     string
	expires time.Duration
}

func (s *signing) add(flags *pflag.FlagSet) {
	flags.StringVar(&s.key, "key", "", "the `file` of your key, which approve keygen made")
	flags.StringVar(&s.reason, "reason", "", "why it may be applied: a `text` for whoever asks later")
	flags.DurationVar(&s.expires, "expires", 0, "how long the "+s.noun+" is good for, as 2h")
	flags.StringVar(&s.out, "out", "", "write the "+s.noun+" to this `file`, not to standard output")
}

func (s *signing) check() error {
	switch {
	case s.key == "":
		return usagef("%s needs -key file; make one with: cogplan approve keygen file", s.command)
	case strings.TrimSpace(s.reason) == "":
		return usagef("%s needs -reason text", s.command)
	case s.expires <= 0 || s.expires > approval.Longest:
		return usagef("%s needs -expires with a time of at most %d hours, as 2h", s.command, int(approval.Longest.Hours()))
	}
	return nil
}

// statement is what is signed about a plan.
func (s *signing) statement(proc *process, plan *planfile.Plan) approval.Statement {
	return approval.Statement{
		Digest: plan.Digest, Actor: proc.actor(), Reason: s.reason,
		Expires: proc.now().Add(s.expires).UTC().Truncate(time.Second),
	}
}

// putSigned writes what was signed to where it was asked for.
func (a *app) putSigned(s *signing, signed []byte) (err error) {
	if s.out == "" {
		_, err = a.out.Write(signed)
	} else {
		err = putFile(s.out, signed)
	}
	if err != nil {
		return fmt.Errorf("write the %s: %w", s.noun, err)
	}
	return nil
}
