package wasm

import (
	"fmt"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Adoption says that an object that exists becomes the resource's own.
type Adoption struct {
	// Type and Name of the object; both are empty where the resource declares one
	// object only.
	Type, Name string
	// ID is the provider's own ID of the object.
	ID string
}

// adopted is the record with what is adopted in it, as if it had been recorded
// before: so the provider looks for it by its ID, and it is ours.
func (r *Resource) adopted(state *reconcile.State) (*reconcile.State, error) {
	if len(r.spec.Adopt) == 0 || r.applied || r.isData() {
		return state, nil
	}
	out := &reconcile.State{ResourceType: r.Type()}
	if state != nil {
		*out = *state
	}
	out.Resources = slices.Clone(out.Resources)
	for _, adoption := range r.spec.Adopt {
		key, err := r.adoptee(adoption)
		if err != nil {
			return nil, r.adoptError(adoption, err)
		}
		i := slices.IndexFunc(out.Resources, func(o reconcile.Resource) bool { return o.Type == key.kind && o.Name == key.name })
		switch {
		case i < 0:
			out.Resources = append(out.Resources, reconcile.Resource{
				Address: reconcile.ObjectAddress(r.Type(), key.kind, key.name), Type: key.kind, Name: key.name,
				Mode: reconcile.ModeManaged, ExternalID: adoption.ID,
			})
		case out.Resources[i].ExternalID != adoption.ID:
			return nil, r.adoptError(adoption, fmt.Errorf("%s %q is recorded already, with the ID %q; take the import block out, or forget the object first",
				key.kind, key.name, r.redactor.show(out.Resources[i].ExternalID)))
		}
	}
	if state == nil && len(out.Resources) == 0 {
		return nil, nil
	}
	return out, nil
}

// adoptee is the declared object that an adoption is about.
func (r *Resource) adoptee(adoption Adoption) (objectKey, error) {
	key := objectKey{adoption.Type, adoption.Name}
	if key == (objectKey{}) {
		if len(r.config.desired) != 1 {
			return key, fmt.Errorf("the resource declares %d objects; name one of them, as in to = %s.type[\"name\"]", len(r.config.desired), r.Type())
		}
		only := &r.config.desired[0]
		return objectKey{only.Type, only.Name}, nil
	}
	if r.config.index[key] == nil {
		return key, fmt.Errorf("the resource declares no %s %q; declare what is to be adopted, so that it is kept", key.kind, key.name)
	}
	return key, nil
}

// checkAdopted wants that what is adopted is there.
func (r *Resource) checkAdopted(live *liveValue) error {
	if r.applied || r.isData() {
		return nil
	}
	for _, adoption := range r.spec.Adopt {
		key, err := r.adoptee(adoption)
		if err != nil {
			return r.adoptError(adoption, err)
		}
		if object := live.index[key]; object == nil || object.ExternalID != adoption.ID {
			return r.adoptError(adoption, fmt.Errorf("there is no %s %q with this ID", key.kind, key.name))
		}
	}
	return nil
}

func (r *Resource) adoptError(adoption Adoption, err error) error {
	return r.fail(fmt.Errorf("adopt %q into %s: %w", r.redactor.show(adoption.ID), r.Type(), err))
}
