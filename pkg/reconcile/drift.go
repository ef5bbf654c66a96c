package reconcile

import (
	"fmt"
	"slices"
)

// DriftKind says how an object moved.
type DriftKind string

// The ways in which the world moves away from the record.
const (
	// DriftChanged: a recorded object has other attributes now.
	DriftChanged DriftKind = "changed"
	// DriftRemoved: a recorded object is gone.
	DriftRemoved DriftKind = "removed"
	// DriftAppeared: an object bears our mark and is not recorded.
	DriftAppeared DriftKind = "appeared"
)

// The owners of an object, as [Drift] tells them.
const (
	// OwnerRecorded: the state says that it is ours.
	OwnerRecorded = "recorded"
	// OwnerMarked: the provider's mark on it says so.
	OwnerMarked = "marked"
)

// Drift is one object that is not as it was recorded.
type Drift struct {
	// Address of the object: file.site.file["index.html"].
	Address string    `json:"address"`
	Type    string    `json:"type"`
	Name    string    `json:"name"`
	Kind    DriftKind `json:"kind"`
	// Owner says why it is ours: recorded or marked.
	Owner      string `json:"owner"`
	ExternalID string `json:"external_id,omitempty"`
	// Changed are the paths of the attributes that moved, and Recorded and Live
	// those attributes then and now, without secrets.
	Changed  []string       `json:"changed,omitempty"`
	Recorded map[string]any `json:"recorded,omitempty"`
	Live     map[string]any `json:"live,omitempty"`
}

// FindDrift compares the recorded objects with the live ones, whatever is
// declared. Of the input it reads Address, Schema, Declaration, Live, State,
// Redact and HashKey. The objects come in the order of their types and names;
// unmanaged is the number of live objects that are not ours.
func FindDrift(input PlanInput) (drift []Drift, unmanaged int, err error) {
	input.Desired = nil
	p, err := newPlanner(input)
	if err != nil {
		return nil, 0, fmt.Errorf("compare %s: %w", input.Address, err)
	}
	for key, recorded := range p.recorded {
		live, exists := p.live[key]
		if !exists || !p.owned(live) {
			drift = append(drift, p.driftOf(recorded, DriftRemoved, OwnerRecorded))
			continue
		}
		if d := p.driftOf(recorded, DriftChanged, OwnerRecorded); p.compareRecorded(&d, recorded, live) {
			drift = append(drift, d)
		}
	}
	for key, live := range p.live {
		if _, recorded := p.recorded[key]; recorded && p.owned(live) {
			continue
		}
		switch live.Mode {
		case ModeManaged:
			drift = append(drift, p.driftOf(live, DriftAppeared, OwnerMarked))
		case ModeUnmanaged, ModeData:
			unmanaged++
		default:
			unmanaged++
		}
	}
	slices.SortFunc(drift, func(a, b Drift) int {
		return compareKeys(objectKey{a.Type, a.Name}, objectKey{b.Type, b.Name})
	})
	return drift, unmanaged, nil
}

func (p *planner) driftOf(r *Resource, kind DriftKind, owner string) Drift {
	return Drift{
		Address: ObjectAddress(p.input.Address, r.Type, r.Name), Type: r.Type, Name: r.Name,
		Kind: kind, Owner: owner, ExternalID: p.redactText(r.ExternalID),
	}
}

// compareRecorded reports whether the live object is another than the recorded
// one, and notes where. What the record leaves out is not compared.
func (p *planner) compareRecorded(d *Drift, recorded, live *Resource) bool {
	rules := p.rules(live.Type)
	names := make(map[string]bool, len(recorded.Attributes))
	for name := range recorded.Attributes {
		// The world does not tell every secret; one that it hides has not moved.
		_, told := live.Attributes[name]
		names[name] = told || !rules.of(name).Sensitive
	}
	for name := range live.Attributes {
		names[name] = true
	}
	for name, compared := range names {
		if !compared || rules.of(name).Payload {
			continue
		}
		was, is := recorded.Attributes[name], live.Attributes[name]
		if !p.sameAsRecorded(d.key(), name, is, was, rules.of(name).Unordered) {
			d.Changed = append(d.Changed, pathOf("", name))
		}
	}
	if d.Changed = p.ignore(d.Changed); len(d.Changed) == 0 {
		return false
	}
	slices.Sort(d.Changed)
	d.Recorded = p.redactAttributes(rules, p.only(d.Changed, recorded.Attributes))
	d.Live = p.redactAttributes(rules, p.only(d.Changed, live.Attributes))
	for name, value := range d.Recorded {
		if text, ok := value.(string); ok && isHash(text) {
			d.Recorded[name] = SensitiveText
			if d.Live[name] != nil {
				d.Live[name] = SensitiveText
			}
		}
	}
	return true
}

func (d *Drift) key() objectKey { return objectKey{d.Type, d.Name} }

func (p *planner) only(paths []string, attributes map[string]any) map[string]any {
	some := make(map[string]any, len(paths))
	for name, value := range attributes {
		if slices.Contains(paths, pathOf("", name)) {
			some[name] = value
		}
	}
	return some
}
