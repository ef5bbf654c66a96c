package main

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

func (r *rest) operationFor(action reconcile.ActionType) (operation, error) {
	switch action {
	case reconcile.ActionCreate:
		return r.create, nil
	case reconcile.ActionUpdate:
		return r.update, nil
	case reconcile.ActionDelete:
		return r.remove, nil
	case reconcile.ActionSkip:
	}
	return operation{}, sdk.Unsupported("the action " + string(action))
}

// subject is what an action is about: the declared object, or the live one of a
// delete.
func subject(change sdk.Change) map[string]any {
	if change.Desired != nil {
		return change.Desired.Attributes
	}
	return change.Before.Attributes
}

// target is the URL of the request that carries an action out.
func (r *rest) target(op operation, change sdk.Change) (string, error) {
	path, err := r.path(op.path, change.ID, change.Name, subject(change))
	if err != nil {
		return "", err
	}
	return withQuery(r.base+path, op.query), nil
}

// Effects is the one request that an action makes to change the world.
func (r *rest) Effects(_ context.Context, change sdk.Change) ([]reconcile.Effect, error) {
	op, err := r.operationFor(change.Action)
	if err != nil {
		return nil, err
	}
	url, err := r.target(op, change)
	if err != nil {
		return nil, err
	}
	return []reconcile.Effect{{Capability: reconcile.CapabilityHTTP, Operation: op.method, Target: url}}, nil
}

// current is the item as it is now. Where items are read from the list, that is
// the list as it was when the session began, and what this session did since.
func (r *rest) current(ctx context.Context, name string) (item, bool, error) {
	index, err := r.index(ctx)
	if err != nil {
		return item{}, false, err
	}
	it, found := index[name]
	if !found || !r.readItem {
		return it, found, nil
	}
	return r.readOne(ctx, it)
}

// is reports whether an item has all the fields of an object.
func (r *rest) is(it item, object *reconcile.Resource) bool {
	want := map[string]any{}
	for name, value := range object.Attributes {
		if name != attrWriteOnly {
			want[name] = value
		}
	}
	return same(r.fields(it.fields, object.Attributes), want)
}

// Create makes the item. One that an earlier attempt made is found by its name.
func (r *rest) Create(ctx context.Context, change sdk.Change) (sdk.Applied, error) {
	it, exists, err := r.current(ctx, change.Name)
	switch {
	case err != nil:
		return sdk.Applied{}, err
	case exists && r.is(it, change.Desired):
		return sdk.Applied{ID: it.id}, nil
	case exists:
		return sdk.Applied{}, sdk.Stale(strconv.Quote(change.Name) + " exists by now, and the plan saw nothing there")
	}
	a, err := r.perform(ctx, r.create, change, item{})
	if err != nil {
		return sdk.Applied{}, err
	}
	made := item{name: change.Name, id: r.createdID(a, change.Name), fields: change.Desired.Attributes}
	r.seen[change.Name] = made
	return sdk.Applied{ID: made.id}, nil
}

// createdID is what the server called the new item: in the answer, in the
// header Location, or else its name.
func (r *rest) createdID(a *answer, name string) string {
	if v, ok := r.create.id.Get(a.value); ok {
		if id, ok := scalar(v); ok {
			return id
		}
	}
	if location := strings.TrimSuffix(a.header.Get("Location"), "/"); a.status == 201 && r.item.needs("id") && location != "" {
		segment := location[strings.LastIndexByte(location, '/')+1:]
		if id, ok := unescapeSegment(segment); ok {
			return id
		}
	}
	return name
}

func unescapeSegment(s string) (string, bool) {
	if strings.ContainsAny(s, "?#") || s == "" {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(v))
		i += 2
	}
	return b.String(), true
}

// Update changes the item, if it still is what the plan saw.
func (r *rest) Update(ctx context.Context, change sdk.Change) (sdk.Applied, error) {
	it, exists, err := r.current(ctx, change.Name)
	switch {
	case err != nil:
		return sdk.Applied{}, err
	case !exists:
		return sdk.Applied{}, sdk.Stale(strconv.Quote(change.Name) + " is not there any more")
	case r.is(it, change.Desired) && change.Desired.Attributes[attrWriteOnly] == nil:
		return sdk.Applied{ID: it.id}, nil // done by an earlier attempt
	case !r.is(it, change.Before):
		return sdk.Applied{}, sdk.Stale(strconv.Quote(change.Name) + " is not any more what the plan saw")
	}
	if _, err := r.perform(ctx, r.update, change, it); err != nil {
		return sdk.Applied{}, err
	}
	if merged, ok := merge(it.fields, change.Desired.Attributes).(map[string]any); ok {
		it.fields = merged
	}
	r.seen[change.Name] = it
	return sdk.Applied{ID: it.id}, nil
}

// Delete removes the item, if it still is what the plan saw.
func (r *rest) Delete(ctx context.Context, change sdk.Change) error {
	it, exists, err := r.current(ctx, change.Name)
	switch {
	case err != nil:
		return err
	case !exists:
		return nil
	case change.ID != "" && it.id != change.ID:
		return sdk.Stale(strconv.Quote(change.Name) + " is another item than the plan saw")
	case !r.is(it, change.Before):
		return sdk.Stale(strconv.Quote(change.Name) + " is not any more what the plan saw")
	}
	if _, err := r.perform(ctx, r.remove, change, it); err != nil {
		return err
	}
	delete(r.seen, change.Name)
	return nil
}

// perform makes the one request of an action.
func (r *rest) perform(ctx context.Context, op operation, change sdk.Change, live item) (*answer, error) {
	url, err := r.target(op, change)
	if err != nil {
		return nil, err
	}
	payload, err := r.payload(op, change, live)
	if err != nil {
		return nil, err
	}
	c := call{method: op.method, url: url, headers: op.headers, payload: payload}
	a, err := r.send(ctx, c)
	if err != nil {
		return nil, err
	}
	switch {
	case len(op.expect) > 0 && op.expect[a.status], len(op.expect) == 0 && a.status >= 200 && a.status <= 299:
		return a, nil
	case change.Action == reconcile.ActionDelete && r.missing[a.status]:
		return a, nil // somebody was faster
	default:
		return nil, a.failure(c)
	}
}

// payload is what is sent: the fields that the operation asks for, those that
// stand beside, and the place where all of them belong.
func (r *rest) payload(op operation, change sdk.Change, live item) (any, error) {
	declared := whole(subject(change))
	var fields map[string]any
	switch op.body {
	case "none":
		if len(op.with) == 0 {
			return nil, nil
		}
		fields = map[string]any{}
	case "key":
		fields = map[string]any{}
		for _, name := range r.name.fields {
			fields[name] = declared[name]
		}
	case "changed":
		fields = changed(declared, change)
	case "merged":
		fields, _ = merge(live.fields, declared).(map[string]any)
	case "declared":
		fields = declared
	default:
		return nil, errors.New("there is no body " + strconv.Quote(op.body))
	}
	maps.Copy(fields, op.with)
	return op.wrap.Wrap(fields), nil
}

// whole are the attributes of an object as one body.
func whole(attributes map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range attributes {
		if name != attrWriteOnly {
			out[name] = value
		}
	}
	if secrets, ok := attributes[attrWriteOnly].(map[string]any); ok {
		maps.Copy(out, secrets)
	}
	return out
}

// changed are the fields that differ, and those whose state nobody can tell.
func changed(declared map[string]any, change sdk.Change) map[string]any {
	out := map[string]any{}
	for name, value := range declared {
		if change.Before == nil || !same(change.Before.Attributes[name], value) {
			out[name] = value
		}
	}
	return out
}
