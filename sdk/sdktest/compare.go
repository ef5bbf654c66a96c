package sdktest

import (
	"reflect"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Actions compares desired with live objects, as simply as a test can: by type
// and name, guided by the schema; what is recorded, live and not desired is
// deleted. Creates and updates come in the order of desired, deletes before them
// in the reverse order of live, as the protocol says. The host's own rules,
// ownership and ignored changes for instance, are those of
// [reconcile.PlanObjects].
func Actions(schema *reconcile.Schema, desired, live, known []reconcile.Resource) []abi.ObjectAction {
	have, want := index(live), index(desired)
	recorded := index(known)
	var deletes, rest []abi.ObjectAction
	for _, l := range slices.Backward(live) {
		if l.Mode == reconcile.ModeManaged && want[key(&l)] == nil && recorded[key(&l)] != nil {
			deletes = append(deletes, action(reconcile.ActionDelete, &l, nil, nil))
		}
	}
	for i := range desired {
		d := &desired[i]
		l := have[key(d)]
		if l == nil || l.Mode == reconcile.ModeUnmanaged {
			rest = append(rest, action(reconcile.ActionCreate, nil, d, nil))
			continue
		}
		changed, immutable := differences(schema.ObjectType(d.Type), d, l)
		switch {
		case immutable:
			deletes = append(deletes, action(reconcile.ActionDelete, l, nil, nil))
			rest = append(rest, action(reconcile.ActionCreate, nil, d, nil))
		case len(changed) > 0:
			rest = append(rest, action(reconcile.ActionUpdate, l, d, changed))
		}
	}
	return append(deletes, rest...)
}

func key(r *reconcile.Resource) [2]string { return [2]string{r.Type, r.Name} }

func index(list []reconcile.Resource) map[[2]string]*reconcile.Resource {
	m := make(map[[2]string]*reconcile.Resource, len(list))
	for i := range list {
		m[key(&list[i])] = &list[i]
	}
	return m
}

func action(kind reconcile.ActionType, before, desired *reconcile.Resource, changed []string) abi.ObjectAction {
	a := abi.ObjectAction{Action: kind, Before: before, Desired: desired, Changed: changed}
	for _, r := range []*reconcile.Resource{desired, before} {
		if r != nil {
			a.Type, a.Name, a.ID = r.Type, r.Name, r.ExternalID
		}
	}
	return a
}

func differences(t *reconcile.ObjectType, desired, live *reconcile.Resource) (changed []string, immutable bool) {
	names := map[string]bool{}
	for name := range desired.Attributes {
		names[name] = true
	}
	for name := range live.Attributes {
		names[name] = true
	}
	for name := range names {
		a := t.Attribute(name)
		d, set := desired.Attributes[name]
		if a != nil && (a.Payload || a.Computed && !set) {
			continue
		}
		if !reflect.DeepEqual(d, live.Attributes[name]) {
			changed = append(changed, name)
			immutable = immutable || a != nil && a.Immutable
		}
	}
	slices.Sort(changed)
	return changed, immutable
}
