package render

import (
	"maps"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// withoutOldSecrets is the plan without the values before that stand where a
// secret stands after: they are most likely what the secret was before, and
// this run does not know them for secrets any more.
func withoutOldSecrets(plan *reconcile.Plan) *reconcile.Plan {
	if plan == nil {
		return nil
	}
	clean := *plan
	clean.Actions = slices.Clone(plan.Actions)
	for i := range clean.Actions {
		action := &clean.Actions[i]
		before, ok := action.Details[reconcile.DetailBefore]
		if !ok {
			continue
		}
		action.Details = maps.Clone(action.Details)
		action.Details[reconcile.DetailBefore] = hideLike(before, action.Details[reconcile.DetailAfter])
	}
	return &clean
}

// hideLike hides in before what is hidden in after.
func hideLike(before, after any) any {
	switch after := after.(type) {
	case string:
		if after == reconcile.SensitiveText && before != nil {
			return reconcile.SensitiveText
		}
	case map[string]any:
		if old, ok := before.(map[string]any); ok {
			hidden := make(map[string]any, len(old))
			for key, value := range old {
				hidden[key] = hideLike(value, after[key])
			}
			return hidden
		}
	case []any:
		if old, ok := before.([]any); ok {
			return hideItems(old, after)
		}
	}
	return before
}

// hideItems hides a whole list where one item of the other is hidden: items
// move.
func hideItems(before, after []any) any {
	if slices.Contains(after, any(reconcile.SensitiveText)) {
		return reconcile.SensitiveText
	}
	hidden := slices.Clone(before)
	for i := range min(len(before), len(after)) {
		hidden[i] = hideLike(before[i], after[i])
	}
	return hidden
}
