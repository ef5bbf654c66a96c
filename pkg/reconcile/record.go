package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// record stores the state of a resource that is as declared.
func (s *step) record(ctx context.Context) error {
	if s.isData() {
		return nil
	}
	state, err := s.describe(ctx)
	if err != nil {
		return err
	}
	return s.saveOrRemove(ctx, state)
}

// recordApplied looks at the world again and stores what is there, with each ID
// that the apply created, also when the apply broke half-way. If the world cannot
// be read or described now, the last state with the created IDs is stored, so
// that nothing that was made is forgotten.
func (s *step) recordApplied(ctx context.Context) error {
	var state *State
	err := guard("read what is there after the apply", func() (err error) {
		s.seen.live, err = fetchLive(ctx, s.actual, s.seen.config, s.seen.state)
		return err
	})
	if err == nil {
		state, err = s.describe(ctx)
	}
	done := s.log.pending()
	if err != nil {
		state = cloneState(s.seen.state)
	} else if _, ok := finderOf(s.actual); !ok {
		done.actions = nil // the world shows what there is
	} else {
		// The world may not show yet what was begun and has no known end.
		done.actions = slices.DeleteFunc(done.actions, func(a pendingAction) bool { return a.outcome != outcomeOpen })
	}
	if state, _ = done.fold(state); state == nil {
		state = NewState(s.resource.Name)
	}
	s.addCreated(state)
	// A journal that failed is an error of the apply; the state is recorded all
	// the more.
	kept := s.lasting()
	saved := s.saveOrRemove(ctx, state)
	if saved == nil {
		s.log.settled()
	}
	return errors.Join(err, joinFenced(kept, saved))
}

// describe has the provider describe what is to be recorded. Lineage and serial
// are the engine's.
func (s *step) describe(ctx context.Context) (*State, error) {
	existing := s.seen.state
	var state *State
	err := guard("describe the state", func() (err error) {
		own := s.seen
		own.state = cloneState(existing)
		if state, err = buildState(ctx, s.actual, own); err != nil {
			return err
		}
		if state == nil {
			return errors.New("the provider returned none")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	described := *state
	described.Metadata = setInterrupted(described.Metadata, nil) // the world was looked at
	described.Version = stateVersion
	if existing != nil {
		described.Lineage, described.Serial = existing.Lineage, existing.Serial
	} else {
		described.Serial = 0
		if described.Lineage == "" {
			described.Lineage = GenerateLineage()
		}
	}
	if described.ResourceType == "" {
		described.ResourceType = s.resource.Name
	}
	return &described, nil
}

// addCreated makes sure that each created ID is in the state, even if the world
// does not show the object yet.
func (s *step) addCreated(state *State) {
	state.Resources = slices.Clone(state.Resources)
	known := make(map[string]bool, len(state.Resources))
	for i := range state.Resources {
		known[state.Resources[i].ExternalID] = true
	}
	var kinds map[string][]string
	for _, result := range s.results {
		if result.CreatedID == "" || known[result.CreatedID] {
			continue
		}
		if kinds == nil {
			kinds = s.createdKinds()
		}
		known[result.CreatedID] = true
		kind := ""
		if of := kinds[result.Name]; len(of) > 0 {
			kind, kinds[result.Name] = of[0], of[1:]
		}
		s.addObject(state, kind, result)
	}
}

// createdKinds are the types of what the plan creates, by name and in its order.
func (s *step) createdKinds() map[string][]string {
	kinds := make(map[string][]string)
	for _, action := range s.plan.Actions {
		if action.Action == ActionCreate {
			kinds[action.Name] = append(kinds[action.Name], action.ResourceType)
		}
	}
	return kinds
}

func (s *step) addObject(state *State, kind string, result Result) {
	for i := range state.Resources {
		r := &state.Resources[i]
		if r.Name == result.Name && r.Type == kind && r.ExternalID == "" {
			r.ExternalID = result.CreatedID
			return
		}
	}
	state.Resources = append(state.Resources, Resource{
		Address: ObjectAddress(s.resource.Name, kind, result.Name), Type: kind, Name: result.Name,
		Mode: ModeManaged, ExternalID: result.CreatedID,
	})
}

// save stores the state if there is anything new in it.
func (s *step) save(ctx context.Context, state *State) error {
	if s.seen.state != nil && !s.seen.unrecorded && sameState(s.seen.state, state) {
		return nil
	}
	token, err := s.walk.engine.store.Save(ctx, s.resource.Name, state, s.seen.token)
	if err != nil {
		return fmt.Errorf("record the state of %s: %w", s.resource.Name, err)
	}
	s.seen.state, s.seen.token, s.seen.unrecorded = state, token, false
	return nil
}

// sameState compares what is recorded; times of reading are no difference.
func sameState(a, b *State) bool {
	return a.Lineage == b.Lineage && a.Serial == b.Serial && a.ResourceType == b.ResourceType &&
		slices.EqualFunc(a.Resources, b.Resources, sameResource) &&
		sameAttributes(a.Metadata, b.Metadata)
}

func sameResource(a, b Resource) bool {
	if a.Address != b.Address || a.Type != b.Type || a.Mode != b.Mode || a.Name != b.Name ||
		a.ExternalID != b.ExternalID || a.ParentAddress != b.ParentAddress || a.ParentID != b.ParentID ||
		a.UnmanagedReason != b.UnmanagedReason {
		return false
	}
	return sameAttributes(a.Attributes, b.Attributes)
}

func sameAttributes(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		other, ok := b[key]
		if !ok || !sameValue(value, other, false) {
			return false
		}
	}
	return true
}

// cloneState is a copy that shares nothing with the state; nil for nil.
func cloneState(state *State) *State {
	if state == nil {
		return nil
	}
	own := *state
	own.Resources = slices.Clone(state.Resources)
	for i := range own.Resources {
		own.Resources[i].Attributes = cloneMap(own.Resources[i].Attributes)
	}
	own.Metadata = cloneMap(state.Metadata)
	return &own
}

func cloneMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	own := make(map[string]any, len(m))
	for key, value := range m {
		own[key] = cloneValue(value)
	}
	return own
}

// cloneValue copies the containers of JSON. Other values are the provider's own
// types; they are compared by what they hold, and shared.
func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		if v == nil {
			return v
		}
		own := make([]any, len(v))
		for i := range v {
			own[i] = cloneValue(v[i])
		}
		return own
	default:
		return v
	}
}
