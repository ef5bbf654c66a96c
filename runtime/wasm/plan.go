package wasm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
)

// actionKey names an action inside a plan: a replacement has two of one name.
type actionKey struct {
	action     reconcile.ActionType
	kind, name string
}

// plannedAction is what an action really is: values that no plan shows.
type plannedAction struct {
	request abi.ObjectAction
	effects []reconcile.Effect
}

const planning = "planning"

// ComputePlan is [Resource.ComputePlanContext] without a context.
func (r *Resource) ComputePlan(config, live any, state *reconcile.State) (*reconcile.Plan, error) {
	return r.ComputePlanContext(context.Background(), config, live, state) //nolint:forbidigo // the documented signature has no context
}

// ComputePlanContext compares on the host, or has the provider plan where its
// description says so, and attaches the effects of each action. The plan holds
// no secret; the real values stay here.
func (r *Resource) ComputePlanContext(ctx context.Context, config, live any, state *reconcile.State) (*reconcile.Plan, error) {
	defer r.hangUp()
	if err := r.mineLive(config, live); err != nil {
		return nil, err
	}
	key, err := r.planKey(ctx, state)
	if err != nil {
		return nil, err
	}
	recorded := state
	if plan := r.recall(recorded, key); plan != nil {
		r.observe(plan)
		return plan, nil
	}
	if state, err = r.adopted(state); err != nil {
		return nil, err
	}
	if err := r.checkSealer(); err != nil {
		return nil, err
	}
	plan, err := r.compare(ctx, key, state)
	if err != nil {
		return nil, err
	}
	plan.Warnings = append(plan.Warnings, r.warnings()...)
	if err := r.note(plan); err != nil {
		return nil, r.provider.explainWith(r.redactor, r.Type(), planning, err)
	}
	if err := r.addEffects(ctx, plan); err != nil {
		return nil, r.fail(err)
	}
	r.remember(plan, recorded, key)
	r.observe(plan)
	return plan, nil
}

// compare makes the plan: on the host, or in the provider where it plans itself.
// What is to be destroyed the host knows from the record and the world.
func (r *Resource) compare(ctx context.Context, key []byte, state *reconcile.State) (*reconcile.Plan, error) {
	guest := r.provider.answer.Description.Plans
	switch {
	case r.spec.Purpose == PurposeObserve, r.isData():
		return &reconcile.Plan{ResourceType: r.Type(), GeneratedAt: now(), ConfigPath: r.spec.Declaration.Source.Filename}, nil
	case guest && len(r.spec.Replace) > 0:
		return nil, fmt.Errorf("provider %q plans itself, and has no way to replace an object on demand", r.provider.info.Name)
	case guest && r.spec.Purpose == PurposeReconcile:
		return r.guestPlan(ctx, state)
	default:
		return r.hostPlan(key, state)
	}
}

func (r *Resource) mineLive(config, live any) error {
	if err := r.mine(config); err != nil {
		return err
	}
	if l, ok := live.(*liveValue); !ok || l != r.live {
		return fmt.Errorf("resource %s: the live objects are not those that were read last", r.Type())
	}
	return nil
}

// managedElsewhere reports whether another resource has recorded a live object as its
// own. Nobody knows where an ID may be that of different objects.
func (r *Resource) managedElsewhere(live *reconcile.Resource) bool {
	kind := r.provider.answer.Description.Schema.ObjectType(live.Type)
	return r.spec.Elsewhere != nil && kind != nil && kind.UniqueIDs && r.spec.Elsewhere(live)
}

func (r *Resource) hostPlan(key []byte, state *reconcile.State) (*reconcile.Plan, error) {
	return reconcile.PlanObjects(r.planInput(key, state))
}

func (r *Resource) planInput(key []byte, state *reconcile.State) reconcile.PlanInput {
	return reconcile.PlanInput{
		Address:     r.Type(),
		Schema:      &r.provider.answer.Description.Schema,
		Declaration: r.spec.Declaration,
		Desired:     r.config.desired,
		Live:        r.live.objects,
		State:       state,
		Redact:      r.redactor.secret,
		HashKey:     key,
		Destroy:     r.spec.Purpose == PurposeDestroy,
		Replace:     r.spec.Replace,
		Elsewhere:   r.managedElsewhere,
		ConfigPath:  r.spec.Declaration.Source.Filename,
		GeneratedAt: now(),
	}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) } //nolint:forbidigo // shown, never compared

func (r *Resource) warnings() []string {
	var out []string
	for _, list := range [][]string{r.config.warnings, r.live.warnings} {
		for _, w := range list {
			out = append(out, r.redactor.show(w))
		}
	}
	return out
}

// note keeps what each action really is.
func (r *Resource) note(plan *reconcile.Plan) error {
	r.planned = make(map[actionKey]*plannedAction, len(plan.Actions))
	for i := range plan.Actions {
		a := &plan.Actions[i]
		if a.Action == reconcile.ActionSkip {
			continue
		}
		key := actionKey{a.Action, a.ResourceType, a.Name}
		if r.planned[key] != nil {
			return fmt.Errorf("its plan has two actions to %s %s %q", a.Action, a.ResourceType, r.redactor.show(a.Name))
		}
		object := objectKey{a.ResourceType, a.Name}
		p := &plannedAction{request: abi.ObjectAction{Action: a.Action, Type: a.ResourceType, Name: a.Name}}
		if a.Action != reconcile.ActionCreate {
			p.request.Before = r.live.index[object]
		}
		if a.Action != reconcile.ActionDelete {
			p.request.Desired = r.config.index[object]
		}
		if p.request.Before != nil {
			p.request.ID = p.request.Before.ExternalID
		}
		if a.Action == reconcile.ActionUpdate {
			p.request.Changed = stringsOf(a.Details[reconcile.DetailChanged])
		}
		r.planned[key] = p
	}
	return nil
}

func stringsOf(v any) []string {
	switch list := v.(type) {
	case []string:
		return list
	case []any:
		var out []string
		for _, e := range list {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}

// addEffects asks the provider what each action will do to the world.
func (r *Resource) addEffects(ctx context.Context, plan *reconcile.Plan) error {
	var actions []*reconcile.Action
	for i := range plan.Actions {
		if plan.Actions[i].Action != reconcile.ActionSkip {
			actions = append(actions, &plan.Actions[i])
		}
	}
	for len(actions) > 0 {
		batch := actions[:min(len(actions), abi.MaxBatch)]
		effects, err := r.effectsOf(ctx, batch)
		if err != nil {
			return err
		}
		for i, a := range batch {
			list, err := r.provider.checkEffects(effects[i])
			if err != nil {
				return r.provider.explainWith(r.redactor, r.Type(), planning,
					fmt.Errorf("for %s %s %q: %w", a.Action, a.ResourceType, a.Name, err))
			}
			r.planned[actionKey{a.Action, a.ResourceType, a.Name}].effects = list
			if a.Details == nil {
				a.Details = map[string]any{}
			}
			a.Details[reconcile.DetailEffects] = r.effectDetails(list)
		}
		actions = actions[len(batch):]
	}
	return nil
}

// effectsOf asks for the effects of a batch. A provider that declares none is
// bounded by its grant alone, and the plan says so.
func (r *Resource) effectsOf(ctx context.Context, batch []*reconcile.Action) ([][]reconcile.Effect, error) {
	if !r.provider.answer.Can(abi.AbilityEffects) {
		out := make([][]reconcile.Effect, len(batch))
		for i := range out {
			out[i] = []reconcile.Effect{{Capability: reconcile.CapabilityUnbounded, Operation: "any", Target: "grant"}}
		}
		return out, nil
	}
	request := abi.EffectsRequest{}
	for _, a := range batch {
		request.Actions = append(request.Actions, r.planned[actionKey{a.Action, a.ResourceType, a.Name}].request)
	}
	var answer *abi.EffectsAnswer
	err := r.reading(ctx, "declaring the effects of its plan", func(s *session) error {
		data, err := s.ask(ctx, abi.OpEffects, &request)
		if err != nil {
			return err
		}
		if answer, err = abi.DecodeEffectsAnswer(data, len(batch), r.provider.wireLimits()); err != nil {
			return fmt.Errorf("its answer is malformed: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer.Effects, nil
}

// checkEffects brings effects into the words of the grant, and refuses what no
// grant covers: the plan would promise what the sandbox forbids.
func (p *Provider) checkEffects(effects []reconcile.Effect) ([]reconcile.Effect, error) {
	out := make([]reconcile.Effect, 0, len(effects))
	for _, e := range effects {
		switch e.Capability {
		case reconcile.CapabilityUnbounded:
		case reconcile.CapabilityFile:
			var err error
			if e, err = p.checkFileEffect(e); err != nil {
				return nil, err
			}
		case reconcile.CapabilityHTTP:
			var err error
			if e, err = p.checkHTTPEffect(e); err != nil {
				return nil, err
			}
		case reconcile.CapabilityTCP:
			var err error
			if e, err = p.checkTCPEffect(e); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("it declares the effect %q, which no grant covers", p.redactor.show(e.String()))
		}
		out = append(out, e)
	}
	return out, nil
}

func (p *Provider) checkFileEffect(e reconcile.Effect) (reconcile.Effect, error) {
	switch e.Operation {
	case "write", "delete", "mkdir", "rmdir", "chmod":
	default:
		return e, fmt.Errorf("it declares the file operation %q, which does not exist", p.redactor.show(e.Operation))
	}
	if strings.ContainsFunc(e.Target, unprintable) {
		return e, errors.New("it declares an effect on a path with invisible characters")
	}
	guest := guestfs.GuestPath(e.Target)
	for _, m := range p.mounts {
		if !m.Write || !covers(m.Guest, guest) {
			continue
		}
		if e.Target = "/" + guest; m.Relative {
			e.Target = path.Clean("./" + guest)
		}
		return e, nil
	}
	return e, fmt.Errorf("it declares the effect %q, and no grant lets it write there; add the path to allow { write }",
		p.redactor.show(e.String()))
}

// effectDetails is how a plan holds effects.
func (r *Resource) effectDetails(effects []reconcile.Effect) []any {
	out := make([]any, len(effects))
	for i, e := range effects {
		out[i] = map[string]any{
			"capability": e.Capability, "operation": e.Operation, "target": r.redactor.text(e.Target),
		}
	}
	return out
}

// observe keeps what the plan says about the resource's health.
func (r *Resource) observe(plan *reconcile.Plan) {
	sync := reconcile.SyncStatusSynced
	if plan.Summary.HasChanges() {
		sync = reconcile.SyncStatusOutOfSync
	}
	if r.asked { // how it fares is known from the provider itself
		r.status.Sync = sync
		return
	}
	r.status = reconcile.NewResourceStatus(sync, reconcile.HealthHealthy)
}
