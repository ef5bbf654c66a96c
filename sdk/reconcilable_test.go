package sdk_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/sdktest"
)

// counter plans itself: it wants to count to a number.
type counter struct {
	want    int64
	at      int64
	applied []string
}

func (*counter) Type() string { return "counter" }

func (*counter) Describe() reconcile.Description {
	return reconcile.Description{Name: "counter", Version: "2", Schema: reconcile.Schema{Version: 1}}
}

func (c *counter) Configure(_ context.Context, s *sdk.Session) error {
	c.want = s.Body().Int("want")
	return nil
}

func (c *counter) LoadConfig(root string) (any, error) {
	if root != "/" {
		return nil, errors.New("another root: " + root)
	}
	return c.want, nil
}

func (c *counter) FetchLive(_ context.Context, config any) (any, error) {
	if config != c.want {
		return nil, errors.New("not my config")
	}
	return []reconcile.Resource{sdk.Object("count", "now", map[string]any{"n": c.at})}, nil
}

func (c *counter) ComputePlan(config, live any, state *reconcile.State) (*reconcile.Plan, error) {
	if _, ok := live.([]reconcile.Resource); !ok || config != c.want {
		return nil, errors.New("not my values")
	}
	plan := &reconcile.Plan{Metadata: map[string]any{"serial": -1}, Warnings: []string{"w"}}
	if state != nil {
		plan.Metadata = map[string]any{"serial": state.Serial, "known": len(state.Resources)}
	}
	for i := c.at; i < c.want; i++ {
		plan.Actions = append(plan.Actions, reconcile.Action{
			Action: reconcile.ActionCreate, ResourceType: "count", Name: strconv.FormatInt(i, 10), Details: map[string]any{"i": i},
		})
		plan.Summary.Creates++
	}
	return plan, nil
}

func (c *counter) ApplyPlan(_ context.Context, plan *reconcile.Plan) ([]reconcile.Result, error) {
	a := plan.Actions[0]
	if a.Name == "1" {
		return []reconcile.Result{{Status: reconcile.ApplyFailed, Error: "cannot count to one", CreatedID: "half"}}, nil
	}
	c.applied = append(c.applied, a.Name)
	return []reconcile.Result{{Status: reconcile.ApplySucceeded, CreatedID: "id-" + a.Name}}, nil
}

func (c *counter) BuildState(_, live any, existing *reconcile.State) (*reconcile.State, error) {
	resources, _ := live.([]reconcile.Resource)
	return &reconcile.State{Resources: resources, Metadata: map[string]any{"had": existing != nil}}, nil
}

func (*counter) Health() reconcile.ResourceStatus {
	return reconcile.NewResourceStatus(reconcile.SyncStatusOutOfSync, reconcile.HealthProgressing)
}

func openCounter(t *testing.T, p *counter, phase abi.Phase, want int64) *sdktest.Client {
	t.Helper()
	c := sdktest.NewClient(sdk.New(p))
	if err := c.Open(t.Context(), &abi.OpenRequest{
		Address: "counter.a", Kind: abi.KindResource, Phase: phase, Body: map[string]any{"want": want},
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServeReconcilable(t *testing.T) {
	ctx := t.Context()
	d, err := sdktest.NewClient(sdk.New(&counter{})).Describe(ctx)
	if err != nil || !d.Description.Plans || d.Description.Version != "2" {
		t.Fatalf("%v %v", d, err)
	}
	c := openCounter(t, &counter{at: 1}, abi.PhaseRead, 2501)
	if err := c.Known(ctx, []reconcile.Resource{sdk.Object("count", "now", nil)}); err != nil {
		t.Fatal(err)
	}
	live, err := c.FetchLive(ctx)
	if err != nil || len(live.Objects) != 1 {
		t.Fatalf("%v %v", live, err)
	}
	plan, err := c.Plan(ctx, &abi.StateHead{Version: 1, Lineage: "l", Serial: 9})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Actions) != 2500 || plan.Summary.Creates != 2500 || plan.Actions[2499].Details["i"] != int64(2500) {
		t.Errorf("%d actions, %v", len(plan.Actions), plan.Summary)
	}
	if diff := cmp.Diff(map[string]any{"serial": int64(9), "known": int64(1)}, plan.Metadata); diff != "" {
		t.Error(diff)
	}
	built, err := c.BuildState(ctx, nil)
	if err != nil || len(built.Objects) != 1 || built.Metadata["had"] != any(false) {
		t.Errorf("%v %v", built, err)
	}
	status, err := c.Health(ctx)
	if err != nil || status.Health != reconcile.HealthProgressing {
		t.Errorf("%v %v", status, err)
	}
}

func TestServeReconcilableApplies(t *testing.T) {
	p := &counter{}
	c := openCounter(t, p, abi.PhaseWrite, 3)
	run := func(name string) (*abi.ApplyAnswer, error) {
		return c.Apply(t.Context(), &abi.ApplyRequest{
			ObjectAction: abi.ObjectAction{Action: reconcile.ActionCreate, Type: "count", Name: name},
			Key:          "k", Details: map[string]any{"i": int64(0)},
		})
	}
	got, err := run("0")
	if err != nil || got.CreatedID != "id-0" {
		t.Errorf("%v %v", got, err)
	}
	_, err = run("1")
	wantError(t, err, abi.KindError, "failed: cannot count to one")
	if e := message(t, err); e.CreatedID != "half" {
		t.Errorf("the created ID is lost: %v", e)
	}
	if diff := cmp.Diff([]string{"0"}, p.applied); diff != "" {
		t.Error(diff)
	}
}
