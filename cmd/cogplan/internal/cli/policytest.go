package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/policy"
)

func (a *app) policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check",
		Example: "  cogplan policy check",
		Short:   "Compile the module's policies strictly, and list the rules that will be asked",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.policyCheck(cmd.Context())
		},
	}
}

func (a *app) policyCheck(ctx context.Context) error {
	engine, err := a.loadPolicies(ctx)
	if err != nil {
		return err
	}
	s, err := a.policySession()
	if err != nil {
		return err
	}
	mistakes, err := policy.Check(ctx, a.policyOptions(s.module))
	if err != nil {
		return fmt.Errorf("check policies: %w", err)
	}
	for _, mistake := range mistakes {
		s.messages = append(s.messages, s.policyMessage(mistake, s.module.Policy().Range))
	}
	if a.tell(s); s.broken() {
		return end(outcomeInvalid, false)
	}
	for _, rule := range engine.Rules() {
		fmt.Fprintln(a.out, render.Escape(rule))
	}
	return nil
}

// policyTestOptions are the flags of policy test.
type policyTestOptions struct {
	match    string
	coverage float64
	json     bool
}

func (a *app) policyTestCommand() *cobra.Command {
	var opts policyTestOptions
	cmd := &cobra.Command{
		Use:     "test",
		Example: "  cogplan policy test\n  cogplan policy test -match capitals -coverage 90",
		Short:   "Run the tests of the module's policies",
		Long: "Run the tests of the module's policies: the rules whose names begin with test_, in\n" +
			"files whose names end in _test.rego. Without any test it ends with exit code 1.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.policyTest(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.match, "match", "", "run only tests whose names match this `expression`")
	cmd.Flags().Float64Var(&opts.coverage, "coverage", 0, "ask that tests reach this `percentage` of the policies' lines")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print one JSON document")
	return cmd
}

// policyTestDocument is the JSON of policy test.
type policyTestDocument struct {
	FormatVersion string `json:"format_version"`
	Passed        bool   `json:"passed"`
	*policy.TestReport
}

func (a *app) policyTest(ctx context.Context, opts policyTestOptions) error {
	if _, err := a.loadPolicies(ctx); err != nil {
		return err
	}
	s, err := a.policySession()
	if err != nil {
		return err
	}
	report, err := policy.Test(ctx, policy.TestOptions{
		Options: a.policyOptions(s.module), Match: opts.match, Coverage: opts.coverage,
	})
	if err != nil {
		return fmt.Errorf("test policies: %w", err)
	}
	if opts.json {
		err = render.WriteJSON(a.out, policyTestDocument{render.FormatVersion, report.OK(), report})
	} else {
		a.showPolicyTests(report)
	}
	if err == nil && !report.OK() {
		err = end(outcomeFailed, false)
	}
	return err
}

func (a *app) showPolicyTests(report *policy.TestReport) {
	passed := 0
	for i := range report.Results {
		test := &report.Results[i]
		if test.Outcome == policy.TestPassed {
			passed++
			continue
		}
		fmt.Fprintf(a.out, "%s  %s  %s:%d\n", render.Escape(test.Outcome), render.Escape(test.Name), render.Escape(test.File), test.Line)
		for _, text := range []string{test.Message, test.Output} {
			fmt.Fprint(a.out, a.style().Paragraph("      ", text))
		}
	}
	for _, problem := range report.Problems {
		fmt.Fprint(a.out, a.style().Paragraph("", problem))
	}
	fmt.Fprintf(a.out, "%d of %d tests passed; they reach %.1f %% of the policies' lines.\n", passed, len(report.Results), report.Coverage)
}

func (a *app) policyInputCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:     "input address",
		Short:   "Plan, and print what policies are asked about one resource",
		Example: "  cogplan policy input file.site",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the address of one resource", cmd.CommandPath())
			}
			return flags.check()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.policyInput(cmd.Context(), &flags, args[0])
		},
	}
	flags.inputs.add(cmd.Flags())
	return cmd
}

func (a *app) policyInput(ctx context.Context, flags *runFlags, address string) error {
	r := a.newRun("plan", flags)
	defer r.close()
	proposal, err := r.propose(ctx)
	o := r.proposed(ctx, proposal, err)
	if a.tell(r.session); proposal == nil || r.session.broken() {
		return end(o, false)
	}
	resource := proposal.Resource(address)
	if resource == nil {
		var names []string
		for i := range proposal.Resources {
			names = append(names, proposal.Resources[i].Address)
		}
		return fmt.Errorf("the module declares no resource %s.%s", render.Escape(address), lang.DidYouMean(address, names, "resource"))
	}
	if resource.Review.Plan == nil {
		return fmt.Errorf("%s is %s: there is no plan that policies could be asked about", address, resource.Status)
	}
	input, err := policy.InputJSON(resource.Review)
	if err != nil {
		return fmt.Errorf("write the input of %s: %w", address, err)
	}
	fmt.Fprintln(a.out, string(input))
	return nil
}
