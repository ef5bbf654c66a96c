package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// readsRecord reports whether the record is taken for the world.
func (r *Resource) readsRecord() bool {
	return r.spec.Recorded && !r.applied && len(r.spec.Adopt) == 0 && !r.isData()
}

// recordedLive takes what is recorded for what is live, for a run that does not
// read the world; nil where that cannot be. Of what is secret the record has hashes:
// where one is that of what is declared, it is that; otherwise the world has to be
// read. What the provider computes is not known.
func (r *Resource) recordedLive(ctx context.Context, known *reconcile.State) (*liveValue, error) {
	live := &liveValue{}
	var key []byte
	if r.spec.Keys != nil && reconcile.HoldsHashes(known) {
		var err error
		if key, err = r.spec.Keys.KnownHashKey(ctx); err != nil {
			return nil, r.fail(keyError(err))
		}
	}
	for i := range objectsOfState(known) {
		object := known.Resources[i]
		if object.Mode != reconcile.ModeManaged {
			continue
		}
		attributes, ok := r.unhashed(known, key, &object)
		if !ok {
			return nil, nil //nolint:nilnil // there is none, and that is no error
		}
		object.Attributes = attributes
		live.objects = append(live.objects, object)
	}
	data, err := json.Marshal(live.objects)
	if err != nil {
		return nil, r.fail(fmt.Errorf("take the record of %s for what is live: %w", r.Type(), err))
	}
	live.sum = sha256.Sum256(data)
	if live.index, err = r.provider.index(live.objects); err != nil {
		return nil, r.fail(r.provider.explain(r.Type(), "taking the record for what is live", err))
	}
	return live, nil
}

func objectsOfState(state *reconcile.State) []reconcile.Resource {
	if state == nil {
		return nil
	}
	return state.Resources
}

// unhashed are the attributes of a recorded object with what is declared in the
// place of its hashes; false where one is of something else.
func (r *Resource) unhashed(state *reconcile.State, key []byte, object *reconcile.Resource) (map[string]any, bool) {
	attributes := maps.Clone(object.Attributes)
	desired := r.config.index[objectKey{object.Type, object.Name}]
	schema := r.provider.answer.Description.Schema.ObjectType(object.Type)
	for name, value := range object.Attributes {
		if !reconcile.IsHash(value) {
			continue
		}
		if desired == nil || !reconcile.RecordedAs(state, key, object, name, desired.Attributes[name]) {
			return nil, false
		}
		attributes[name] = desired.Attributes[name]
		if a := schema.Attribute(name); a != nil && a.Payload {
			delete(attributes, name) // the world does not tell it either
		}
	}
	return attributes, true
}
