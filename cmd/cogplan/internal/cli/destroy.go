package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func (a *app) destroyCommand() *cobra.Command {
	var flags runFlags
	var approve bool
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Plan the deletion of everything that is ours, ask, and delete",
		Long: "Plan the deletion of all objects that the module's resources manage, show the plan,\n" +
			"ask, and delete exactly what was shown, what depends on others first. It needs no\n" +
			"prune; a resource with protect = true keeps its objects. Policies are told that the\n" +
			"command is destroy. What is not ours stays.",
		Example: "  cogplan destroy\n  cogplan destroy -target file.site",
		Args:    func(cmd *cobra.Command, args []string) error { return noArgs(cmd, flags.output.takeJSONFile(args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if err := flags.checkDocuments(""); err != nil {
				return err
			}
			r := a.newRun(commandDestroy, &flags)
			r.destroy = true
			return a.carryOut(cmd.Context(), r, approve)
		},
	}
	flags.add(cmd.Flags())
	flags.addApply(cmd.Flags())
	flags.addEffects(cmd.Flags())
	flags.selection.addPart(cmd.Flags())
	flags.ruling.add(cmd.Flags())
	flags.addDocuments(cmd.Flags())
	cmd.Flags().BoolVar(&approve, "auto-approve", false, "delete without asking")
	return cmd
}

// settleForDestroy reads what resources need to know of each other to say where
// they are. In a destroy what depends on a resource comes before it, so that the
// resource would be read too late.
func (r *run) settleForDestroy(ctx context.Context) error {
	waiting := false
	for _, resource := range r.chosen.config.Resources {
		_, err := r.session.eval.Config(ctx, resource.Name)
		if _, deferred := errors.AsType[*reconcile.DeferredError](err); deferred {
			waiting = true
			break
		}
	}
	if !waiting {
		return nil
	}
	_, err := r.observe(ctx, r.needed())
	return err
}

// needed is what the chosen resources read, and they themselves.
func (r *run) needed() *reconcile.MetaConfig {
	whole := r.session.eval.MetaConfig()
	links := newLinks(whole, false)
	chosen := map[string]bool{}
	for _, resource := range r.chosen.config.Resources {
		chosen[resource.Name] = true
	}
	return links.part(links.closure(chosen, links.needs))
}

// observation is what was read of the resources, and nothing planned.
type observation struct {
	proposal  *reconcile.Proposal
	resources map[string]*wasm.Resource
}

// observe reads the world and tells the language what is there, whether it is as
// declared or not.
func (r *run) observe(ctx context.Context, config *reconcile.MetaConfig) (*observation, error) {
	var registry reconcile.Registry
	seen := &observation{resources: map[string]*wasm.Resource{}}
	for _, meta := range config.Resources {
		if resource := r.session.newResource(meta, wasm.PurposeObserve); resource != nil {
			seen.resources[meta.Name] = resource
			registry.Register(meta.Name, resource)
		}
	}
	planned := r.session.resources
	r.session.resources = seen.resources
	defer func() { r.session.resources = planned }()
	engine := reconcile.NewEngine(moduleDir, reconcile.AllowAll{},
		reconcile.WithRegistry(&registry),
		reconcile.WithStore(r.session.store),
		reconcile.WithEvents(reconcile.EventSinkFunc(func(*reconcile.Event) {})),
		reconcile.WithObserver(r.progress),
		reconcile.WithParallelism(r.flags.parallelism),
		reconcile.WithSettled(func(ctx context.Context, settled reconcile.Settled) error {
			err := r.session.settle(ctx, settled)
			// What does not hold of the world is for plan to say.
			if _, ok := errors.AsType[*lang.DiagnosticsError](err); ok {
				return nil
			}
			return err
		}),
		reconcile.WithClock(r.app.proc.now),
	)
	var err error
	seen.proposal, err = engine.Propose(ctx, config, reconcile.MetaOpts{DryRun: true})
	return seen, err
}
