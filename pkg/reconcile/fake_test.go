package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

// native is a provider as users of the library write them: seven methods, its
// own plan. Nil functions do the least.
type native struct {
	kind    string
	log     *journal
	plan    *reconcile.Plan
	results []reconcile.Result
	on      func(call string) error
	live    func() any
	apply   func(ctx context.Context, plan *reconcile.Plan) ([]reconcile.Result, error)
	state   func(live any, existing *reconcile.State) (*reconcile.State, error)
	busy    atomic.Int32
}

// journal records calls in order.
type journal struct {
	mu    sync.Mutex
	calls []string
}

func (j *journal) add(format string, args ...any) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, fmt.Sprintf(format, args...))
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.calls, " ")
}

func (p *native) call(name string) error {
	if p.busy.Add(1) != 1 {
		panic("two goroutines call one provider")
	}
	defer p.busy.Add(-1)
	p.log.add("%s.%s", p.kind, name)
	if p.on != nil {
		return p.on(name)
	}
	return nil
}

func (p *native) Type() string { return p.kind }

func (p *native) LoadConfig(root string) (any, error) { return "config of " + root, p.call("load") }

func (p *native) FetchLive(ctx context.Context, config any) (any, error) {
	if ctx == nil || config == nil {
		panic("no context or no config")
	}
	var live any = "live"
	if p.live != nil {
		live = p.live()
	}
	return live, p.call("fetch")
}

func (p *native) ComputePlan(config, live any, _ *reconcile.State) (*reconcile.Plan, error) {
	if config == nil || live == nil {
		panic("no config or no live")
	}
	if err := p.call("plan"); err != nil {
		return nil, err
	}
	if p.plan == nil {
		return &reconcile.Plan{ResourceType: p.kind}, nil
	}
	return p.plan, nil
}

func (p *native) ApplyPlan(ctx context.Context, plan *reconcile.Plan) ([]reconcile.Result, error) {
	if err := p.call("apply"); err != nil {
		return p.results, err
	}
	if p.apply != nil {
		return p.apply(ctx, plan)
	}
	return p.results, nil
}

func (p *native) BuildState(_, live any, existing *reconcile.State) (*reconcile.State, error) {
	if err := p.call("state"); err != nil {
		return nil, err
	}
	if p.state != nil {
		return p.state(live, existing)
	}
	if existing != nil {
		return existing, nil
	}
	return reconcile.NewState(p.kind), nil
}

func (p *native) Health() reconcile.ResourceStatus {
	return reconcile.NewResourceStatus(reconcile.SyncStatusSynced, reconcile.HealthHealthy)
}

var _ reconcile.Reconcilable = (*native)(nil)

func create(names ...string) *reconcile.Plan { return planOf(reconcile.ActionCreate, names...) }

func planOf(kind reconcile.ActionType, names ...string) *reconcile.Plan {
	plan := &reconcile.Plan{ResourceType: "t"}
	for _, name := range names {
		plan.Actions = append(plan.Actions, reconcile.Action{Action: kind, ResourceType: "object", Name: name})
	}
	switch kind {
	case reconcile.ActionCreate:
		plan.Summary.Creates = len(names)
	case reconcile.ActionUpdate:
		plan.Summary.Updates = len(names)
	case reconcile.ActionDelete:
		plan.Summary.Deletes = len(names)
	case reconcile.ActionSkip:
		plan.Summary.Skipped = len(names)
	}
	return plan
}

// rig is an engine over fakes.
type rig struct {
	registry *reconcile.Registry
	store    *reconciletest.MemoryStore
	log      *journal
	cfg      *reconcile.MetaConfig
	root     string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{
		registry: &reconcile.Registry{}, store: &reconciletest.MemoryStore{}, log: &journal{},
		cfg: &reconcile.MetaConfig{}, root: t.TempDir(),
	}
}

// add declares a resource, with AutoApply, served by its own provider.
func (r *rig) add(name string, p *native, dependsOn ...string) *reconcile.MetaResource {
	p.kind, p.log = name, r.log
	r.registry.Register(name, p)
	return r.declare(name, name, dependsOn...)
}

func (r *rig) declare(name, source string, dependsOn ...string) *reconcile.MetaResource {
	r.cfg.Resources = append(r.cfg.Resources, reconcile.MetaResource{
		Name: name, Source: source, AutoApply: true, DependsOn: dependsOn,
	})
	return &r.cfg.Resources[len(r.cfg.Resources)-1]
}

func (r *rig) engine(gate reconcile.Gate, options ...reconcile.Option) *reconcile.Engine {
	quiet := reconcile.EventSinkFunc(func(*reconcile.Event) {})
	return reconcile.NewEngine(r.root, gate, append([]reconcile.Option{
		reconcile.WithRegistry(r.registry), reconcile.WithStore(r.store), reconcile.WithEvents(quiet),
	}, options...)...)
}

func (r *rig) run(t *testing.T, gate reconcile.Gate, opts reconcile.MetaOpts, options ...reconcile.Option) []reconcile.MetaResult {
	t.Helper()
	results, err := r.engine(gate, options...).Run(t.Context(), r.cfg, opts)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return results
}

// statuses is "name:status name:status".
func statuses(results []reconcile.MetaResult) string {
	texts := make([]string, len(results))
	for i, result := range results {
		texts[i] = result.Resource + ":" + result.Status
	}
	return strings.Join(texts, " ")
}

func wantStatuses(t *testing.T, results []reconcile.MetaResult, want string) {
	t.Helper()
	if got := statuses(results); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
		for _, result := range results {
			if result.Error != "" {
				t.Logf("%s: %s", result.Resource, result.Error)
			}
		}
	}
}

func resultOf(t *testing.T, results []reconcile.MetaResult, name string) reconcile.MetaResult {
	t.Helper()
	for _, result := range results {
		if result.Resource == name {
			return result
		}
	}
	t.Fatalf("no result of %s in %s", name, statuses(results))
	return reconcile.MetaResult{}
}
