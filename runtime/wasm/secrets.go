package wasm

import (
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// mayShare reports whether an instance that serves this resource may serve
// others of the provider too, in the same phase. What one is told another could
// tell on, so there must be no secret in it. What it may do is asked for each
// action anew, outside of the guest.
func (r *Resource) mayShare() bool {
	p := r.provider
	return p.answer.Can(abi.AbilityReopen) && !p.networked() && !r.knowsSecrets()
}

// knowsSecrets reports whether the provider is told something sensitive. What a
// credential holds it is not told.
func (r *Resource) knowsSecrets() bool {
	return len(r.provider.config.Secrets) > 0 || len(r.config.body.Secrets) > 0 || len(r.recalled) > 0
}

// secretName refuses an object whose name holds something sensitive: a name is
// recorded, shown and asked about, and hidden it would be another name.
func (r *Resource) secretName(objects []reconcile.Resource) error {
	for i := range objects {
		if hidden, secret := r.redactor.secret(objects[i].Name); secret {
			return fmt.Errorf("%s: the name of %s %q holds the value of something sensitive, and names are recorded and shown; "+
				"take another name, or nonsensitive() where the value is no secret", r.Type(), objects[i].Type, hidden)
		}
	}
	return nil
}
