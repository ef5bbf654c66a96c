package wasm

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// HashKeys has the key of the hashes that stand for sensitive values; see
// [reconcile.FileStore.HashKey].
type HashKeys interface {
	// KnownHashKey is the key if there is one; it makes none.
	KnownHashKey(ctx context.Context) ([]byte, error)
	// HashKey makes the key where there is none.
	HashKey(ctx context.Context) ([]byte, error)
}

// planKey is the key of the hashes in the state, if there is one, and sets that
// of the digests.
func (r *Resource) planKey(ctx context.Context, state *reconcile.State) ([]byte, error) {
	var key []byte
	r.config.key, r.live.key = r.spec.DigestKey, r.spec.DigestKey
	if !r.sensitive(state) {
		return nil, nil
	}
	if r.spec.Keys != nil {
		var err error
		if key, err = r.spec.Keys.KnownHashKey(ctx); err != nil {
			return nil, keyError(err)
		}
	}
	if len(r.spec.DigestKey) == 0 {
		digestKey := r.provider.host.keyForDigests(key)
		r.config.key, r.live.key = digestKey, digestKey
	}
	return key, nil
}

// recordKey is the key for the hashes of a new state.
func (r *Resource) recordKey(ctx context.Context, existing *reconcile.State) ([]byte, error) {
	if r.spec.Keys == nil || !r.sensitive(existing) {
		return nil, nil
	}
	key, err := r.spec.Keys.HashKey(ctx)
	if err != nil {
		return nil, keyError(err)
	}
	return key, nil
}

func keyError(err error) error {
	return fmt.Errorf("the key for hashes of sensitive values: %w", err)
}

// keyForDigests is one key for the whole run: what is planned before the key of
// the hashes is made has to be found the same after that.
func (h *Host) keyForDigests(known []byte) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.digestKey == nil {
		h.digestKey = known
	}
	if h.digestKey == nil {
		h.digestKey = make([]byte, 32)
		_, _ = rand.Read(h.digestKey) // it never fails
	}
	return h.digestKey
}

// sensitive reports whether anything of the resource may be a secret: a secret
// is known, was one when the state was made, or the schema says so.
func (r *Resource) sensitive(state *reconcile.State) bool {
	if r.redactor.holdsAny() || reconcile.HoldsHashes(state) {
		return true
	}
	types := r.provider.answer.Description.Schema.Objects
	for i := range types {
		for _, attribute := range types[i].Attributes {
			if attribute.Sensitive && (holds(r.config.desired, types[i].Name, attribute.Name) || holds(r.live.objects, types[i].Name, attribute.Name)) {
				return true
			}
		}
	}
	return false
}

// holds reports whether an object of the type has the attribute.
func holds(objects []reconcile.Resource, kind, attribute string) bool {
	for i := range objects {
		if objects[i].Type == kind && objects[i].Attributes[attribute] != nil {
			return true
		}
	}
	return false
}
