package sdk

import (
	"context"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// refusing is a backend that can do nothing; others embed it.
type refusing struct{}

func (refusing) known([]reconcile.Resource) {}

func (refusing) loadConfig(context.Context) ([]reconcile.Resource, error) {
	return nil, Unsupported("load_config")
}

func (refusing) effects(context.Context, []abi.ObjectAction) ([][]reconcile.Effect, error) {
	return nil, Unsupported("the provider declares no effects")
}

func (refusing) plan(context.Context, *abi.StateHead) (*reconcile.Plan, error) {
	return nil, Unsupported("the provider leaves planning to the host")
}

func (refusing) apply(context.Context, *abi.ApplyRequest) (Applied, error) {
	return Applied{}, Unsupported("apply")
}

func (refusing) buildState(context.Context, *abi.StateHead) ([]reconcile.Resource, map[string]any, error) {
	return nil, nil, Unsupported("the provider leaves the state to the host")
}

func (refusing) health(context.Context) (reconcile.ResourceStatus, error) {
	return reconcile.ResourceStatus{}, Unsupported("the provider checks no health")
}

func (refusing) find(context.Context, Lookup) (*reconcile.Resource, error) {
	return nil, Unsupported("the provider cannot find single objects")
}

func (refusing) export(context.Context) (map[string]any, error) {
	return nil, Unsupported("the provider cannot export")
}

// dataBackend answers a data block.
type dataBackend struct {
	refusing
	session *Session
	read    DataFunc
}

func (b *dataBackend) fetchLive(ctx context.Context) ([]reconcile.Resource, map[string]any, error) {
	value, err := b.read(ctx, b.session)
	if err == nil && value == nil {
		value = map[string]any{}
	}
	return nil, value, err
}

// objectsBackend serves [Objects].
type objectsBackend struct {
	refusing
	session  *Session
	objects  Objects
	recorded []reconcile.Resource
	desired  []reconcile.Resource
	loaded   bool
}

func (b *objectsBackend) known(objects []reconcile.Resource) {
	b.recorded = append(b.recorded, objects...)
}

func (b *objectsBackend) loadConfig(ctx context.Context) ([]reconcile.Resource, error) {
	desired, err := b.objects.Desired(ctx)
	b.desired, b.loaded = desired, err == nil
	return desired, err
}

func (b *objectsBackend) fetchLive(ctx context.Context) ([]reconcile.Resource, map[string]any, error) {
	if !b.loaded {
		if _, err := b.loadConfig(ctx); err != nil {
			return nil, nil, err
		}
	}
	live, err := b.objects.Live(ctx, Query{Desired: b.desired, Known: b.recorded})
	if err != nil {
		return nil, nil, err
	}
	o, ok := b.objects.(Outputter)
	if !ok {
		return live, nil, nil
	}
	outputs, err := o.Outputs(ctx)
	return live, outputs, err
}

func (b *objectsBackend) effects(ctx context.Context, actions []abi.ObjectAction) ([][]reconcile.Effect, error) {
	effector, ok := b.objects.(Effector)
	if !ok {
		return b.refusing.effects(ctx, actions)
	}
	out := make([][]reconcile.Effect, 0, len(actions))
	for i := range actions {
		effects, err := effector.Effects(ctx, changeOf(&actions[i], ""))
		if err != nil {
			return nil, err
		}
		out = append(out, effects)
	}
	return out, nil
}

func changeOf(a *abi.ObjectAction, key string) Change {
	return Change{
		Action: a.Action, Type: a.Type, Name: a.Name, ID: a.ID,
		Before: a.Before, Desired: a.Desired, Changed: a.Changed, Key: key,
	}
}

func (b *objectsBackend) apply(ctx context.Context, m *abi.ApplyRequest) (Applied, error) {
	change := changeOf(&m.ObjectAction, m.Key)
	switch m.Action {
	case reconcile.ActionCreate:
		if change.Desired == nil {
			return Applied{}, Unsupported("a create without the desired object")
		}
		return b.objects.Create(ctx, change)
	case reconcile.ActionUpdate:
		if change.Desired == nil || change.Before == nil {
			return Applied{}, Unsupported("an update without the object before and desired")
		}
		return b.objects.Update(ctx, change)
	case reconcile.ActionDelete:
		if change.Before == nil {
			return Applied{}, Unsupported("a delete without the object before")
		}
		return Applied{}, b.objects.Delete(ctx, change)
	case reconcile.ActionSkip:
	}
	return Applied{}, Unsupported("the action " + string(m.Action))
}

func (b *objectsBackend) health(ctx context.Context) (reconcile.ResourceStatus, error) {
	checker, ok := b.objects.(HealthChecker)
	if !ok {
		return b.refusing.health(ctx)
	}
	status, err := checker.Health(ctx)
	if status.Sync == "" {
		status.Sync = reconcile.SyncStatusUnknown
	}
	if status.Operation == "" {
		status.Operation = reconcile.OperationIdle
	}
	return status, err
}

func (b *objectsBackend) find(ctx context.Context, lookup Lookup) (*reconcile.Resource, error) {
	if finder, ok := b.objects.(Finder); ok {
		return finder.Find(ctx, lookup)
	}
	return b.refusing.find(ctx, lookup)
}

func (b *objectsBackend) export(ctx context.Context) (map[string]any, error) {
	if exporter, ok := b.objects.(BodyExporter); ok {
		return exporter.Export(ctx)
	}
	return b.refusing.export(ctx)
}
