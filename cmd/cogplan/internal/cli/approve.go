package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/approval"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

func (a *app) approveCommand() *cobra.Command {
	opts := signing{command: "approve", noun: "approval"}
	cmd := &cobra.Command{
		Use:   "approve planfile",
		Short: "Sign that a plan may be applied",
		Long: "Sign that the plan in a file, which `cogplan plan -out` made, may be applied until a\n" +
			"time. Look at it first: cogplan show planfile. The approval is for exactly that plan,\n" +
			"in your name (COGPLAN_ACTOR), and counts where a trust file has your key.",
		Example: "  cogplan approve keygen ada.key\n" +
			"  cogplan approve site.plan -key ada.key -reason \"the old zone is empty\" -expires 2h -out ada.approval\n" +
			"  cogplan apply site.plan -approval ada.approval -trust /etc/cogplan/trust",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one plan file", cmd.CommandPath())
			}
			return opts.check()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.approve(cmd.Context(), args[0], &opts)
		},
	}
	opts.add(cmd.Flags())
	cmd.AddCommand(a.approveKeygenCommand())
	return cmd
}

func (a *app) approve(ctx context.Context, path string, opts *signing) error {
	plan, err := planfile.Read(path)
	if err != nil {
		return err
	}
	if deniedForGood(plan) {
		return fmt.Errorf("the plan in %s is denied for more than missing approvals, and no approval helps: see cogplan show %s", path, shellWord(path))
	}
	key, err := approval.ReadKey(opts.key)
	if err != nil {
		return err
	}
	statement := opts.statement(a.proc, plan)
	signed, err := approval.Sign(ctx, statement, key)
	if err != nil {
		return err
	}
	if err := a.putSigned(opts, signed); err != nil {
		return err
	}
	fmt.Fprintf(a.proc.stderr, "%s approves %s until %s.\n", render.Escape(statement.Actor),
		render.Escape(render.PlanLine(plan.Proposal())), statement.Expires.Format(time.RFC3339))
	return nil
}

func (a *app) approveKeygenCommand() *cobra.Command {
	var may string
	cmd := &cobra.Command{
		Use:     "keygen file",
		Example: "  cogplan approve keygen ~/.cogplan.key >> trust",
		Short:   "Make a key for approvals and overrides, and print its line for a trust file",
		Long: "Make a key for approvals and overrides in a new file that only you can read, and\n" +
			"print the line that a trust file needs for it: your name (COGPLAN_ACTOR), the public\n" +
			"key, and what it may be used for. Whoever keeps the trust file decides on that.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one new file", cmd.CommandPath())
			}
			if may != "" {
				if err := approval.CheckRights(may); err != nil {
					return usagef("-may: %v", err)
				}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.approveKeygen(args[0], may) },
	}
	cmd.Flags().StringVar(&may, "may", "", "what the line says that the key may be used for: `approve`, override, or approve,override")
	return cmd
}

func (a *app) approveKeygen(path, may string) error {
	key, err := approval.Generate()
	if err != nil {
		return err
	}
	line, err := key.TrustLine(a.proc.actor(), may)
	if err != nil {
		return fmt.Errorf("%w; set COGPLAN_ACTOR", err)
	}
	if err := key.Write(path); err != nil {
		return err
	}
	fmt.Fprintln(a.out, line)
	return nil
}
