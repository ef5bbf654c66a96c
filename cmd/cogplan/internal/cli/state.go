package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "state", Short: "Look at what is recorded, and change it", Args: unknownCommand, RunE: needsCommand,
	}
	cmd.AddCommand(
		a.stateListCommand(), a.stateShowCommand(), a.stateMvCommand(), a.stateReplaceProviderCommand(), a.stateRmCommand(),
		a.statePullCommand(), a.statePushCommand(), a.stateHistoryCommand(), a.stateRestoreCommand(), a.stateUnlockCommand(),
	)
	return cmd
}

func (a *app) stateListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Example: "  cogplan state list\n  cogplan state list -json",
		Short:   "List the resources that have a state",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.stateList(cmd.Context(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// stateDocument is the JSON of state list and state show.
type stateDocument struct {
	FormatVersion string            `json:"format_version"`
	States        []reconcile.State `json:"states"`
}

func (a *app) stateList(ctx context.Context, asJSON bool) error {
	store := reconcile.NewFileStore(moduleDir)
	addresses, err := store.List(ctx)
	if err != nil {
		return fmt.Errorf("list states: %w", err)
	}
	doc := stateDocument{FormatVersion: render.FormatVersion, States: []reconcile.State{}}
	for _, address := range addresses {
		state, _, err := store.Load(ctx, address)
		if err != nil {
			return err
		}
		if state != nil {
			doc.States = append(doc.States, *state)
		}
	}
	if asJSON {
		return render.WriteJSON(a.out, doc)
	}
	for i := range doc.States {
		state := &doc.States[i]
		fmt.Fprintf(a.out, "%s  %d objects  serial %d\n", render.Escape(state.ResourceType), len(state.Resources), state.Serial)
	}
	return nil
}

func (a *app) stateShowCommand() *cobra.Command {
	var asJSON bool
	serial := -1
	cmd := &cobra.Command{
		Use:     "show address",
		Short:   "Show what is recorded of a resource",
		Example: "  cogplan state show file.site\n  cogplan state show 'file.site[\"eu\"]'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the address of one resource", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stateShow(cmd.Context(), args[0], serial, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().IntVar(&serial, "serial", serial, "show the state with this `number` instead of the last one")
	cmd.Flags().Lookup("serial").DefValue = ""
	return cmd
}

func (a *app) stateShow(ctx context.Context, address string, serial int, asJSON bool) error {
	store := reconcile.NewFileStore(moduleDir)
	state, err := recordedState(ctx, store, address, serial)
	switch {
	case err != nil:
		return err
	case asJSON:
		return render.WriteJSON(a.out, stateDocument{FormatVersion: render.FormatVersion, States: []reconcile.State{*state}})
	}
	fmt.Fprint(a.out, a.style().State(state))
	return nil
}

// recordedState is the state of an address: the last one, or that of a serial.
func recordedState(ctx context.Context, store *reconcile.FileStore, address string, serial int) (*reconcile.State, error) {
	addresses, err := store.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list states: %w", err)
	}
	if !slices.Contains(addresses, address) {
		return nil, unrecorded(address)
	}
	if serial < 0 {
		state, _, err := store.Load(ctx, address)
		if err == nil && state == nil {
			err = unrecorded(address)
		}
		return state, err
	}
	state, err := store.LoadSerial(ctx, address, serial)
	if err == nil && state == nil {
		err = fmt.Errorf("the state of %s with serial %d is not kept; `cogplan state history %s` tells which are",
			render.Escape(address), serial, shellWord(address))
	}
	return state, err
}

func unrecorded(address string) error {
	return fmt.Errorf("nothing is recorded of %s; `cogplan state list` names what is", render.Escape(address))
}
