package cli

import (
	"context"
	"sync"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// owners says which resources have recorded an object as their own. It is read when
// somebody asks, once, and is safe for concurrent use.
type owners struct {
	once sync.Once
	// byObject are addresses by provider, type and ID.
	byObject map[[3]string][]string
}

// elsewhere reports whether another resource of the same provider has recorded a live
// object: resources may share a root, and what one of them manages is no stranger to
// the others.
func (s *session) elsewhere(meta reconcile.MetaResource) func(*reconcile.Resource) bool {
	return func(live *reconcile.Resource) bool {
		if live.ExternalID == "" {
			return false
		}
		s.owners.once.Do(s.readOwners)
		for _, address := range s.owners.byObject[[3]string{meta.Source, live.Type, live.ExternalID}] {
			if address != meta.Name {
				return true
			}
		}
		return false
	}
}

// readOwners reads all states. One that cannot be read owns nothing here; whoever
// needs it says what is wrong with it.
func (s *session) readOwners() {
	s.owners.byObject = map[[3]string][]string{}
	// The states are files of this machine, and whoever asks has no context.
	ctx := context.Background() //nolint:forbidigo // as it says
	for _, meta := range s.eval.MetaConfig().Resources {
		state, _, err := s.store.Load(ctx, meta.Name)
		if err != nil || state == nil {
			continue
		}
		for i := range state.Resources {
			if object := &state.Resources[i]; object.ExternalID != "" && object.Mode == reconcile.ModeManaged {
				key := [3]string{meta.Source, object.Type, object.ExternalID}
				s.owners.byObject[key] = append(s.owners.byObject[key], meta.Name)
			}
		}
	}
}
