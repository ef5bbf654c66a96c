package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

func (a *app) validateCommand() *cobra.Command {
	var inputs inputFlags
	var output outputFlags
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the module without looking at the world",
		Long: "Check the module: the language, the schemas of its providers, what is granted to\n" +
			"them, and its policies. No provider is run against the world, and no network is\n" +
			"needed. -json prints what `terraform validate -json` does, in the same shape.",
		Example: "  cogplan validate\n  cogplan validate -json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.validate(cmd.Context(), &inputs, &output)
		},
	}
	inputs.add(cmd.Flags())
	output.add(cmd.Flags())
	return cmd
}

func (a *app) validate(ctx context.Context, inputs *inputFlags, output *outputFlags) error {
	progress := a.progressOf(output)
	progress.Start("Checking")
	s, err := a.openSession(ctx, inputs, progress)
	defer s.close()
	if err == nil {
		s.checkPolicies()
	}
	progress.Stop()
	if err != nil {
		s.messages = append(s.messages, errorMessage(err))
	}
	if output.json {
		if err := render.WriteJSON(a.out, render.NewValidation(s.messages, s.sources())); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
	} else {
		a.tell(s)
	}
	switch {
	case s.broken():
		return end(outcomeInvalid, false)
	case output.failsOnWarnings() && len(s.messages) > 0:
		return end(outcomeWarned, false)
	case !output.json:
		fmt.Fprintln(a.out, a.style().Good("The module is valid."))
	}
	return nil
}

// tell shows what was found in the module.
func (a *app) tell(s *session) {
	if len(s.messages) == 0 {
		return
	}
	fmt.Fprint(a.proc.stderr, a.errStyle().Messages(s.messages, s.sources()))
	if errors := render.Count(s.messages, render.SeverityError); errors > 1 {
		fmt.Fprintf(a.proc.stderr, "\n%d errors.\n", errors)
	}
}

// errorMessage is an error that is about no place in the source.
func errorMessage(err error) render.Message {
	return render.Message{Severity: render.SeverityError, Summary: sentence(err)}
}
