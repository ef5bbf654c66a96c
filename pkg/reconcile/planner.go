package reconcile

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// PlanInput is what [PlanObjects] compares.
type PlanInput struct {
	// Address of the resource; it becomes the plan's ResourceType.
	Address string
	// Schema guides the comparison; nil compares every attribute.
	Schema *Schema
	// Declaration says what the author allows: ownership, ignored changes.
	Declaration Declaration
	// Desired and Live are compared by type and name.
	Desired []Resource
	Live    []Resource
	// State is what was recorded; nil for nothing.
	State *State
	// Redact returns a string without its secrets, and whether it held one.
	// Nil redacts nothing but what the schema calls sensitive.
	Redact func(text string) (string, bool)
	// HashKey is the key of the hashes in the state; see [ObjectsStateInput].
	HashKey []byte
	// Destroy plans the end of everything that is ours, as far as the ownership
	// mode has it; nothing may be desired then.
	Destroy bool
	// Replace are the addresses of objects to delete and create anew, though
	// nothing asks for it but the caller; see [ObjectAddress].
	Replace []string
	// Elsewhere reports whether another resource has recorded a live object as its
	// own: of what is neither declared nor ours then nothing is said here, and of what is
	// declared or deleted there is a warning. Nil knows of none.
	Elsewhere func(live *Resource) bool
	// ConfigPath becomes the plan's.
	ConfigPath string
	// GeneratedAt becomes the plan's, RFC 3339; it is not part of its digest.
	GeneratedAt string
}

// The keys of [Plan.Metadata] that PlanObjects writes beside
// [MetadataUnchanged], each where it is not zero.
const (
	// MetadataUnmanaged holds how many live objects are not ours.
	MetadataUnmanaged = "unmanaged"
	// MetadataUndeclared holds how many live objects are ours and not declared,
	// and are left alone because of the ownership mode.
	MetadataUndeclared = "undeclared"
	// MetadataOwnership holds the ownership mode, if it is not authoritative.
	MetadataOwnership = "ownership"
)

// ObjectAddress is the address of an object of a resource:
// file.site.file["index.html"].
func ObjectAddress(resource, objectType, name string) string {
	return resource + "." + objectType + "[" + strconv.Quote(name) + "]"
}

// PlanObjects compares desired, live and recorded objects by type and name, and
// returns the actions that make live as desired.
//
// An object is ours if the state says so (and its external ID, where both know
// one, is the recorded one) or if the provider's mark says so: its live Mode is
// [ModeManaged]. What is ours and not declared is deleted if the ownership is
// authoritative. What is not ours is never deleted: it is reported, unless it is
// declared; then it is taken over, and updated where it differs. A difference in
// an immutable attribute replaces the object by a delete and a create, and takes
// its children along; that of an object that is not ours is an error.
//
// Declared objects that are as declared are in no action; [MetadataUnchanged]
// counts them. The plan holds no secret. Its actions stand in an order in which
// they can be applied: deletes first, children before parents, then creates and
// updates, parents before children.
func PlanObjects(input PlanInput) (*Plan, error) {
	p, err := newPlanner(input)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", input.Address, err)
	}
	for i := range input.Desired {
		if err := p.planDesired(&input.Desired[i]); err != nil {
			return nil, fmt.Errorf("plan %s: %w", input.Address, err)
		}
	}
	p.replaceChildren()
	if input.Destroy {
		p.planDestroy()
	} else {
		p.planUndeclared()
	}
	if err := p.keepParents(); err != nil {
		return nil, fmt.Errorf("plan %s: %w", input.Address, err)
	}
	return p.plan(), nil
}

// objectKey identifies an object within its resource.
type objectKey struct{ kind, name string }

func keyOf(r *Resource) objectKey { return objectKey{r.Type, r.Name} }

func (k objectKey) String() string { return k.kind + " " + strconv.Quote(k.name) }

// change is what is planned for one object. A replacement has both a live and a
// desired object.
type change struct {
	key     objectKey
	kind    ActionType
	desired *Resource
	live    *Resource
	changed []string
	reason  string
	drift   bool
	replace bool
}

type planner struct {
	input    PlanInput
	types    map[string]*objectRules
	desired  map[objectKey]*Resource
	live     map[objectKey]*Resource
	recorded map[objectKey]*Resource
	changes  []change
	// replaced holds the live objects that are replaced.
	replaced map[objectKey]bool
	parents  *family
	// containers are the live objects that others lie in; nil until somebody asks.
	containers map[objectKey]bool
	warnings   []string
	counts     map[string]int
	unowned    []objectKey
}

func newPlanner(input PlanInput) (*planner, error) {
	p := &planner{
		input: input, types: make(map[string]*objectRules),
		recorded: make(map[objectKey]*Resource), counts: make(map[string]int),
		replaced: make(map[objectKey]bool), warnings: []string{},
	}
	switch input.Declaration.Ownership {
	case "", OwnAuthoritative, OwnAdditive, OwnAdopt:
	default:
		return nil, fmt.Errorf("unknown mode %q; it is authoritative, additive or adopt", input.Declaration.Ownership)
	}
	var err error
	if p.desired, err = indexObjects("desired", input.Desired, input.Schema); err != nil {
		return nil, err
	}
	if p.live, err = indexObjects("live", input.Live, nil); err != nil {
		return nil, err
	}
	if input.State != nil {
		for i := range input.State.Resources {
			if r := &input.State.Resources[i]; r.Mode == ModeManaged {
				p.recorded[keyOf(r)] = r
			}
		}
		p.forgetInterrupted()
	}
	p.parents = newFamily(input.Address, input.Live)
	if input.Destroy && len(input.Desired) > 0 {
		return nil, fmt.Errorf("%d objects are desired of a resource that is to be destroyed", len(input.Desired))
	}
	return p, p.checkReplace()
}

// indexObjects finds objects by type and name, and refuses what cannot be told
// apart or written down.
func indexObjects(what string, objects []Resource, schema *Schema) (map[objectKey]*Resource, error) {
	index := make(map[objectKey]*Resource, len(objects))
	for i := range objects {
		r := &objects[i]
		key := keyOf(r)
		switch {
		case r.Type == "" || r.Name == "":
			return nil, fmt.Errorf("%s object %d of %d has no type or no name", what, i+1, len(objects))
		case !utf8.ValidString(r.Type) || !utf8.ValidString(r.Name) || !utf8.ValidString(r.ExternalID):
			return nil, fmt.Errorf("the name or ID of %s object %s is not UTF-8", what, key)
		case schema != nil && schema.ObjectType(r.Type) == nil:
			return nil, fmt.Errorf("%s object %s has a type that the provider's schema does not describe", what, key)
		}
		if _, taken := index[key]; taken {
			return nil, fmt.Errorf("two %s objects are %s: a name is unique for its type", what, key)
		}
		index[key] = r
	}
	return index, nil
}

// owned reports whether a live object is ours.
func (p *planner) owned(live *Resource) bool {
	switch live.Mode {
	case ModeManaged:
		return true
	case ModeData:
		return false
	case ModeUnmanaged:
	}
	recorded, ok := p.recorded[keyOf(live)]
	return ok && (recorded.ExternalID == "" || live.ExternalID == "" || recorded.ExternalID == live.ExternalID)
}

// planDesired plans one declared object.
func (p *planner) planDesired(desired *Resource) error {
	key := keyOf(desired)
	live, exists := p.live[key]
	adopt := p.input.Declaration.Ownership == OwnAdopt
	if !exists {
		if adopt {
			p.warnings = append(p.warnings, key.String()+" is declared and does not exist; mode adopt creates nothing")
			return nil
		}
		p.create(desired)
		return nil
	}
	if !p.owned(live) && !adopt && p.elsewhere(live) && !p.contains(live) {
		p.warnings = append(p.warnings, key.String()+" is declared here, and another resource manages it: "+
			"one of them would undo what the other does; declare it in one of them, "+
			"and to move it here let the other one forget it (cogplan state rm)")
	}
	rules := p.rules(desired.Type)
	changed := p.ignore(rules.differences(p, desired, live))
	if p.replacing(key) {
		return p.replaceAsked(desired, live, changed)
	}
	if len(changed) == 0 {
		p.counts[MetadataUnchanged]++
		return nil
	}
	if adopt {
		p.warnings = append(p.warnings, key.String()+" is not as declared; mode adopt changes nothing")
		return nil
	}
	return p.update(desired, live, changed)
}

func (p *planner) create(desired *Resource) {
	c := change{key: keyOf(desired), kind: ActionCreate, desired: desired, reason: "it is declared and does not exist"}
	if _, ok := p.recorded[c.key]; ok {
		c.reason, c.drift = "it was removed outside of this module", true
	}
	p.changes = append(p.changes, c)
}

// update plans an update or, where it must be, a replacement.
func (p *planner) update(desired, live *Resource, changed []string) error {
	c := change{key: keyOf(desired), kind: ActionUpdate, desired: desired, live: live, changed: changed}
	c.drift = p.drifted(live, changed)
	owned := p.owned(live)
	rules := p.rules(desired.Type)
	if fixed := rules.immutable(changed); fixed != "" {
		if !owned {
			return fmt.Errorf("%s exists and is not ours, and its %s can only be changed by replacing it; "+
				"import it, remove it, or declare it as it is", c.key, fixed)
		}
		p.replace(c, fixed+" cannot be changed in place")
		return nil
	}
	switch {
	case !owned && p.elsewhere(live):
		c.reason = "another resource manages it, and it is not as declared"
	case !owned:
		c.reason = "it exists, is not ours yet, and is not as declared"
		p.warnings = append(p.warnings, c.key.String()+" exists and is not ours; the declaration takes it over")
	case c.drift:
		c.reason = "it was changed outside of this module"
	default:
		c.reason = "the declaration changed"
	}
	p.changes = append(p.changes, c)
	return nil
}

func (p *planner) replace(c change, reason string) {
	p.replaced[c.key] = true
	c.replace, c.reason = true, reason
	c.kind = ActionDelete
	p.changes = append(p.changes, c)
	c.kind = ActionCreate
	p.changes = append(p.changes, c)
}

// planUndeclared plans what is live and not declared.
func (p *planner) planUndeclared() {
	authoritative := p.input.Declaration.Ownership == "" || p.input.Declaration.Ownership == OwnAuthoritative
	for i := range p.input.Live {
		live := &p.input.Live[i]
		key := keyOf(live)
		if _, declared := p.desired[key]; declared {
			continue
		}
		switch {
		case !p.owned(live) && p.elsewhere(live):
		case !p.owned(live):
			p.counts[MetadataUnmanaged]++
			p.unowned = append(p.unowned, key)
		case !authoritative:
			p.counts[MetadataUndeclared]++
		default:
			p.remove(key, live, "it is ours and not declared")
		}
	}
}

// plan writes the changes down.
func (p *planner) plan() *Plan {
	p.sort()
	plan := &Plan{
		ResourceType: p.input.Address, GeneratedAt: p.input.GeneratedAt, ConfigPath: p.input.ConfigPath,
		Actions: make([]Action, len(p.changes)), Warnings: append(p.warnings, p.unmanagedWarnings()...),
	}
	for i := range p.changes {
		plan.Actions[i] = p.action(&p.changes[i])
		plan.Summary.add(p.changes[i].kind)
	}
	plan.Metadata = p.metadata()
	return plan
}

func (p *planner) metadata() map[string]any {
	metadata := make(map[string]any, len(p.counts)+1)
	for key, count := range p.counts {
		if count > 0 {
			metadata[key] = int64(count)
		}
	}
	if mode := p.input.Declaration.Ownership; mode != "" && mode != OwnAuthoritative {
		metadata[MetadataOwnership] = string(mode)
	}
	if len(metadata) == 0 {
		return nil
	}
	return metadata
}

// action is the change as the plan shows it.
func (p *planner) action(c *change) Action {
	details := map[string]any{DetailReason: c.reason}
	if c.live != nil && (c.kind != ActionCreate || c.replace) {
		details[DetailBefore] = p.redactBefore(c.live, c.desired)
		if c.live.ExternalID != "" {
			details[DetailExternalID] = p.redactText(c.live.ExternalID)
		}
	}
	if c.kind != ActionDelete || c.replace {
		details[DetailAfter] = p.redactAttributes(p.rules(c.key.kind), c.desired.Attributes)
	}
	if len(c.changed) > 0 {
		details[DetailChanged] = p.changedPaths(c)
	}
	if c.drift {
		details[DetailDrift] = true
	}
	if c.replace {
		details[DetailReplace] = true
	}
	return Action{Action: c.kind, ResourceType: c.key.kind, Name: c.key.name, Details: details}
}

// unmanagedWarnings name some of what is left alone and count the rest.
func (p *planner) unmanagedWarnings() []string {
	const most = 10
	if len(p.unowned) == 0 {
		return nil
	}
	sortKeys(p.unowned)
	warnings := make([]string, 0, most+1)
	for _, key := range p.unowned[:min(most, len(p.unowned))] {
		warning := key.String() + " is not ours and is left alone"
		if reason := p.live[key].UnmanagedReason; reason != "" {
			warning += ": " + p.redactText(reason)
		}
		warnings = append(warnings, warning)
	}
	if rest := len(p.unowned) - most; rest > 0 {
		warnings = append(warnings, fmt.Sprintf("%d more objects are not ours and are left alone", rest))
	}
	return warnings
}
