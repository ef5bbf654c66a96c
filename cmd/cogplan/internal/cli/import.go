package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func (a *app) importCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "import address id",
		Short: "Make an object that exists our own",
		Long: "Look for the object with an ID of the provider's, and record it as ours. The object\n" +
			"has to be declared, so that it is kept; the address is that of a resource with one\n" +
			"object, or of an object of a resource. Nothing in the world is touched: the next plan\n" +
			"shows what differs from what is declared. An import block does the same as part of\n" +
			"an apply, where it can be reviewed.",
		Example: "  cogplan import file.site out/index.html\n" +
			"  cogplan import 'rest.zones.object[\"example.org.\"]' example.org.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[1] == "" {
				return usagef("%s takes the address of a declared object, and its ID", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			at, err := lang.ParseObjectAddress(args[0])
			if err != nil {
				return usagef("%s", err.Error())
			}
			return a.importObject(cmd.Context(), &flags, at, args[1])
		},
	}
	flags.add(cmd.Flags())
	flags.addApply(cmd.Flags())
	return cmd
}

// importObject records an object as ours. The resources that its own needs are
// looked at too: its configuration may read what they are.
func (a *app) importObject(ctx context.Context, flags *runFlags, at lang.ObjectAddress, id string) error {
	r := a.newRun("import", flags)
	defer r.close()
	if flags.output.json {
		return usagef("%s has no -json; cogplan state show -json tells what is recorded", "cogplan import")
	}
	r.recordOnly, r.unruled = true, true
	r.adopt = map[string][]wasm.Adoption{at.Resource: {{Type: at.Type, Name: at.Name, ID: id}}}
	flags.selection.Targets = []string{at.Resource}
	proposal, o, err := r.look(ctx)
	if err != nil {
		return err
	}
	if o != outcomeNoChanges && o != outcomeChanges {
		r.showPlan(proposal)
		return end(o, false)
	}
	a.tell(r.session)
	if result := resultOf(proposal, at.Resource); result == nil || result.Status != reconcile.StatusSynced {
		return fmt.Errorf("%s cannot be read yet: it is %s; apply what it needs first", render.Escape(at.Resource), statusIn(result))
	}
	r.chosen.config = newLinks(r.chosen.config, false).part(map[string]bool{at.Resource: true})
	if proposal, err = r.engine.Propose(ctx, r.chosen.config, reconcile.MetaOpts{DryRun: true}); err != nil {
		return err
	}
	applied, err := r.walk(ctx, proposal)
	if err != nil {
		return r.refused(err, proposal)
	}
	if o := applied.outcome(ctx.Err() != nil); o != outcomeApplied && o != outcomeNoChanges {
		r.showApplied(o, applied)
		return end(o, false)
	}
	what := at.Resource
	if at.Type != "" {
		what = reconcile.ObjectAddress(at.Resource, at.Type, at.Name)
	}
	fmt.Fprintln(a.out, a.style().Good(fmt.Sprintf("%s is ours now, with the ID %s. The next plan shows what differs from what is declared.",
		render.Escape(what), render.Escape(id))))
	return end(outcomeApplied, false)
}

func resultOf(proposal *reconcile.Proposal, address string) *reconcile.MetaResult {
	results := proposal.Results()
	for i := range results {
		if results[i].Resource == address {
			return &results[i]
		}
	}
	return nil
}

func statusIn(result *reconcile.MetaResult) string {
	if result == nil {
		return "not declared"
	}
	return result.Status
}
