package reconciletest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// World is what a [Model] manages: objects in memory. The zero value is empty
// and ready. It gives IDs as a server does, and may be changed behind the
// model's back.
type World struct {
	mu      sync.Mutex
	objects map[worldKey]reconcile.Resource
	lastID  int
	changes int
}

type worldKey struct{ kind, name string }

// Put makes or replaces an object by hand, and returns its ID.
func (w *World) Put(object reconcile.Resource) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.put(object)
}

func (w *World) put(object reconcile.Resource) string {
	key := worldKey{object.Type, object.Name}
	if w.objects == nil {
		w.objects = make(map[worldKey]reconcile.Resource)
	}
	if before, ok := w.objects[key]; ok && object.ExternalID == "" {
		object.ExternalID = before.ExternalID
	}
	if object.ExternalID == "" {
		w.lastID++
		object.ExternalID = "id-" + strconv.Itoa(w.lastID)
	}
	object.Attributes = maps.Clone(object.Attributes)
	w.objects[key] = object
	w.changes++
	return object.ExternalID
}

// Remove removes an object by hand.
func (w *World) Remove(kind, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.objects, worldKey{kind, name})
	w.changes++
}

// Objects returns what is there, by type and name.
func (w *World) Objects() []reconcile.Resource {
	w.mu.Lock()
	defer w.mu.Unlock()
	objects := make([]reconcile.Resource, 0, len(w.objects))
	for _, object := range w.objects {
		object.Attributes = maps.Clone(object.Attributes)
		objects = append(objects, object)
	}
	slices.SortFunc(objects, func(a, b reconcile.Resource) int {
		if a.Type != b.Type {
			return compareStrings(a.Type, b.Type)
		}
		return compareStrings(a.Name, b.Name)
	})
	return objects
}

func compareStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// Changes counts what was ever changed in the world.
func (w *World) Changes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

// Model is a provider over a [World], in the way of those that serve objects:
// the generic planner compares. Its exported fields are its declaration; they
// may be changed between runs.
type Model struct {
	Address string
	World   *World
	Schema  *reconcile.Schema
	Desired []reconcile.Resource
	Said    reconcile.Declaration
	Info    reconcile.ProviderInfo
	// Waits makes LoadConfig answer that the resource waits for these.
	Waits func() []string
	// Failing, where it is set, is asked before each call (load_config,
	// fetch_live, compute_plan, build_state) and before each action (apply, with
	// the action). Its error is the call's; it may panic.
	Failing func(call string, action *reconcile.Action) error

	known []reconcile.Resource
}

var (
	_ reconcile.Reconcilable = (*Model)(nil)
	_ reconcile.Declarer     = (*Model)(nil)
	_ reconcile.LiveFetcher  = (*Model)(nil)
)

// Objects is what a model desires and what it sees: the config and live values.
type Objects []reconcile.Resource

// Digest binds a review to the objects.
func (o Objects) Digest() string {
	digest, err := reconcile.Digest([]reconcile.Resource(o))
	if err != nil {
		panic(err) // objects of tests are JSON
	}
	return digest
}

func (m *Model) failing(call string, action *reconcile.Action) error {
	if m.Failing == nil {
		return nil
	}
	return m.Failing(call, action)
}

// Type is the address.
func (m *Model) Type() string { return m.Address }

// Declaration is what the model was told.
func (m *Model) Declaration() reconcile.Declaration {
	said := m.Said
	said.Address = m.Address
	return said
}

// ProviderInfo is what the model was told.
func (m *Model) ProviderInfo() reconcile.ProviderInfo { return m.Info }

// LoadConfig returns the desired objects.
func (m *Model) LoadConfig(string) (any, error) {
	if m.Waits != nil {
		if waits := m.Waits(); len(waits) > 0 {
			return nil, &reconcile.DeferredError{Address: m.Address, WaitsFor: waits}
		}
	}
	return Objects(slices.Clone(m.Desired)), m.failing("load_config", nil)
}

// FetchLive returns the objects of the world.
func (m *Model) FetchLive(ctx context.Context, config any) (any, error) {
	return m.FetchLiveKnown(ctx, config, nil)
}

// FetchLiveKnown returns the objects of the world.
func (m *Model) FetchLiveKnown(ctx context.Context, _ any, _ *reconcile.State) (any, error) {
	if err := errors.Join(ctx.Err(), m.failing("fetch_live", nil)); err != nil {
		return nil, err
	}
	return Objects(m.World.Objects()), nil
}

// ComputePlan compares.
func (m *Model) ComputePlan(config, live any, state *reconcile.State) (*reconcile.Plan, error) {
	if err := m.failing("compute_plan", nil); err != nil {
		return nil, err
	}
	m.known = config.(Objects)
	return reconcile.PlanObjects(reconcile.PlanInput{
		Address: m.Address, Schema: m.Schema, Declaration: m.Said,
		Desired: m.known, Live: live.(Objects), State: state,
	})
}

// ApplyPlan changes the world, action by action. It goes on after a failed one.
func (m *Model) ApplyPlan(ctx context.Context, plan *reconcile.Plan) ([]reconcile.Result, error) {
	results := make([]reconcile.Result, 0, len(plan.Actions))
	for i := range plan.Actions {
		if err := ctx.Err(); err != nil {
			return results, err
		}
		results = append(results, m.act(&plan.Actions[i]))
	}
	return results, nil
}

func (m *Model) act(action *reconcile.Action) reconcile.Result {
	result := reconcile.Result{
		Phase: "apply", Action: string(action.Action), Name: action.Name, Status: reconcile.ApplySucceeded,
	}
	err := m.failing("apply", action)
	if err == nil {
		result.CreatedID, err = m.do(action)
	}
	if err != nil {
		result.Status, result.Error = reconcile.ApplyFailed, err.Error()
	}
	return result
}

func (m *Model) do(action *reconcile.Action) (string, error) {
	switch action.Action {
	case reconcile.ActionDelete:
		m.World.Remove(action.ResourceType, action.Name)
		return "", nil
	case reconcile.ActionSkip:
		return "", nil
	case reconcile.ActionCreate, reconcile.ActionUpdate:
	}
	for _, desired := range m.known {
		if desired.Type != action.ResourceType || desired.Name != action.Name {
			continue
		}
		id := m.World.Put(desired)
		if action.Action == reconcile.ActionUpdate {
			id = ""
		}
		return id, nil
	}
	return "", fmt.Errorf("nothing is desired for %s %q", action.ResourceType, action.Name)
}

// BuildState records what is ours.
func (m *Model) BuildState(config, live any, existing *reconcile.State) (*reconcile.State, error) {
	if err := m.failing("build_state", nil); err != nil {
		return nil, err
	}
	return reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
		Address: m.Address, Schema: m.Schema, Desired: config.(Objects), Live: live.(Objects), Existing: existing,
	})
}

// Health is always good.
func (m *Model) Health() reconcile.ResourceStatus {
	return reconcile.NewResourceStatus(reconcile.SyncStatusSynced, reconcile.HealthHealthy)
}
