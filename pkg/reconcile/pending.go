package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// pendingResource is what a run has begun to do to one resource.
type pendingResource struct {
	run  JournalRecord
	name string
	// address, and the state that the plan was made from.
	address string
	lineage string
	serial  int
	actions []pendingAction
}

type pendingAction struct {
	seq     int
	action  ActionType
	key     objectKey
	outcome outcome
	id      string
}

// readPending collects what the records of a journal say of each resource.
func readPending(journal *StoredJournal) ([]*pendingResource, error) {
	var resources []*pendingResource
	places := map[[2]int]int{}
	for i := range journal.Records {
		r := &journal.Records[i]
		at := [2]int{r.Resource, r.Seq}
		switch r.Op {
		case JournalBegin:
		case JournalResource:
			resources = append(resources, &pendingResource{
				run: journal.Records[0], name: journal.Name, address: r.Address, lineage: r.Lineage, serial: r.Serial,
			})
		case JournalIntent:
			p := resources[r.Resource-1]
			places[at] = len(p.actions)
			p.actions = append(p.actions, pendingAction{
				seq: r.Seq, action: r.Action, key: objectKey{r.Type, r.Name}, outcome: outcomeOpen,
			})
		case JournalDone, JournalFail:
			place, known := places[at]
			if !known {
				return nil, fmt.Errorf("%w: the journal %s has the outcome of action %d of %s, and no intent of it",
					ErrCorrupt, journal.Name, r.Seq, resources[r.Resource-1].address)
			}
			action := &resources[r.Resource-1].actions[place]
			action.id, action.outcome = r.ID, outcomeDone
			if r.Op == JournalFail {
				action.outcome = outcomeFailed
			}
		}
	}
	for _, p := range resources {
		slices.SortStableFunc(p.actions, func(a, b pendingAction) int { return cmp.Compare(a.seq, b.seq) })
	}
	return resources, nil
}

// over reports whether a state holds already what the run did: every write of a
// state that comes after an intent holds its outcome.
func (p *pendingResource) over(state *State) (bool, error) {
	if state == nil {
		return false, nil
	}
	if p.lineage == "" {
		// There was no state when the plan was made.
		return true, nil
	}
	if state.Lineage != p.lineage {
		return false, fmt.Errorf("%w: the journal %s tells of changes to %s under the lineage %s, and its state has the lineage %s: "+
			"one of the two belongs to another history. Put the right state back; "+
			"or look at the world yourself, import what that run made, and remove the journal",
			ErrCorrupt, p.name, p.address, p.lineage, state.Lineage)
	}
	return state.Serial > p.serial, nil
}

// fold returns the state with what the run has done to the resource, and
// whether that made a difference. The state is not changed. Lineage and serial
// stay; nil becomes a new state where there is something to record.
func (p *pendingResource) fold(state *State) (*State, bool) {
	f := folding{pending: p, index: map[objectKey]int{}}
	if state != nil {
		f.resources = slices.Clone(state.Resources)
		for i := range f.resources {
			f.index[keyOf(&f.resources[i])] = i
		}
	}
	for i := range p.actions {
		f.action(&p.actions[i])
	}
	if !f.changed {
		return state, false
	}
	folded := &State{Version: stateVersion, Lineage: p.newLineage(), ResourceType: p.address}
	if state != nil {
		*folded = *state
	}
	folded.Resources = slices.DeleteFunc(f.resources, func(r Resource) bool { return r.Type == "" && r.Name == "" && r.Address == "" })
	folded.Metadata = withInterrupted(folded.Metadata, f.interrupted)
	return folded, true
}

// newLineage is the lineage of a state that begins with what the run did: the
// same whenever it is folded.
func (p *pendingResource) newLineage() string {
	sum := sha256.Sum256([]byte(p.run.Run + "\x00" + p.address))
	return hex.EncodeToString(sum[:16])
}

// folding is a state into which actions are folded. Removed resources are zero
// until the end.
type folding struct {
	pending     *pendingResource
	resources   []Resource
	index       map[objectKey]int
	interrupted []Interrupted
	changed     bool
}

func (f *folding) action(a *pendingAction) {
	switch a.action {
	case ActionCreate:
		switch {
		case a.outcome == outcomeOpen:
			if _, known := f.index[a.key]; !known {
				f.put(a)
				f.interrupted = append(f.interrupted, Interrupted{
					Action: a.action, Type: a.key.kind, Name: a.key.name,
					Key: ActionKey(f.pending.run.Run, f.pending.address, a.seq),
				})
			}
		case a.outcome == outcomeDone, a.id != "":
			f.put(a)
		}
	case ActionUpdate:
		// An update takes over what was not ours.
		if _, known := f.index[a.key]; !known && a.outcome == outcomeDone {
			f.put(a)
		}
	case ActionDelete:
		if place, known := f.index[a.key]; known && a.outcome == outcomeDone {
			f.resources[place], f.changed = Resource{}, true
			delete(f.index, a.key)
		}
	case ActionSkip:
	}
}

// put makes the object ours.
func (f *folding) put(a *pendingAction) {
	place, known := f.index[a.key]
	if !known {
		place = len(f.resources)
		f.index[a.key], f.changed = place, true
		f.resources = append(f.resources, Resource{
			Address: ObjectAddress(f.pending.address, a.key.kind, a.key.name),
			Type:    a.key.kind, Mode: ModeManaged, Name: a.key.name,
		})
	}
	if r := &f.resources[place]; a.id != "" && r.ExternalID != a.id {
		r.ExternalID, f.changed = a.id, true
	}
}

// MetadataInterrupted holds, in [State.Metadata], the creates whose outcome
// nobody has recorded: a list of maps with action, type, name and key. Their
// objects stand in the state without an ID. The next reading of the world
// settles them.
const MetadataInterrupted = "interrupted"

// withInterrupted adds to the metadata, or leaves the list out where it is empty.
func withInterrupted(metadata map[string]any, more []Interrupted) map[string]any {
	list := interruptedOf(metadata)
	for _, one := range more {
		list = slices.DeleteFunc(list, func(i Interrupted) bool { return i.Type == one.Type && i.Name == one.Name })
		list = append(list, one)
	}
	return setInterrupted(metadata, list)
}

func setInterrupted(metadata map[string]any, list []Interrupted) map[string]any {
	if _, noted := metadata[MetadataInterrupted]; !noted && len(list) == 0 {
		return metadata
	}
	own := cloneMap(metadata)
	delete(own, MetadataInterrupted)
	if len(list) == 0 {
		if len(own) == 0 {
			return nil
		}
		return own
	}
	if own == nil {
		own = make(map[string]any, 1)
	}
	written := make([]any, len(list))
	for i, one := range list {
		written[i] = map[string]any{"action": string(one.Action), "type": one.Type, "name": one.Name, "key": one.Key}
	}
	own[MetadataInterrupted] = written
	return own
}

func interruptedOf(metadata map[string]any) []Interrupted {
	written, _ := metadata[MetadataInterrupted].([]any)
	list := make([]Interrupted, 0, len(written))
	for _, one := range written {
		fields, ok := one.(map[string]any)
		if !ok {
			continue
		}
		text := func(name string) string { s, _ := fields[name].(string); return s }
		list = append(list, Interrupted{Action: ActionType(text("action")), Type: text("type"), Name: text("name"), Key: text("key")})
	}
	return list
}

// forgetInterrupted takes an object whose create was interrupted for recorded
// only where it is there.
func (p *planner) forgetInterrupted() {
	for _, one := range interruptedOf(p.input.State.Metadata) {
		key := objectKey{one.Type, one.Name}
		if r := p.recorded[key]; r != nil && r.ExternalID == "" && p.live[key] == nil {
			delete(p.recorded, key)
		}
	}
}
