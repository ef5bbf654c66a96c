package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// stateFlags are the flags of the commands that change what is recorded.
type stateFlags struct {
	lockTimeout time.Duration
	dryRun      bool
}

func (f *stateFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 0, "wait so long for the lock of the state, as 30s or 5m")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be changed, and change nothing")
}

// changeState calls change while nobody else writes any state.
func (a *app) changeState(ctx context.Context, flags *stateFlags, change func(ctx context.Context, store *reconcile.FileStore) error) (err error) {
	store := reconcile.NewFileStore(moduleDir)
	if flags.dryRun {
		return change(ctx, store)
	}
	lease, err := store.Lock(ctx, "", reconcile.LockRequest{Holder: a.proc.holder(), Wait: flags.lockTimeout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	return change(reconcile.WithLease(ctx, lease), store)
}

func (a *app) stateMvCommand() *cobra.Command {
	var flags stateFlags
	cmd := &cobra.Command{
		Use:   "mv old new",
		Short: "Give what is recorded of a resource another address",
		Long: "Give what is recorded of a resource another address, for when its block has another\n" +
			"name now. Nothing in the world is touched. The old address must have a state, and the\n" +
			"new one must not.",
		Example: "  cogplan state mv file.site file.pages\n  cogplan state mv file.site 'file.site[\"eu\"]'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("%s takes two addresses, the old one and the new one", cmd.CommandPath())
			}
			if args[0] == args[1] {
				return usagef("%s takes two addresses, and these are the same", cmd.CommandPath())
			}
			return checkAddress(args[1])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeState(cmd.Context(), &flags, func(ctx context.Context, store *reconcile.FileStore) error {
				return a.stateMv(ctx, store, args[0], args[1], flags.dryRun)
			})
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// checkAddress refuses what no resource can be called: its state would never be
// found again.
func checkAddress(address string) error {
	traversal, diags := hclsyntax.ParseTraversalAbs([]byte(address), "address", hcl.InitialPos)
	names := 0
	for _, step := range traversal {
		switch step.(type) {
		case hcl.TraverseRoot, hcl.TraverseAttr:
			names++
		}
	}
	if diags.HasErrors() || names < 2 || strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' }) {
		return usagef("%s is not the address of a resource; it is written as in plans: file.site, file.site[\"eu\"], module.web.file.site",
			render.Escape(address))
	}
	return nil
}

func (a *app) stateMv(ctx context.Context, store *reconcile.FileStore, from, to string, dryRun bool) error {
	state, token, err := store.Load(ctx, from)
	if err != nil {
		return err
	}
	if state == nil {
		return unrecorded(from)
	}
	there, _, err := store.Load(ctx, to)
	switch {
	case err != nil:
		return err
	case there != nil && there.Lineage != state.Lineage:
		return fmt.Errorf("%s has a state of its own already; forget one of them first with: cogplan state rm", render.Escape(to))
	case dryRun:
		fmt.Fprintf(a.out, "Would move %s (%s) to %s.\n", render.Escape(from), objectCount(len(state.Resources)), render.Escape(to))
		return nil
	}
	// The new one is written before the old one goes: a kill in between leaves
	// both, with one lineage, and the same command ends the move.
	if there == nil {
		if _, err := store.Save(ctx, to, readdress(state, from, to), ""); err != nil {
			return err
		}
	}
	if err := store.Remove(ctx, from, token); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "Moved %s (%s) to %s.\n", render.Escape(from), objectCount(len(state.Resources)), render.Escape(to))
	return nil
}

// readdress is a state with the addresses of another resource.
func readdress(state *reconcile.State, from, to string) *reconcile.State {
	moved := *state
	if moved.ResourceType == from {
		moved.ResourceType = to
	}
	moved.Resources = slices.Clone(state.Resources)
	for i := range moved.Resources {
		r := &moved.Resources[i]
		r.Address = withResource(r.Address, from, to)
		r.ParentAddress = withResource(r.ParentAddress, from, to)
	}
	return &moved
}

func withResource(address, from, to string) string {
	if rest, ok := strings.CutPrefix(address, from+"."); ok {
		return to + "." + rest
	}
	return address
}

func (a *app) stateRmCommand() *cobra.Command {
	var flags stateFlags
	cmd := &cobra.Command{
		Use:     "rm address...",
		Aliases: []string{"forget"},
		Short:   "Forget resources or objects, and leave them in the world",
		Long: "Forget what is recorded of resources, or of single objects of them. Nothing in the\n" +
			"world is touched: what was managed is nobody's from then on. The state before it is\n" +
			"kept as the backup.",
		Example: "  cogplan state rm file.old\n  cogplan state rm 'file.site.file[\"index.html\"]'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes the addresses of resources or objects", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeState(cmd.Context(), &flags, func(ctx context.Context, store *reconcile.FileStore) error {
				return a.stateRm(ctx, store, args, flags.dryRun)
			})
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// forgetting is what is to be forgotten of one state.
type forgetting struct {
	address string
	state   *reconcile.State
	token   reconcile.Token
	// objects by address; none for all of them.
	objects map[string]bool
}

// stateRm finds everything before it forgets anything.
func (a *app) stateRm(ctx context.Context, store *reconcile.FileStore, addresses []string, dryRun bool) error {
	plans, err := findForgotten(ctx, store, addresses)
	if err != nil {
		return err
	}
	verb := "Forgot"
	if dryRun {
		verb = "Would forget"
	}
	for _, plan := range plans {
		gone := len(plan.state.Resources)
		if len(plan.objects) > 0 {
			gone = len(plan.objects)
		}
		if !dryRun {
			if err := plan.carryOut(ctx, store); err != nil {
				return err
			}
		}
		fmt.Fprintf(a.out, "%s %s (%s). What it manages is left in the world.\n", verb, render.Escape(plan.name()), objectCount(gone))
	}
	return nil
}

func (f *forgetting) name() string {
	if len(f.objects) != 1 {
		return f.address
	}
	for address := range f.objects {
		return address
	}
	return f.address
}

func (f *forgetting) carryOut(ctx context.Context, store *reconcile.FileStore) error {
	if len(f.objects) == 0 {
		return store.Remove(ctx, f.address, f.token)
	}
	f.state.Resources = slices.DeleteFunc(f.state.Resources, func(r reconcile.Resource) bool { return f.objects[r.Address] })
	_, err := store.Save(ctx, f.address, f.state, f.token)
	return err
}

func findForgotten(ctx context.Context, store *reconcile.FileStore, addresses []string) ([]*forgetting, error) {
	recorded, err := store.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list states: %w", err)
	}
	byAddress := map[string]*forgetting{}
	var plans []*forgetting
	for _, wanted := range addresses {
		resource := wanted
		if !slices.Contains(recorded, wanted) {
			i := slices.IndexFunc(recorded, func(address string) bool { return isObjectOf(wanted, address) })
			if i < 0 {
				return nil, unrecorded(wanted)
			}
			resource = recorded[i]
		}
		plan := byAddress[resource]
		if plan == nil {
			plan = &forgetting{address: resource, objects: map[string]bool{}}
			if plan.state, plan.token, err = store.Load(ctx, resource); err != nil {
				return nil, err
			}
			if plan.state == nil {
				return nil, unrecorded(wanted)
			}
			byAddress[resource] = plan
			plans = append(plans, plan)
		}
		if resource != wanted {
			if reconcile.ResourceIndex(plan.state)[wanted] == nil {
				return nil, fmt.Errorf("nothing is recorded of %s; `cogplan state show %s` names the objects", render.Escape(wanted), shellWord(resource))
			}
			plan.objects[wanted] = true
		}
	}
	return plans, nil
}
