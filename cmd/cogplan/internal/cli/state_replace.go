package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) stateReplaceProviderCommand() *cobra.Command {
	var flags stateFlags
	cmd := &cobra.Command{
		Use:   "replace-provider old new",
		Short: "Give what is recorded of all resources of a provider the name of another",
		Long: "Give all recorded resources of the provider block with one label the addresses that\n" +
			"they have with another: for when the block is renamed, or when another provider takes\n" +
			"over what the first one made. Nothing in the world is touched; the next plan shows\n" +
			"what the other provider would change.",
		Example: "  cogplan state replace-provider file disk",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 || args[0] == args[1] {
				return usagef("%s takes the labels of two provider blocks, the old one and the new one", cmd.CommandPath())
			}
			if !hclsyntax.ValidIdentifier(args[1]) {
				return usagef("%q cannot be the label of a provider block", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeState(cmd.Context(), &flags, func(ctx context.Context, store *reconcile.FileStore) error {
				return a.stateReplaceProvider(ctx, store, args[0], args[1], flags.dryRun)
			})
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// stateReplaceProvider moves the states one after the other. What would be written
// over is found before the first one moves; a kill in between leaves some moved, and
// the same command moves the rest.
func (a *app) stateReplaceProvider(ctx context.Context, store *reconcile.FileStore, from, to string, dryRun bool) error {
	addresses, err := store.List(ctx)
	if err != nil {
		return err
	}
	var moves [][2]string
	for _, address := range addresses {
		if other, ok := withProvider(address, from, to); ok {
			moves = append(moves, [2]string{address, other})
		}
	}
	if len(moves) == 0 {
		return fmt.Errorf("nothing is recorded of a provider %q", from)
	}
	for _, move := range moves {
		if slices.Contains(addresses, move[1]) {
			// A move that was interrupted leaves both, with one lineage.
			old, _, err := store.Load(ctx, move[0])
			if err != nil {
				return err
			}
			there, _, err := store.Load(ctx, move[1])
			if err != nil {
				return err
			}
			if old == nil || there == nil || old.Lineage != there.Lineage {
				return fmt.Errorf("%s has a state of its own already; nothing was moved. Forget one of them first with: cogplan state rm", render.Escape(move[1]))
			}
		}
	}
	for _, move := range moves {
		if err := a.stateMv(ctx, store, move[0], move[1], dryRun); err != nil {
			return err
		}
	}
	return nil
}

// withProvider is an address with another provider; false for one of others. The
// provider stands behind the modules and, of a data block, behind the word data.
func withProvider(address, from, to string) (string, bool) {
	prefix, rest := "", address
	for strings.HasPrefix(rest, "module.") {
		end := moduleEnd(rest)
		if end < 0 {
			return "", false
		}
		prefix, rest = prefix+rest[:end], rest[end:]
	}
	if inner, ok := strings.CutPrefix(rest, "data."); ok {
		prefix, rest = prefix+"data.", inner
	}
	name, ok := strings.CutPrefix(rest, from+".")
	return prefix + to + "." + name, ok
}

// moduleEnd is where the address behind module.name or module.name["key"] begins.
func moduleEnd(address string) int {
	inQuotes := false
	dots := 0
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case inQuotes && c == '\\':
			i++
		case c == '"':
			inQuotes = !inQuotes
		case c == '.' && !inQuotes:
			if dots++; dots == 2 {
				return i + 1
			}
		}
	}
	return -1
}
