package render

import (
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// kind is what happens to an object, as a person sees it: a delete and a create
// of one object are one replacement.
type kind string

const (
	kindCreate  kind = "create"
	kindUpdate  kind = "update"
	kindDelete  kind = "delete"
	kindReplace kind = "replace"
)

// change is one object of a plan that does not stay as it is.
type change struct {
	kind kind
	// action holds the details: of a replacement those of its create.
	action *reconcile.Action
	// deleted is the delete of a replacement; nil of everything else.
	deleted *reconcile.Action
	// before and after are attributes; nil where the plan does not tell them.
	before, after map[string]any
}

// changesOf are the changes of a plan in its order, without what is skipped.
func changesOf(whole *reconcile.Plan) []change {
	plan := withoutOldSecrets(whole)
	type object struct{ resourceType, name string }
	replaced := map[object]*reconcile.Action{}
	for i := range plan.Actions {
		a := &plan.Actions[i]
		if a.Action == reconcile.ActionDelete && detailBool(a, reconcile.DetailReplace) {
			replaced[object{a.ResourceType, a.Name}] = a
		}
	}
	var changes []change
	for i := range plan.Actions {
		a := &plan.Actions[i]
		old := replaced[object{a.ResourceType, a.Name}]
		switch a.Action {
		case reconcile.ActionCreate:
			c := change{kind: kindCreate, action: a, before: detailMap(a, reconcile.DetailBefore), after: detailMap(a, reconcile.DetailAfter)}
			if old != nil {
				c.kind, c.deleted, c.before = kindReplace, old, detailMap(old, reconcile.DetailBefore)
			}
			changes = append(changes, c)
		case reconcile.ActionUpdate:
			changes = append(changes, change{kind: kindUpdate, action: a, before: detailMap(a, reconcile.DetailBefore), after: detailMap(a, reconcile.DetailAfter)})
		case reconcile.ActionDelete:
			if old == nil || !hasCreate(plan, a) {
				changes = append(changes, change{kind: kindDelete, action: a, before: detailMap(a, reconcile.DetailBefore)})
			}
		case reconcile.ActionSkip:
		}
	}
	return changes
}

// hasCreate reports whether the plan creates the object again.
func hasCreate(plan *reconcile.Plan, deleted *reconcile.Action) bool {
	return slices.ContainsFunc(plan.Actions, func(a reconcile.Action) bool {
		return a.Action == reconcile.ActionCreate && a.ResourceType == deleted.ResourceType && a.Name == deleted.Name
	})
}

func detailMap(a *reconcile.Action, key string) map[string]any {
	m, _ := a.Details[key].(map[string]any)
	return m
}

func detailBool(a *reconcile.Action, key string) bool {
	b, _ := a.Details[key].(bool)
	return b
}

func detailString(a *reconcile.Action, key string) string {
	s, _ := a.Details[key].(string)
	return s
}

func detailStrings(a *reconcile.Action, key string) []string {
	switch list := a.Details[key].(type) {
	case []string:
		return list
	case []any:
		out := make([]string, 0, len(list))
		for _, item := range list {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}

func drifted(a *reconcile.Action) bool { return detailBool(a, reconcile.DetailDrift) }
