package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"
)

// stateVersion is the version of the state format that this package reads and
// writes.
const stateVersion = 1

// GenerateLineage returns 32 random hex characters: the identity of a new
// history of states.
func GenerateLineage() string {
	var raw [16]byte
	// Read never fails; it ends the process where the system has no randomness.
	_, _ = rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

// NewState returns an empty state with a new lineage and serial 0.
func NewState(resourceType string) *State {
	return &State{
		Version: stateVersion, Lineage: GenerateLineage(),
		ResourceType: resourceType, Resources: []Resource{},
	}
}

// LoadState returns the recorded state of a resource type, or nil where none is
// recorded. A file that cannot be read as one is an [ErrCorrupt] that names it
// and says what to do.
func LoadState(root, resourceType string) (*State, error) {
	state, _, err := NewFileStore(root).Load(context.Background(), resourceType) //nolint:forbidigo // the documented signature has no context
	return state, err
}

// WriteState records a state, with the next serial and the present time. It
// refuses with an [ErrConflict] where the file has another lineage or another
// serial than the given state, and leaves the state as it is when it fails.
func WriteState(root, resourceType string, state *State) error {
	return NewFileStore(root).overwrite(context.Background(), resourceType, state) //nolint:forbidigo // the documented signature has no context
}

// ResourceIndex returns the state's resources by address; nil for nil. The
// pointers lead into the state.
func ResourceIndex(state *State) map[string]*Resource {
	return indexResources(state, func(r *Resource) string { return r.Address })
}

// ResourceByExternalID returns the state's resources by external ID, without
// those that have none; nil for nil. The pointers lead into the state.
func ResourceByExternalID(state *State) map[string]*Resource {
	index := indexResources(state, func(r *Resource) string { return r.ExternalID })
	delete(index, "")
	return index
}

func indexResources(state *State, key func(*Resource) string) map[string]*Resource {
	if state == nil {
		return nil
	}
	index := make(map[string]*Resource, len(state.Resources))
	for i := range state.Resources {
		index[key(&state.Resources[i])] = &state.Resources[i]
	}
	return index
}

// summarizeState is what a gate may know of a state.
func summarizeState(state *State) StateSummary {
	if state == nil {
		return StateSummary{}
	}
	summary := StateSummary{Lineage: state.Lineage, Serial: state.Serial}
	for i := range state.Resources {
		if state.Resources[i].Mode == ModeManaged {
			summary.Managed++
		}
	}
	return summary
}

// checkState says why a state may not be stored, or was not stored by us.
func checkState(state *State) error {
	switch {
	case state == nil:
		return errors.New("there is no state")
	case state.Version > stateVersion:
		return fmt.Errorf("its version is %d, and this program knows versions up to %d", state.Version, stateVersion)
	case state.Version != stateVersion:
		return fmt.Errorf("its version is %d, which no program wrote", state.Version)
	case state.Lineage == "" || !utf8.ValidString(state.Lineage):
		return errors.New("it has no lineage")
	case state.Serial < 0:
		return fmt.Errorf("its serial is %d", state.Serial)
	default:
		return nil
	}
}
