package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/approval"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
)

// overrideOptions are the flags of policy override.
type overrideOptions struct {
	signing
	rule     string
	resource string
}

func (a *app) policyOverrideCommand() *cobra.Command {
	opts := overrideOptions{signing: signing{command: "policy override", noun: "override"}}
	cmd := &cobra.Command{
		Use:   "override planfile",
		Short: "Sign that what one soft-mandatory rule found does not stand in a plan's way",
		Long: "Sign that what one soft-mandatory rule found about one resource of a kept plan does\n" +
			"not stand in its way until a time. The override is for exactly that plan, in your\n" +
			"name (COGPLAN_ACTOR), and counts where a trust file lets your key override. It is\n" +
			"shown wherever the plan is. Hard rules are never overridden.",
		Example: "  cogplan policy override site.plan -rule main.deny_size -resource file.site \\\n" +
			"    -key ada.key -reason \"the launch\" -expires 2h -out ada.override\n" +
			"  cogplan apply site.plan -override ada.override -trust /etc/cogplan/trust",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one plan file", cmd.CommandPath())
			}
			if opts.rule == "" {
				return usagef("policy override needs -rule name; cogplan show %s names those that deny", shellWord(args[0]))
			}
			return opts.check()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.policyOverride(cmd.Context(), args[0], &opts)
		},
	}
	cmd.Flags().StringVar(&opts.rule, "rule", "", "the `name` of the rule, as main.deny_size")
	cmd.Flags().StringVar(&opts.resource, "resource", "", "the `address` of the resource, or run for the run as a whole; may be left out where the rule found something about one alone")
	opts.add(cmd.Flags())
	return cmd
}

func (a *app) policyOverride(ctx context.Context, path string, opts *overrideOptions) error {
	plan, err := planfile.Read(path)
	if err != nil {
		return err
	}
	resource, err := overridden(plan, path, opts)
	if err != nil {
		return err
	}
	key, err := approval.ReadKey(opts.key)
	if err != nil {
		return err
	}
	override := approval.Override{Statement: opts.statement(a.proc, plan), Rule: opts.rule, Resource: resource}
	signed, err := approval.SignOverride(ctx, override, key)
	if err != nil {
		return err
	}
	if err := a.putSigned(&opts.signing, signed); err != nil {
		return err
	}
	fmt.Fprintf(a.proc.stderr, "%s overrides %s on %s until %s, for %s.\n", render.Escape(override.Actor),
		render.Escape(override.Rule), render.Escape(resource), override.Expires.Format(time.RFC3339),
		render.Escape(render.PlanLine(plan.Proposal())))
	return nil
}

// softDenial is a finding that an override can lift.
type softDenial struct{ rule, resource string }

// overridden is the resource that the override is about: what the plan is denied
// for by that rule. An override of anything else would lie about for nothing.
func overridden(plan *planfile.Plan, path string, opts *overrideOptions) (resource string, err error) {
	all := softDenials(plan)
	var found []string
	for _, d := range all {
		if d.rule == opts.rule && (opts.resource == "" || opts.resource == d.resource) {
			found = append(found, d.resource)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", usagef("policy override: %s found something about several, so say which one with -resource: %s", opts.rule, strings.Join(found, ", "))
	case len(all) == 0:
		return "", fmt.Errorf("nothing that an override could lift denies the plan in %s: only findings of soft-mandatory rules are overridden; see cogplan show %s", path, shellWord(path))
	}
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.rule + " on " + d.resource
	}
	return "", fmt.Errorf("no finding of %s that could be overridden denies the plan in %s (only findings of soft-mandatory rules are overridden); there are: %s",
		strings.TrimSpace(opts.rule+" on "+cmp.Or(opts.resource, "any resource")), path, strings.Join(names, ", "))
}

// softDenials are what denies a plan and could be overridden, each once.
func softDenials(plan *planfile.Plan) []softDenial {
	var out []softDenial
	for _, decision := range plan.Proposal().Decisions() {
		for _, f := range decision.Findings {
			d := softDenial{f.Rule, cmp.Or(f.Resource, policy.RunResource)}
			if f.Level == reconcile.LevelSoftMandatory && f.Denies() && !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}

// deniedForGood reports whether a kept plan was denied for what neither
// approvals nor overrides can answer.
func deniedForGood(plan *planfile.Plan) bool {
	denied := false
	for _, decision := range plan.Proposal().Decisions() {
		if decision.Allowed {
			continue
		}
		denied = true
		answerable := false
		for _, f := range decision.Findings {
			if f.Denies() && f.Level != reconcile.LevelSoftMandatory {
				return true
			}
			answerable = answerable || f.Denies() || f.Level == reconcile.LevelApproval && f.Override == ""
		}
		if !answerable {
			return true // nobody said why
		}
	}
	return !denied && outcome(plan.Outcome) == outcomeDenied
}
