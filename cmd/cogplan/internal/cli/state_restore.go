package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) stateRestoreCommand() *cobra.Command {
	var flags stateFlags
	serial := -1
	cmd := &cobra.Command{
		Use:   "restore address",
		Short: "Record again what an earlier state of a resource says",
		Long: "Record again what an earlier state of a resource says, as a new state with the next\n" +
			"serial: the present one is kept like those before it. Nothing in the world is touched;\n" +
			"the next plan compares with what was restored. `cogplan state history` tells which\n" +
			"serials are kept.",
		Example: "  cogplan state restore file.site -serial 4",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || serial < 0 {
				return usagef("%s takes the address of one resource, and -serial; see: cogplan state history", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeState(cmd.Context(), &flags, func(ctx context.Context, store *reconcile.FileStore) error {
				return a.stateRestore(ctx, store, args[0], serial, flags.dryRun)
			})
		},
	}
	flags.add(cmd.Flags())
	cmd.Flags().IntVar(&serial, "serial", -1, "the `number` of the state to restore")
	return cmd
}

// tellLeft names what the present state knows and the earlier one does not: it
// stays in the world, and nobody remembers it.
func (a *app) tellLeft(present, earlier *reconcile.State) {
	if present == nil {
		return
	}
	known := map[string]bool{}
	for i := range earlier.Resources {
		known[earlier.Resources[i].Address] = true
	}
	for i := range present.Resources {
		if at := present.Resources[i].Address; !known[at] && present.Resources[i].Mode == reconcile.ModeManaged {
			fmt.Fprintf(a.proc.stderr, "%s is ours and not in the earlier state: it stays in the world, and is recorded no more.\n", render.Escape(at))
		}
	}
}

func (a *app) stateRestore(ctx context.Context, store *reconcile.FileStore, address string, serial int, dryRun bool) error {
	present, token, err := store.Load(ctx, address)
	if err != nil {
		return err
	}
	earlier, err := store.LoadSerial(ctx, address, serial)
	switch {
	case err != nil:
		return err
	case earlier == nil:
		return fmt.Errorf("the state of %s with serial %d is not kept; `cogplan state history %s` tells which are",
			render.Escape(address), serial, shellWord(address))
	case present != nil && present.Lineage != earlier.Lineage:
		return fmt.Errorf("serial %d of %s belongs to another history: it has the lineage %s, and the present state %s",
			serial, render.Escape(address), render.Escape(earlier.Lineage), render.Escape(present.Lineage))
	case present != nil && present.Serial == serial:
		return fmt.Errorf("serial %d of %s is the present state", serial, render.Escape(address))
	}
	restored := *earlier
	if present != nil {
		restored.Serial = present.Serial
	}
	a.tellLeft(present, earlier)
	if dryRun {
		fmt.Fprintf(a.out, "Would restore serial %d of %s (%s).\n", serial, render.Escape(address), objectCount(len(earlier.Resources)))
		return nil
	}
	if _, err := store.Save(ctx, address, &restored, token); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "Restored serial %d of %s (%s) as serial %d.\n",
		serial, render.Escape(address), objectCount(len(earlier.Resources)), restored.Serial)
	return nil
}
