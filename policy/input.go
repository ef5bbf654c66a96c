package policy

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// InputVersion is the version of the input that policies see.
const InputVersion = 1

// inputBuilder makes the input of one review, whole or in chunks of its
// actions. What does not depend on the chunk is built once.
type inputBuilder struct {
	*terms
	review *subject
	// lean leaves out the attributes of objects, which the default policy does not
	// look at and which are most of the work.
	lean bool
	// fixed are the members of the input that all chunks share, plan those of
	// input.plan.
	fixed, plan [][2]*ast.Term
	names       actionNames
	empty       *ast.Term
	emptyList   *ast.Term
}

// actionNames are the keys of an action, looked up once.
type actionNames struct {
	action, resourceType, name, details                                        *ast.Term
	before, after, changed, reason, effects, replace, externalID, drift, extra *ast.Term
	capability, operation, target, granted, opaque                             *ast.Term
}

func newInputBuilder(review *subject) (*inputBuilder, error) {
	b := &inputBuilder{
		terms: newTerms(), review: review,
		empty: ast.ObjectTerm(), emptyList: ast.ArrayTerm(),
	}
	b.names = actionNames{
		action: b.key("action"), resourceType: b.key("resource_type"), name: b.key("name"), details: b.key("details"),
		before: b.key(reconcile.DetailBefore), after: b.key(reconcile.DetailAfter), changed: b.key(reconcile.DetailChanged),
		reason: b.key(reconcile.DetailReason), effects: b.key(reconcile.DetailEffects), replace: b.key(reconcile.DetailReplace),
		externalID: b.key(reconcile.DetailExternalID), drift: b.key(reconcile.DetailDrift), extra: b.key("extra"),
		capability: b.key("capability"), operation: b.key("operation"), target: b.key("target"), granted: b.key("granted"),
		opaque: b.key("opaque"),
	}
	metadata, err := b.value(mapOrEmpty(review.Plan.Metadata))
	if err != nil {
		return nil, fmt.Errorf("the plan's metadata: %w", err)
	}
	b.plan = b.planFields(metadata)
	b.fixed = b.fixedFields()
	return b, nil
}

// whole is the input with all actions.
func (b *inputBuilder) whole() (*ast.Term, error) { return b.chunk(0, len(b.review.Plan.Actions)) }

// chunk is the input with some of the plan's actions, and counts of them all.
func (b *inputBuilder) chunk(start, end int) (*ast.Term, error) {
	actions := b.review.Plan.Actions[start:end]
	all := make([]*ast.Term, len(actions))
	if err := b.actions(all, start); err != nil {
		return nil, err
	}
	kinds := map[reconcile.ActionType][]*ast.Term{}
	for i := range actions {
		kinds[actions[i].Action] = append(kinds[actions[i].Action], all[i])
	}
	plan := append(slices.Clip(b.plan), b.field("actions", ast.ArrayTerm(all...)))
	fields := append(slices.Clip(b.fixed),
		b.field("plan", ast.ObjectTerm(plan...)),
		b.field("actions_by_kind", ast.ObjectTerm(
			b.field("create", ast.ArrayTerm(kinds[reconcile.ActionCreate]...)),
			b.field("update", ast.ArrayTerm(kinds[reconcile.ActionUpdate]...)),
			b.field("delete", ast.ArrayTerm(kinds[reconcile.ActionDelete]...)),
			b.field("skip", ast.ArrayTerm(kinds[reconcile.ActionSkip]...)),
		)))
	return ast.ObjectTerm(fields...), nil
}

// actions fills in the terms of the actions from start on, of many with several
// hands. Each has terms of its own: what is shared is made once for each.
func (b *inputBuilder) actions(all []*ast.Term, start int) error {
	hands := min(runtime.GOMAXPROCS(0), len(all)/chunkSize)
	if hands < 2 {
		return b.some(all, start)
	}
	share := (len(all) + hands - 1) / hands
	var parts []part
	for from := 0; from < len(all); from += share {
		own := *b
		if from > 0 {
			own.terms = newTerms()
		}
		parts = append(parts, func() (answers, error) {
			return nil, own.some(all[from:min(from+share, len(all))], start+from)
		})
	}
	_, err := together(parts, true)
	return err
}

func (b *inputBuilder) some(all []*ast.Term, start int) error {
	for i := range all {
		a := &b.review.Plan.Actions[start+i]
		term, err := b.action(a, b.review.effects[start+i])
		if err != nil {
			return fmt.Errorf("action %q: %w", a.Name, err)
		}
		all[i] = term
	}
	return nil
}

// action has every key that the host knows, set or not, so that a rule that
// compares one is never undefined. What a provider adds is in extra.
func (b *inputBuilder) action(a *reconcile.Action, seen []seenEffect) (*ast.Term, error) {
	details, extra, err := b.details(a.Details, seen)
	if err != nil {
		return nil, err
	}
	return ast.ObjectTerm(
		[2]*ast.Term{b.names.action, b.key(string(a.Action))},
		[2]*ast.Term{b.names.resourceType, b.key(a.ResourceType)},
		[2]*ast.Term{b.names.name, b.text(a.Name)},
		[2]*ast.Term{b.names.details, details},
		[2]*ast.Term{b.names.extra, extra},
	), nil
}

// detailTerms are the details that the host writes.
type detailTerms struct {
	before, after, changed, reason, replace, externalID, drift *ast.Term
}

// of is where a detail goes; nil for one of the provider's own.
func (d *detailTerms) of(name string) **ast.Term {
	switch name {
	case reconcile.DetailBefore:
		return &d.before
	case reconcile.DetailAfter:
		return &d.after
	case reconcile.DetailChanged:
		return &d.changed
	case reconcile.DetailReason:
		return &d.reason
	case reconcile.DetailReplace:
		return &d.replace
	case reconcile.DetailExternalID:
		return &d.externalID
	case reconcile.DetailDrift:
		return &d.drift
	default:
		return nil
	}
}

func (b *inputBuilder) details(details map[string]any, seen []seenEffect) (known, extra *ast.Term, err error) {
	d := detailTerms{
		before: b.empty, after: b.empty, changed: b.emptyList,
		reason: b.key(""), externalID: b.key(""), replace: b.truth(false), drift: b.truth(false),
	}
	extra = b.empty
	var others map[string]any
	for name, value := range details {
		if value == nil || name == reconcile.DetailEffects { // effects were read already
			continue
		}
		if b.lean && attributes(name) {
			continue
		}
		into := d.of(name)
		if into == nil {
			if others == nil {
				others = map[string]any{}
			}
			others[name] = value
			continue
		}
		if *into, err = b.value(value); err != nil {
			return nil, nil, fmt.Errorf("details.%s: %w", name, err)
		}
	}
	if others != nil {
		if extra, err = b.value(others); err != nil {
			return nil, nil, fmt.Errorf("details: %w", err)
		}
	}
	n := &b.names
	return ast.ObjectTerm(
		[2]*ast.Term{n.before, d.before}, [2]*ast.Term{n.after, d.after}, [2]*ast.Term{n.changed, d.changed},
		[2]*ast.Term{n.reason, d.reason}, [2]*ast.Term{n.effects, b.effects(seen)}, [2]*ast.Term{n.replace, d.replace},
		[2]*ast.Term{n.externalID, d.externalID}, [2]*ast.Term{n.drift, d.drift},
	), extra, nil
}

// attributes reports whether a detail holds attributes of the object.
func attributes(name string) bool {
	return name == reconcile.DetailBefore || name == reconcile.DetailAfter || name == reconcile.DetailChanged
}

func (b *inputBuilder) effects(seen []seenEffect) *ast.Term {
	if len(seen) == 0 {
		return b.emptyList
	}
	items := make([]*ast.Term, len(seen))
	for i, e := range seen {
		items[i] = ast.ObjectTerm(
			[2]*ast.Term{b.names.capability, b.key(e.Capability)}, [2]*ast.Term{b.names.operation, b.key(e.Operation)},
			[2]*ast.Term{b.names.target, b.text(e.Target)}, [2]*ast.Term{b.names.granted, b.truth(e.granted)},
			[2]*ast.Term{b.names.opaque, b.truth(e.opaque)},
		)
	}
	return ast.ArrayTerm(items...)
}

func mapOrEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
