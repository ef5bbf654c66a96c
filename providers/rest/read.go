package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// item is one item of the collection as it is.
type item struct {
	id, name string
	fields   map[string]any
}

// Desired turns the object blocks into objects.
func (r *rest) Desired(context.Context) ([]reconcile.Resource, error) {
	out := make([]reconcile.Resource, 0, len(r.objects))
	for _, block := range r.objects {
		fields, err := r.declared(block)
		if err != nil {
			return nil, err
		}
		out = append(out, sdk.Object(typeObject, block.Label, fields))
	}
	return out, nil
}

// declared are the attributes of an object: its body, with the field that its
// label stands for.
func (r *rest) declared(block sdk.LabeledBlock) (map[string]any, error) {
	body := map[string]any{}
	if given := block.Value("body"); given != nil {
		fields, ok := given.(map[string]any)
		if !ok {
			return nil, block.Error("body", "want an object: { field = value }")
		}
		maps.Copy(body, fields)
	}
	if _, taken := body[attrWriteOnly]; taken {
		return nil, block.Error("body", "a field cannot be called "+attrWriteOnly)
	}
	if field, ok := r.name.only(); ok && body[field] == nil {
		body[field] = block.Label
	}
	name, err := r.nameOf(body)
	if err != nil {
		return nil, block.Error("body", err.Error()+", which the name of an object is made of")
	}
	if name != block.Label {
		return nil, block.Error("", "the label is "+strconv.Quote(block.Label)+", and its fields make the name "+strconv.Quote(name))
	}
	secrets := map[string]any{}
	for field := range r.writeOnly {
		if value, ok := body[field]; ok {
			secrets[field] = value
			delete(body, field)
		}
	}
	if len(secrets) > 0 {
		body[attrWriteOnly] = secrets
	}
	return body, nil
}

func (r *rest) nameOf(fields map[string]any) (string, error) {
	return r.name.fill(func(field string) (string, error) {
		if s, ok := scalar(fields[field]); ok {
			return s, nil
		}
		return "", errors.New("there is no field " + strconv.Quote(field))
	}, asIs)
}

// itemOf reads an item of the list.
func (r *rest) itemOf(v any) (item, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return item{}, errors.New("GET " + r.base + r.collection + ": an item of the list is no object")
	}
	name, err := r.nameOf(fields)
	if err != nil {
		return item{}, r.session.Body().Error("name", "in an item of the collection "+err.Error())
	}
	it := item{name: name, id: name, fields: fields}
	if id, found := r.id.Get(v); found {
		if s, ok := scalar(id); ok {
			it.id = s
		}
	}
	return it, nil
}

// index lists the collection, once in a session, and finds items by name. A
// name that several have is nobody's.
func (r *rest) index(ctx context.Context) (map[string]item, error) {
	if r.seen != nil {
		return r.seen, nil
	}
	list, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	ours := set(nil)
	for _, block := range r.objects {
		ours[block.Label] = true
	}
	seen, twice := make(map[string]item, len(list)), 0
	for _, v := range list {
		it, err := r.itemOf(v)
		if err != nil {
			return nil, err
		}
		if _, taken := seen[it.name]; taken {
			if ours[it.name] {
				return nil, r.session.Body().Error("name", "two items of the collection are called "+strconv.Quote(it.name)+"; make the name of more fields")
			}
			twice++
			continue
		}
		seen[it.name] = it
	}
	if twice > 0 {
		r.session.Warn(strconv.Itoa(twice) + " items of " + r.collection + " have a name that another one has, and are not looked at")
	}
	r.seen = seen
	return seen, nil
}

// Live reads the items. What is declared or known is told with those fields;
// all others by their names alone.
func (r *rest) Live(ctx context.Context, query sdk.Query) ([]reconcile.Resource, error) {
	r.seen = nil
	index, err := r.index(ctx)
	if err != nil {
		return nil, err
	}
	shapes := map[string]map[string]any{}
	known := map[string]reconcile.Resource{}
	for _, k := range query.Known {
		known[k.Name] = k
		shapes[k.Name] = k.Attributes
	}
	for _, d := range query.Desired {
		shapes[d.Name] = d.Attributes
	}
	if err := r.readItems(ctx, index, shapes); err != nil {
		return nil, err
	}
	var out []reconcile.Resource
	// In order: what is read twice has to be told twice in the same words.
	for _, name := range slices.Sorted(maps.Keys(index)) {
		it := index[name]
		shape, ours := shapes[name]
		if !ours && !r.unmanaged {
			continue
		}
		recorded, recordedToo := known[name]
		var object reconcile.Resource
		switch {
		case recordedToo && (recorded.ExternalID == "" || recorded.ExternalID == it.id):
			object = sdk.Object(typeObject, name, r.fields(it.fields, shape))
		case ours:
			object = sdk.Unmanaged(typeObject, name, "it exists already", r.fields(it.fields, shape))
		default:
			object = sdk.Unmanaged(typeObject, name, "it is not declared", nil)
		}
		object.ExternalID = it.id
		out = append(out, object)
	}
	return out, nil
}

// readItems reads the items that matter from their own paths, at the same time.
func (r *rest) readItems(ctx context.Context, index map[string]item, shapes map[string]map[string]any) error {
	if !r.readItem {
		return nil
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	for name := range shapes {
		it, exists := index[name]
		if !exists {
			continue
		}
		all.Go(func() {
			full, found, err := r.readOne(ctx, it)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failed = err
			case !found:
				delete(index, name)
			default:
				index[name] = full
			}
		})
	}
	all.Wait()
	return failed
}

// readOne reads an item from its own path.
func (r *rest) readOne(ctx context.Context, it item) (item, bool, error) {
	path, err := r.path(r.item, it.id, it.name, it.fields)
	if err != nil {
		return item{}, false, err
	}
	c := call{method: "GET", url: r.base + path}
	a, err := r.send(ctx, c)
	if err != nil {
		return item{}, false, err
	}
	if r.missing[a.status] {
		return item{}, false, nil
	}
	fields, ok := a.value.(map[string]any)
	if a.status < 200 || a.status > 299 {
		return item{}, false, a.failure(c)
	}
	if !ok {
		return item{}, false, errors.New("GET " + c.url + ": the answer is no object")
	}
	it.fields = fields
	return it, true, nil
}

// path fills a path; each value becomes part of one segment.
func (r *rest) path(t template, id, label string, fields map[string]any) (string, error) {
	path, err := t.fill(func(field string) (string, error) {
		value, ok := "", true
		switch {
		case field == "id" && id != "":
			value = id
		case field == "label":
			value = label
		default:
			value, ok = scalar(fields[field])
		}
		if !ok {
			return "", errors.New("the path needs {" + field + "}, and " + strconv.Quote(label) + " has no such field")
		}
		if value == "." || value == ".." {
			return "", errors.New("the path would have the segment " + value)
		}
		return value, nil
	}, escapeSegment)
	if err == nil && path == "" {
		err = r.session.Body().Error("item", "there is no path for "+strconv.Quote(label)+"; set item, or path in the block of the operation")
	}
	return path, err
}

// Find looks for one item: by its ID in an import, or by its name.
func (r *rest) Find(ctx context.Context, lookup sdk.Lookup) (*reconcile.Resource, error) {
	index, err := r.index(ctx)
	if err != nil {
		return nil, err
	}
	it, found := index[lookup.Object.Name]
	if lookup.ID != "" {
		found = false
		for _, candidate := range index {
			if candidate.id == lookup.ID {
				it, found = candidate, true
			}
		}
	}
	if !found {
		return nil, nil
	}
	if r.readItem {
		if it, found, err = r.readOne(ctx, it); err != nil || !found {
			return nil, err
		}
	}
	object := sdk.Object(typeObject, it.name, r.fields(it.fields, lookup.Object.Attributes))
	object.ExternalID = it.id
	return &object, nil
}
