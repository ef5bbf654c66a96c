package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// settle tells the language what became known about a resource, so that what
// reads it can be evaluated.
func (s *session) settle(_ context.Context, settled reconcile.Settled) error {
	address := settled.Resource.Name
	return s.eval.Settle(address, s.knownOf(address, &settled))
}

// knownOf are the objects of a resource: what is recorded as ours, with what
// was last read of it. A reading alone does not do: a provider without marks of
// its own takes what was created just now for somebody else's.
func (s *session) knownOf(address string, settled *reconcile.Settled) lang.ResourceResult {
	type key struct{ objectType, name string }
	objects := map[key]reconcile.Resource{}
	if settled.State != nil {
		for _, object := range settled.State.Resources {
			if object.Mode == reconcile.ModeManaged {
				objects[key{object.Type, object.Name}] = object
			}
		}
	}
	result := lang.ResourceResult{Known: true}
	if resource := s.resources[address]; resource != nil && settled.Live != nil {
		for _, byName := range resource.Objects() {
			for _, object := range byName {
				objects[key{object.Type, object.Name}] = object
			}
		}
		result.Outputs = resource.Outputs()
	}
	if d, ok := s.eval.Declaration(address); ok && d.Mode == "data" {
		result.Known = settled.Live != nil // it is recorded nowhere
	}
	result.Objects = slices.Collect(maps.Values(objects))
	return result
}
