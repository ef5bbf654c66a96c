package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/lockfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/starter"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) initCommand() *cobra.Command {
	var inputs inputFlags
	var approve bool
	var start string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Show what the module's providers ask for and get, and lock it",
		Long: "Show what each provider is, what it asks for and what the module grants it, as a\n" +
			"difference to " + lockfile.Name + "; ask whether to trust that, and write the file. From\n" +
			"then on a provider with another digest or wider grants is refused by every command,\n" +
			"until init is run again. No provider is run against the world.\n\n" +
			"In a folder without a module it offers one to start from: " + strings.Join(starter.Names(), ", ") + ".",
		Example: "  cogplan init\n  cogplan init -starter files\n  cogplan init -auto-approve\n  cogplan init -lockfile=readonly",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.begin(cmd.Context(), &inputs, start); err != nil {
				return err
			}
			return a.initialise(cmd.Context(), &inputs, approve)
		},
	}
	inputs.add(cmd.Flags())
	cmd.Flags().BoolVar(&approve, "auto-approve", false, "trust what is shown without asking")
	cmd.Flags().Var(&choiceFlag{&start, starter.Names()}, "starter", "write this module first, in a folder that has none")
	return cmd
}

func (a *app) initialise(ctx context.Context, inputs *inputFlags, approve bool) error {
	progress := a.progressOf(&outputFlags{})
	s, err := a.openSessionFor(ctx, inputs, progress, sessionUse{unlocked: true})
	defer s.close()
	progress.Stop()
	if err == nil {
		s.checkPolicies()
	}
	a.tell(s)
	if err != nil {
		return err
	}
	if s.broken() {
		return end(outcomeInvalid, false)
	}
	locked, err := lockfile.Read(moduleDir)
	if err != nil {
		return err
	}
	wanted := s.lockable(ctx)
	if err := ctx.Err(); err != nil {
		return err // what was not looked at must not be forgotten
	}
	changes := lockfile.Compare(locked, wanted)
	a.showTrust(s, changes)
	if len(changes) == 0 && locked != nil {
		fmt.Fprintln(a.out, a.style().Good("Nothing has changed: the module is as "+lockfile.Name+" says."))
		return nil
	}
	return a.trust(ctx, inputs, wanted, approve)
}

// trust asks and writes the lock file.
func (a *app) trust(ctx context.Context, inputs *inputFlags, wanted *lockfile.File, approve bool) error {
	switch {
	case inputs.lockfile == lockReadOnly:
		fmt.Fprintln(a.proc.stderr, "\n"+lockfile.Name+" is not what the module needs, and -lockfile=readonly leaves it as it is.")
		return end(outcomeInvalid, false)
	case approve:
	case inputs.noInput || !isTerminal(a.proc.stdin):
		return errNotTrusted
	default:
		line, err := a.ask(ctx, "\n"+a.errStyle().Strong("Trust this?")+"\n  Only \"yes\" writes "+lockfile.Name+": ")
		if err != nil || strings.TrimSpace(line) != "yes" {
			fmt.Fprintln(a.proc.stderr, "Nothing was written.")
			return end(outcomeCancelled, false)
		}
	}
	if err := lockfile.Write(moduleDir, wanted); err != nil {
		return err
	}
	fmt.Fprintln(a.out, "\n"+a.style().Good("Wrote "+lockfile.Name+". Keep it with the module.")+"\n\n"+a.style().Strong("Next: ")+"cogplan plan")
	return nil
}

// showTrust shows what changed, and beside each provider what it asks for.
func (a *app) showTrust(s *session, changes []lockfile.Change) {
	style := a.style()
	for i, change := range changes {
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		state := "has changed"
		switch {
		case change.New:
			state = "is new"
		case change.Gone:
			state = "is declared no more, and is forgotten"
		}
		fmt.Fprintln(a.out, style.Strong(render.Escape(change.What))+" "+state)
		for _, line := range change.Lines {
			fmt.Fprintln(a.out, "  "+render.Escape(line))
		}
		if one := s.guests.byName[change.Name]; one != nil && change.Name != "" && !change.Gone {
			a.showAsked(one)
		}
	}
}

// showAsked shows what a provider asks for, and whether the module grants it.
func (a *app) showAsked(one *guest) {
	for _, asked := range one.description.Capabilities {
		answer := "granted"
		if !answered(&one.block, asked) {
			answer = "NOT granted"
			if asked.Optional {
				answer = "not granted, which it can do without"
			}
		}
		text := "it asks for " + asked.Kind
		if asked.Detail != "" {
			text += " " + asked.Detail
		}
		if asked.Reason != "" {
			text += ": " + asked.Reason
		}
		fmt.Fprintf(a.out, "  %s (%s)\n", render.Escape(text), answer)
	}
}

// answered reports whether the module grants what a provider asks for: the kind,
// and the detail to the letter where the provider names one.
func answered(block *lang.ProviderConfig, asked reconcile.Capability) bool {
	for _, line := range lockfile.Grants(block.Grants, "") {
		word, rest, _ := strings.Cut(line, " ")
		reads := asked.Kind == "read" && word == "write" // to write implies to read
		if word != asked.Kind && !reads {
			continue
		}
		first, _, _ := strings.Cut(rest, " ")
		if asked.Detail == "" || first == asked.Detail {
			return true
		}
	}
	return false
}
