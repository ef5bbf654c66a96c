package reconcile

import "context"

// LiveFetcher is optional: FetchLive with the recorded state, nil where none is
// recorded, so that a provider need not search the world for what is known.
// Where a provider has it, it is called instead. It must not change the state.
type LiveFetcher interface {
	FetchLiveKnown(ctx context.Context, config any, state *State) (any, error)
}

// Closer is optional: the engine calls it when it has done with a resource,
// however that ended, so that a provider can let go of what it held for it. The
// provider may be asked again later.
type Closer interface {
	Close()
}

// The optional abilities are found here and nowhere else.

func loadConfig(ctx context.Context, p Reconcilable, root string) (any, error) {
	if loader, ok := As[ConfigLoader](p); ok {
		return loader.LoadConfigContext(ctx, root)
	}
	return p.LoadConfig(root)
}

func fetchLive(ctx context.Context, p Reconcilable, config any, state *State) (any, error) {
	if fetcher, ok := As[LiveFetcher](p); ok {
		return fetcher.FetchLiveKnown(ctx, config, state)
	}
	return p.FetchLive(ctx, config)
}

func computePlan(ctx context.Context, p Reconcilable, seen observed) (*Plan, error) {
	if planner, ok := As[Planner](p); ok {
		return planner.ComputePlanContext(ctx, seen.config, seen.live, seen.state)
	}
	return p.ComputePlan(seen.config, seen.live, seen.state)
}

func buildState(ctx context.Context, p Reconcilable, seen observed) (*State, error) {
	if builder, ok := As[StateBuilder](p); ok {
		return builder.BuildStateContext(ctx, seen.config, seen.live, seen.state)
	}
	return p.BuildState(seen.config, seen.live, seen.state)
}

// closeProvider lets the provider go. One that panics here has let go.
func closeProvider(p Reconcilable) {
	if closer, ok := As[Closer](p); ok {
		_ = guard("let go", func() error { closer.Close(); return nil })
	}
}

// finderOf is the provider's ability to tell what became of an action.
func finderOf(p Reconcilable) (Finder, bool) {
	finder, ok := As[Finder](p)
	return finder, ok && finder.Finds()
}

// applyActions has the provider carry out the plan. Whatever it is, the log
// knows of each action before it is begun.
func applyActions(ctx context.Context, p Reconcilable, plan *Plan, log *actionLog) ([]Result, error) {
	if applier, ok := As[ActionApplier](p); ok {
		return applier.ApplyActions(ctx, plan, log)
	}
	return applyUnmoved(ctx, p, plan, log)
}

// declared is what the author of the module said around the body. A provider
// that tells nothing is known by the name it is registered under.
func declared(p Reconcilable, resource MetaResource) (Declaration, ProviderInfo) {
	if declarer, ok := As[Declarer](p); ok {
		return declarer.Declaration(), declarer.ProviderInfo()
	}
	return Declaration{Address: resource.Name}, ProviderInfo{Name: p.Type(), Source: resource.Source}
}

// digestOf is the digest that a config or live value tells of itself; empty
// where it tells none.
func digestOf(value any) string {
	if digester, ok := value.(Digester); ok {
		return digester.Digest()
	}
	return ""
}

// base is the provider inside all wrappers: what must not be called from two
// goroutines.
func base(p Reconcilable) Reconcilable {
	for {
		wrapper, ok := p.(Unwrapper)
		if !ok {
			return p
		}
		inner := wrapper.Unwrap()
		if inner == nil {
			return p
		}
		p = inner
	}
}
