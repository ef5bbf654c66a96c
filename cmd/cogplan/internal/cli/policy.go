package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Look at the policies, check them, ask them", Args: unknownCommand, RunE: needsCommand,
	}
	cmd.AddCommand(
		a.policyShowCommand(), a.policyCheckCommand(), a.policyTestCommand(),
		a.policyInputCommand(), a.policyEvalCommand(), a.policySchemaCommand(), a.policyNewCommand(),
		a.policyOverrideCommand(),
	)
	return cmd
}

func (a *app) policyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Example: "  cogplan policy show",
		Short:   "Print the default policy, which holds for every module",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			for i, file := range policy.Builtin() {
				if i > 0 {
					fmt.Fprintln(a.out)
				}
				fmt.Fprintf(a.out, "# %s\n\n%s", file.Name, file.Text)
			}
			return nil
		},
	}
}

func (a *app) policySchemaCommand() *cobra.Command {
	var run bool
	cmd := &cobra.Command{
		Use:     "schema",
		Example: "  cogplan policy schema > input.schema.json\n  cogplan policy schema -run",
		Short:   "Print the JSON schema of what policies are asked about",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			text := policy.InputSchema()
			if run {
				text = policy.RunSchema()
			}
			fmt.Fprintln(a.out, strings.TrimRight(text, "\n"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&run, "run", false, "the schema of the input for whole runs")
	return cmd
}

func (a *app) policyEvalCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "eval planfile|file|-",
		Example: "  cogplan policy eval site.plan\n  cogplan policy input file.site | cogplan policy eval -",
		Short:   "Ask the policies about a kept plan, or about a review in JSON, and print what they decide",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one file, or - for standard input", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.policyEval(cmd.Context(), args[0])
		},
	}
}

func (a *app) policyEval(ctx context.Context, name string) error {
	if planfile.Is(name) {
		return a.policyEvalPlan(ctx, name)
	}
	review, err := a.readReview(name)
	if err != nil {
		return fmt.Errorf("read the review: %w", err)
	}
	engine, err := a.loadPolicies(ctx)
	if err != nil {
		return err
	}
	decision, err := engine.Review(ctx, review)
	if err != nil {
		return fmt.Errorf("ask the policies: %w", err)
	}
	if err := render.WriteJSON(a.out, decision); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	if !decision.Allowed {
		return end(deniedOutcome([]reconcile.Decision{decision}), false)
	}
	return nil
}

// maxReview bounds the file of a review.
const maxReview = 256 << 20

func (a *app) readReview(name string) (reconcile.Review, error) {
	in := a.proc.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return reconcile.Review{}, err
		}
		defer file.Close() //nolint:errcheck // only read
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxReview))
	if err != nil {
		return reconcile.Review{}, err
	}
	return policy.ReadReview(data)
}

// loadPolicies loads the module's policies alone, and tells what is wrong.
func (a *app) loadPolicies(ctx context.Context) (*policy.Engine, error) {
	s, err := a.policySession()
	if err != nil {
		return nil, err
	}
	s.gate = loadGate(ctx, a.policyOptions(s.module), a.ruling.log)
	s.checkPolicies()
	a.tell(s)
	if s.broken() {
		return nil, end(outcomeInvalid, false)
	}
	return s.gate.engine, nil
}

// policySession reads the module for what it says about policies.
func (a *app) policySession() (*session, error) {
	s := newSession(a)
	module, diags := lang.Load(moduleDir, lang.WithVersion(version))
	s.module = module
	if s.say(diags); diags.HasErrors() {
		a.tell(s)
		return nil, end(outcomeInvalid, false)
	}
	return s, nil
}
