package wasm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// maxActions is the largest plan of one resource.
const maxActions = 1_000_000

// guestPlan has a provider with its own idea of a plan make it. Nothing in it
// is believed that can be counted or checked here.
func (r *Resource) guestPlan(ctx context.Context, state *reconcile.State) (*reconcile.Plan, error) {
	plan := &reconcile.Plan{
		ResourceType: r.Type(), GeneratedAt: now(), ConfigPath: r.spec.Declaration.Source.Filename,
		Actions: []reconcile.Action{}, Warnings: []string{},
	}
	err := r.reading(ctx, planning, func(s *session) error {
		plan.Actions = plan.Actions[:0]
		return r.collectPlan(ctx, s, plan, headOf(state))
	})
	if err == nil {
		err = r.checkPlan(plan, state)
	}
	if err != nil {
		return nil, r.fail(r.provider.explainWith(r.redactor, r.Type(), planning, err))
	}
	return plan, nil
}

func headOf(state *reconcile.State) *abi.StateHead {
	if state == nil {
		return nil
	}
	return &abi.StateHead{
		Version: state.Version, Lineage: state.Lineage, Serial: state.Serial,
		GeneratedAt: state.GeneratedAt, Metadata: state.Metadata,
	}
}

func (r *Resource) collectPlan(ctx context.Context, s *session, plan *reconcile.Plan, head *abi.StateHead) error {
	data, err := s.ask(ctx, abi.OpPlan, &abi.StateRequest{State: head})
	for {
		if err != nil {
			return err
		}
		batch, err2 := abi.DecodePlanBatch(data, r.provider.wireLimits())
		if err2 != nil {
			return fmt.Errorf("its plan is malformed: %w", err2)
		}
		plan.Actions = append(plan.Actions, batch.Actions...)
		if len(plan.Actions) > maxActions {
			return fmt.Errorf("its plan has more than %d actions", maxActions)
		}
		if !batch.More {
			for _, w := range batch.Warnings {
				plan.Warnings = append(plan.Warnings, r.redactor.show(w))
			}
			plan.Summary, plan.Metadata = *batch.Summary, r.redactMap(batch.Metadata)
			return nil
		}
		data, err = s.ask(ctx, abi.OpNext, abi.Empty{})
	}
}

// checkPlan counts, and takes secrets out of the details. The effects that a
// guest writes into its own plan are dropped: the host asks for them.
func (r *Resource) checkPlan(plan *reconcile.Plan, state *reconcile.State) error {
	var count reconcile.Summary
	recorded := reconcile.ResourceIndex(state)
	schema := &r.provider.answer.Description.Schema
	for i := range plan.Actions {
		a := &plan.Actions[i]
		switch a.Action {
		case reconcile.ActionCreate:
			count.Creates++
		case reconcile.ActionUpdate:
			count.Updates++
		case reconcile.ActionDelete:
			count.Deletes++
		case reconcile.ActionSkip:
			count.Skipped++
		}
		if len(schema.Objects) > 0 && schema.ObjectType(a.ResourceType) == nil {
			return fmt.Errorf("its plan has an action on the type %q, which its schema does not have", r.redactor.show(a.ResourceType))
		}
		a.Details = r.redactMap(a.Details)
		hideOldSecrets(a, recorded[objectAddress(r.Type(), a)])
		delete(a.Details, reconcile.DetailEffects)
	}
	if count != plan.Summary {
		return errors.New("its plan counts its own actions wrongly, so it is not believed")
	}
	return nil
}

func (r *Resource) redactMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	out, _ := r.redactValue(m).(map[string]any)
	return out
}

func (r *Resource) redactValue(v any) any {
	switch v := v.(type) {
	case string:
		return r.redactor.text(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = r.redactValue(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[r.redactor.text(k)] = r.redactValue(e)
		}
		return out
	default:
		return v
	}
}

// hideOldSecrets takes out of what was before what stands where there is a
// secret now, or was one when the state was made: this run does not know it.
func hideOldSecrets(a *reconcile.Action, recorded *reconcile.Resource) {
	before, _ := a.Details[reconcile.DetailBefore].(map[string]any)
	after, _ := a.Details[reconcile.DetailAfter].(map[string]any)
	for name, value := range before {
		secret := holdsRedacted(after[name])
		if recorded != nil && !secret {
			secret = reconcile.IsHash(recorded.Attributes[name])
		}
		if secret && value != nil {
			before[name] = redacted
		}
	}
}

// holdsRedacted reports whether something was taken out of a value.
func holdsRedacted(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, redacted)
	case []any:
		return slices.ContainsFunc(v, holdsRedacted)
	case map[string]any:
		for key, value := range v {
			if holdsRedacted(key) || holdsRedacted(value) {
				return true
			}
		}
	}
	return false
}
