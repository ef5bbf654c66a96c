package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// adoptions are the objects that import blocks give to a resource.
func (s *session) adoptions(address string) []wasm.Adoption {
	var out []wasm.Adoption
	for _, adoption := range s.eval.Imports() {
		if adoption.To == address {
			out = append(out, wasm.Adoption{Type: adoption.ObjectType, Name: adoption.ObjectName, ID: adoption.ID})
		}
	}
	return out
}

// adoptionsToCome says which adoptions an apply records, one line for each.
func (s *session) adoptionsToCome(ctx context.Context, store reconcile.StateStore) []string {
	var lines []string
	for _, adoption := range s.eval.Imports() {
		state, _, err := store.Load(ctx, adoption.To)
		if err != nil {
			continue // the resource itself says what is wrong with its state
		}
		if state != nil && slices.ContainsFunc(state.Resources, func(o reconcile.Resource) bool { return o.ExternalID == adoption.ID }) {
			continue
		}
		what := adoption.To
		if adoption.ObjectType != "" {
			what = reconcile.ObjectAddress(adoption.To, adoption.ObjectType, adoption.ObjectName)
		}
		lines = append(lines, fmt.Sprintf("%s adopts what has the ID %q", what, adoption.ID))
	}
	return lines
}
