package sdk

import (
	"context"
	"errors"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Describer is what a provider served with [Serve] says of itself; without it
// the host knows only its type and no arguments.
type Describer interface {
	Describe() reconcile.Description
}

// Configurer takes the session of a provider served with [Serve], before its
// LoadConfig is called with the root "/".
type Configurer interface {
	Configure(ctx context.Context, session *Session) error
}

// Serve serves a provider that plans itself; call it from init.
//
// The values of LoadConfig and FetchLive stay in the guest; where one is a
// []reconcile.Resource the host sees it too. ApplyPlan gets one action at a
// time, and returns one result.
func Serve(p reconcile.Reconcilable) { register(New(p)) }

// New returns a server of the provider without registering it.
func New(p reconcile.Reconcilable) *Server {
	return &Server{
		describe:  func() reconcile.Description { return describe(p) },
		abilities: []abi.Ability{abi.AbilityHealth},
		open: func(ctx context.Context, session *Session) (backend, error) {
			if c, ok := p.(Configurer); ok {
				if err := c.Configure(ctx, session); err != nil {
					return nil, err
				}
			}
			return &reconcilableBackend{provider: p}, nil
		},
	}
}

func describe(p reconcile.Reconcilable) reconcile.Description {
	d := reconcile.Description{Name: p.Type(), Version: "0.0.0", Schema: reconcile.Schema{Version: 1}}
	if describer, ok := p.(Describer); ok {
		d = describer.Describe()
	}
	d.Plans = true
	return d
}

// root is where a provider finds its files: the one directory it sees.
const root = "/"

// reconcilableBackend serves a [reconcile.Reconcilable].
type reconcilableBackend struct {
	refusing
	provider reconcile.Reconcilable
	recorded []reconcile.Resource
	config   any
	live     any
	loaded   bool
	fetched  bool
}

func (b *reconcilableBackend) known(objects []reconcile.Resource) {
	b.recorded = append(b.recorded, objects...)
}

func (b *reconcilableBackend) loadConfig(ctx context.Context) ([]reconcile.Resource, error) {
	var err error
	if loader, ok := b.provider.(reconcile.ConfigLoader); ok {
		b.config, err = loader.LoadConfigContext(ctx, root)
	} else {
		b.config, err = b.provider.LoadConfig(root)
	}
	b.loaded = err == nil
	return visible(b.config), err
}

// visible are the objects that the host may see of a provider's own value.
func visible(v any) []reconcile.Resource {
	objects, _ := v.([]reconcile.Resource)
	return objects
}

func (b *reconcilableBackend) load(ctx context.Context) error {
	if b.loaded {
		return nil
	}
	_, err := b.loadConfig(ctx)
	return err
}

func (b *reconcilableBackend) fetchLive(ctx context.Context) ([]reconcile.Resource, map[string]any, error) {
	if err := b.load(ctx); err != nil {
		return nil, nil, err
	}
	var err error
	b.live, err = b.provider.FetchLive(ctx, b.config)
	b.fetched = err == nil
	return visible(b.live), nil, err
}

func (b *reconcilableBackend) fetch(ctx context.Context) error {
	if b.fetched {
		return nil
	}
	_, _, err := b.fetchLive(ctx)
	return err
}

func (b *reconcilableBackend) state(head *abi.StateHead) *reconcile.State {
	if head == nil {
		return nil
	}
	return &reconcile.State{
		Version: head.Version, Lineage: head.Lineage, Serial: head.Serial,
		ResourceType: b.provider.Type(), GeneratedAt: head.GeneratedAt,
		Metadata: head.Metadata, Resources: b.recorded,
	}
}

func (b *reconcilableBackend) plan(ctx context.Context, head *abi.StateHead) (*reconcile.Plan, error) {
	if err := b.fetch(ctx); err != nil {
		return nil, err
	}
	var plan *reconcile.Plan
	var err error
	if planner, ok := b.provider.(reconcile.Planner); ok {
		plan, err = planner.ComputePlanContext(ctx, b.config, b.live, b.state(head))
	} else {
		plan, err = b.provider.ComputePlan(b.config, b.live, b.state(head))
	}
	if err == nil && plan == nil {
		err = errors.New("the provider computed no plan")
	}
	return plan, err
}

func (b *reconcilableBackend) apply(ctx context.Context, m *abi.ApplyRequest) (Applied, error) {
	if err := b.load(ctx); err != nil {
		return Applied{}, err
	}
	results, err := b.provider.ApplyPlan(ctx, singleAction(m))
	if len(results) == 0 && err == nil {
		err = errors.New("the provider returned no result")
	}
	if len(results) > 1 {
		err = errors.Join(err, errors.New("the provider returned more than one result for one action"))
	}
	if len(results) == 0 {
		return Applied{}, err
	}
	first := results[0]
	if err == nil && first.Status != reconcile.ApplySucceeded {
		err = errors.New(string(first.Status) + ": " + first.Error)
	}
	return Applied{ID: first.CreatedID}, err
}

func singleAction(m *abi.ApplyRequest) *reconcile.Plan {
	plan := &reconcile.Plan{
		ResourceType: m.Type,
		Actions:      []reconcile.Action{{Action: m.Action, ResourceType: m.Type, Name: m.Name, Details: m.Details}},
	}
	switch m.Action {
	case reconcile.ActionCreate:
		plan.Summary.Creates = 1
	case reconcile.ActionUpdate:
		plan.Summary.Updates = 1
	case reconcile.ActionDelete:
		plan.Summary.Deletes = 1
	case reconcile.ActionSkip:
		plan.Summary.Skipped = 1
	}
	return plan
}

func (b *reconcilableBackend) buildState(ctx context.Context, head *abi.StateHead) ([]reconcile.Resource, map[string]any, error) {
	if err := b.fetch(ctx); err != nil {
		return nil, nil, err
	}
	var state *reconcile.State
	var err error
	if builder, ok := b.provider.(reconcile.StateBuilder); ok {
		state, err = builder.BuildStateContext(ctx, b.config, b.live, b.state(head))
	} else {
		state, err = b.provider.BuildState(b.config, b.live, b.state(head))
	}
	if err != nil {
		return nil, nil, err
	}
	if state == nil {
		return nil, nil, errors.New("the provider built no state")
	}
	return state.Resources, state.Metadata, nil
}

func (b *reconcilableBackend) health(context.Context) (reconcile.ResourceStatus, error) {
	return b.provider.Health(), nil
}
