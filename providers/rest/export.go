package main

import (
	"context"

	"github.com/cogplan/cogplan/sdk/jsonvalue"
)

// Export declares all items, with the fields that declared items have; where none
// is declared, with all but the ID, and says so.
func (r *rest) Export(ctx context.Context) (map[string]any, error) {
	index, err := r.index(ctx)
	if err != nil {
		return nil, err
	}
	shape, objects := r.exportedFields(), map[string]any{}
	for name, it := range index {
		if r.readItem {
			var found bool
			if it, found, err = r.readOne(ctx, it); err != nil {
				return nil, err
			}
			if !found {
				continue
			}
		}
		body := map[string]any{}
		for field, value := range it.fields {
			if shape == nil && field != idField(r.id) || shape[field] {
				body[field] = value
			}
		}
		objects[name] = map[string]any{"body": body}
	}
	if shape == nil && len(objects) > 0 {
		r.session.Warn("all fields of the items are exported, those that the server sets itself too: take out what you do not want to manage, " +
			"or declare one item with the fields that you want, and export again")
	}
	out := map[string]any{"object": objects}
	for _, name := range []string{"collection", "query", "items", "id", "name", "item", "read", "unordered", "missing"} {
		if b := r.session.Body(); b.Has(name) {
			out[name] = b.Value(name)
		}
	}
	return out, nil
}

// exportedFields are the fields that any declared item has; nil where none is
// declared.
func (r *rest) exportedFields() map[string]bool {
	if len(r.objects) == 0 {
		return nil
	}
	fields := map[string]bool{}
	for _, object := range r.objects {
		body, _ := object.Value("body").(map[string]any)
		for field := range body {
			fields[field] = true
		}
	}
	return fields
}

func idField(p jsonvalue.Pointer) string {
	if len(p) == 1 {
		return p[0]
	}
	return ""
}
