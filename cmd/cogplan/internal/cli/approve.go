package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/approval"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// approveOptions are the flags of approve.
type approveOptions struct {
	key     string
	reason  string
	out     string
	expires time.Duration
}

func (a *app) approveCommand() *cobra.Command {
	var opts approveOptions
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
			return a.approve(cmd.Context(), args[0], opts)
		},
	}
	cmd.Flags().StringVar(&opts.key, "key", "", "the `file` of your key, which keygen made")
	cmd.Flags().StringVar(&opts.reason, "reason", "", "why it may be applied: a `text` for whoever asks later")
	cmd.Flags().DurationVar(&opts.expires, "expires", 0, "how long the approval is good for, as 2h")
	cmd.Flags().StringVar(&opts.out, "out", "", "write the approval to this `file`, not to standard output")
	cmd.AddCommand(a.approveKeygenCommand())
	return cmd
}

func (o *approveOptions) check() error {
	switch {
	case o.key == "":
		return usagef("approve needs -key file; make one with: cogplan approve keygen file")
	case strings.TrimSpace(o.reason) == "":
		return usagef("approve needs -reason text")
	case o.expires <= 0 || o.expires > approval.Longest:
		return usagef("approve needs -expires with a time of at most %d hours, as 2h", int(approval.Longest.Hours()))
	}
	return nil
}

func (a *app) approve(ctx context.Context, path string, opts approveOptions) error {
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
	statement := approval.Statement{
		Digest: plan.Digest, Actor: a.proc.actor(), Reason: opts.reason,
		Expires: a.proc.now().Add(opts.expires).UTC().Truncate(time.Second),
	}
	signed, err := approval.Sign(ctx, statement, key)
	if err != nil {
		return err
	}
	if opts.out == "" {
		_, err = a.out.Write(signed)
	} else {
		err = putFile(opts.out, signed)
	}
	if err != nil {
		return fmt.Errorf("write the approval: %w", err)
	}
	fmt.Fprintf(a.proc.stderr, "%s approves %s until %s.\n", render.Escape(statement.Actor),
		render.Escape(render.PlanLine(plan.Proposal())), statement.Expires.Format(time.RFC3339))
	return nil
}

func (a *app) approveKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen file",
		Short: "Make a key for approvals, and print its line for a trust file",
		Long: "Make a key for approvals in a new file that only you can read, and print the line\n" +
			"that a trust file needs for it: your name (COGPLAN_ACTOR) and the public key.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one new file", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.approveKeygen(args[0]) },
	}
}

func (a *app) approveKeygen(path string) error {
	key, err := approval.Generate()
	if err != nil {
		return err
	}
	line, err := key.TrustLine(a.proc.actor())
	if err != nil {
		return fmt.Errorf("%w; set COGPLAN_ACTOR", err)
	}
	if err := key.Write(path); err != nil {
		return err
	}
	fmt.Fprintln(a.out, line)
	return nil
}
