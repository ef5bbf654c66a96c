package reconcile

import (
	"fmt"
	"slices"
)

// ObjectsStateInput is what [BuildObjectsState] records.
type ObjectsStateInput struct {
	// Address of the resource; it becomes the state's ResourceType.
	Address string
	Schema  *Schema
	// Desired objects; those of them that exist are ours.
	Desired []Resource
	// Live is what is there now.
	Live []Resource
	// Existing is what was recorded; nil for nothing. Lineage, serial and
	// metadata are kept.
	Existing *State
	// Applied says that an apply came before, with these results. Secrets of
	// objects whose action did not succeed are not recorded as applied.
	Applied bool
	Results []Result
	// Redact finds secrets in values that the schema does not call sensitive.
	Redact func(text string) (string, bool)
	// HashKey keys the hashes that stand for sensitive attributes; without one,
	// the state's lineage does, which hides a value from readers and not from
	// those who can guess it. See [FileStore.HashKey].
	HashKey []byte
	// Now is the time of the record, RFC 3339.
	Now string
}

// BuildObjectsState returns the state of the live objects that are ours: those
// that are declared, recorded or marked. Attributes are recorded as they are
// live, except that payload is left out, and that sensitive values, and those
// that hold a secret, payload too, are recorded as keyed hashes, "hmac-sha256:"
// and hex: enough to see a change, and to know later what was a secret.
func BuildObjectsState(input ObjectsStateInput) (*State, error) {
	state := NewState(input.Address)
	if input.Existing != nil {
		state.Lineage, state.Serial, state.Metadata = input.Existing.Lineage, input.Existing.Serial, input.Existing.Metadata
		state.GeneratedAt = input.Existing.GeneratedAt
	}
	p, err := newPlanner(PlanInput{
		Address: input.Address, Schema: input.Schema, Desired: input.Desired, Live: input.Live,
		State: input.Existing, Redact: input.Redact, HashKey: input.HashKey,
	})
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", input.Address, err)
	}
	if p.input.HashKey == nil {
		p.input.HashKey = []byte(state.Lineage)
	}
	done := succeeded(input.Results)
	for i := range input.Live {
		live := &input.Live[i]
		desired := p.desired[keyOf(live)]
		if desired == nil && !p.owned(live) || live.Mode == ModeData {
			continue
		}
		applied := !input.Applied || done[live.Name]
		state.Resources = append(state.Resources, p.recordedObject(live, desired, applied, input.Now))
	}
	slices.SortFunc(state.Resources, func(a, b Resource) int { return compareKeys(keyOf(&a), keyOf(&b)) })
	return state, nil
}

// succeeded are the names whose results all succeeded.
func succeeded(results []Result) map[string]bool {
	done := make(map[string]bool, len(results))
	for _, result := range results {
		before, known := done[result.Name]
		done[result.Name] = result.Status == ApplySucceeded && (before || !known)
	}
	return done
}

func (p *planner) recordedObject(live, desired *Resource, applied bool, now string) Resource {
	key := keyOf(live)
	before := p.recorded[key]
	r := Resource{
		Address: ObjectAddress(p.input.Address, live.Type, live.Name), Type: live.Type, Mode: ModeManaged,
		ExternalID: live.ExternalID, Name: live.Name, ParentAddress: live.ParentAddress, ParentID: live.ParentID,
		LastRefreshed: now,
	}
	if r.ExternalID == "" && before != nil {
		r.ExternalID = before.ExternalID
	}
	rules := p.rules(live.Type)
	r.Attributes = make(map[string]any, len(live.Attributes))
	for name, value := range live.Attributes {
		switch {
		case p.recordedHidden(live, desired, name):
			r.Attributes[name] = hashValue(p.hashKey(), key, name, value)
		case rules.of(name).Payload:
		default:
			r.Attributes[name] = cloneValue(value)
		}
	}
	p.recordHidden(&r, rules, desired, before, applied)
	return r
}

// recordHidden records the hashes of sensitive attributes, and of payload with a
// secret, that the world does not tell: of what was applied, or else of what was
// before.
func (p *planner) recordHidden(r *Resource, rules *objectRules, desired, before *Resource, applied bool) {
	for name, attribute := range rules.attributes {
		if _, told := r.Attributes[name]; told || !attribute.Sensitive && !attribute.Payload {
			continue
		}
		switch {
		case applied && !attribute.Sensitive && (desired == nil || !p.tellsSecret(desired.Attributes, name)):
		case applied && desired != nil && desired.Attributes[name] != nil:
			r.Attributes[name] = hashValue(p.hashKey(), keyOf(r), name, desired.Attributes[name])
		case !applied && before != nil && before.Attributes[name] != nil:
			r.Attributes[name] = before.Attributes[name]
		}
	}
}

// holdsSecret reports whether a secret is anywhere in the value.
func (p *planner) holdsSecret(v any) bool {
	if p.input.Redact == nil {
		return false
	}
	switch v := v.(type) {
	case string:
		_, secret := p.input.Redact(v)
		return secret
	case []byte:
		_, secret := p.input.Redact(string(v))
		return secret
	case []any:
		return slices.ContainsFunc(v, p.holdsSecret)
	case map[string]any:
		for key, value := range v {
			if p.holdsSecret(key) || p.holdsSecret(value) {
				return true
			}
		}
	default:
		if text, ok := numberText(v); ok {
			_, secret := p.input.Redact(text)
			return secret
		}
	}
	return false
}
