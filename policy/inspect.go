package policy

import (
	"fmt"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// inspector looks at a plan before any policy does, for what a policy could
// overlook or read in another way than the engine: it is where a hostile
// provider would try.
type inspector struct {
	review   *subject
	findings []reconcile.Finding
	seen     map[objectKey]int
	odd      bool
}

type objectKey struct{ kind, name string }

// inspect returns what is wrong with the plan. Its findings are hard, and there
// is no rule to be set.
func inspect(review *subject) []reconcile.Finding {
	in := &inspector{review: review, seen: make(map[objectKey]int, len(review.Plan.Actions))}
	in.identifiers("", "resource address", review.Resource.Name)
	in.identifiers("", "provider name", review.Provider.Name)
	for i := range review.Plan.Actions {
		in.action(i)
	}
	in.summary()
	if in.odd {
		in.twins()
	}
	return in.findings
}

func (in *inspector) say(rule, object, message, remedy string) {
	const most = 20
	if len(in.findings) >= most {
		return
	}
	in.findings = append(in.findings, reconcile.Finding{
		Rule: "cogplan.input." + rule, Level: reconcile.LevelHardMandatory, Message: message,
		Resource: in.review.Resource.Name, Object: object, Remedy: remedy,
	})
}

const providerRemedy = "this is a mistake of the provider; report it to its author"

func (in *inspector) action(i int) {
	a := &in.review.Plan.Actions[i]
	switch a.Action {
	case reconcile.ActionCreate, reconcile.ActionUpdate, reconcile.ActionDelete, reconcile.ActionSkip:
	default:
		in.say("kind", a.Name, fmt.Sprintf("action %d has the unknown kind %q", i+1, a.Action), providerRemedy)
	}
	in.identifiers(a.Name, "object name", a.Name)
	in.identifiers(a.Name, "object type", a.ResourceType)
	key := objectKey{a.ResourceType, a.Name}
	if before, again := in.seen[key]; again && !in.replaces(before, i) {
		in.say("duplicate", a.Name, fmt.Sprintf("the plan acts twice on %s %q", a.ResourceType, a.Name), providerRemedy)
	}
	in.seen[key] = i
	in.details(a)
}

// replaces is a delete followed by the create that replaces it.
func (in *inspector) replaces(first, second int) bool {
	a, b := &in.review.Plan.Actions[first], &in.review.Plan.Actions[second]
	return a.Action == reconcile.ActionDelete && b.Action == reconcile.ActionCreate &&
		isReplace(a) && isReplace(b)
}

func (in *inspector) identifiers(object, what, name string) {
	if plainASCII(name) {
		return
	}
	in.odd = true
	if problem := identifierProblem(name); problem != "" {
		in.say("identifier", object, fmt.Sprintf("the %s %+q %s", what, name, problem),
			"write the name in letters of one script that can be seen")
	}
}

// twins are different names that are drawn alike.
func (in *inspector) twins() {
	drawn := make(map[objectKey]string, len(in.seen))
	for i := range in.review.Plan.Actions {
		a := &in.review.Plan.Actions[i]
		key := objectKey{skeleton(a.ResourceType), skeleton(a.Name)}
		full := a.ResourceType + " " + a.Name
		if other, taken := drawn[key]; taken && other != full {
			in.say("identifier", a.Name, fmt.Sprintf("%+q and %+q look alike and are different names", other, full),
				"rename one of them")
		}
		drawn[key] = full
	}
}

// summary compares what the plan says with what it lists. A bare summary is
// left to the default policy.
func (in *inspector) summary() {
	told := in.review.Plan.Summary
	c := in.review.counts
	if told.Creates < 0 || told.Updates < 0 || told.Deletes < 0 || told.Skipped < 0 {
		in.say("summary", "", "the plan's summary has a negative count", providerRemedy)
		return
	}
	counted := reconcile.Summary{Creates: c.create, Updates: c.update, Deletes: c.remove, Skipped: c.skip}
	if c.bare || told == counted {
		return
	}
	in.say("summary", "", fmt.Sprintf("the plan's summary says %s, and its actions are %s", summaryText(told), summaryText(counted)),
		providerRemedy)
}

func summaryText(s reconcile.Summary) string {
	return fmt.Sprintf("%d create, %d update, %d delete, %d skip", s.Creates, s.Updates, s.Deletes, s.Skipped)
}

func (in *inspector) details(a *reconcile.Action) {
	for name, value := range a.Details {
		if problem := detailProblem(name, value); problem != "" {
			in.say("details", a.Name, fmt.Sprintf("%s %q: details.%s %s", a.Action, a.Name, name, problem), providerRemedy)
		}
	}
}

// detailProblem says what is wrong with one detail: a type that the host's key
// does not have, or a key that is almost the host's.
func detailProblem(name string, value any) string {
	ok := true
	switch name {
	case reconcile.DetailBefore, reconcile.DetailAfter:
		_, ok = value.(map[string]any)
		ok = ok || value == nil
	case reconcile.DetailReplace, reconcile.DetailDrift:
		_, ok = value.(bool)
	case reconcile.DetailReason, reconcile.DetailExternalID:
		_, ok = value.(string)
	case reconcile.DetailChanged:
		ok = isTexts(value)
	case reconcile.DetailEffects:
		if _, err := effectsOf(value); err != nil {
			return err.Error()
		}
	default:
		return almostHostKey(name)
	}
	if !ok {
		return fmt.Sprintf("has the wrong type, %T", value)
	}
	return ""
}

func almostHostKey(name string) string {
	if problem := identifierProblem(name); problem != "" {
		return "has a key that " + problem
	}
	for _, known := range []string{
		reconcile.DetailBefore, reconcile.DetailAfter, reconcile.DetailChanged, reconcile.DetailReason,
		reconcile.DetailEffects, reconcile.DetailReplace, reconcile.DetailExternalID, reconcile.DetailDrift,
	} {
		if strings.EqualFold(strings.TrimSpace(skeleton(name)), known) {
			return "is almost " + known + ", which the host writes"
		}
	}
	return ""
}

func isTexts(value any) bool {
	switch list := value.(type) {
	case nil, []string:
		return true
	case []any:
		for _, item := range list {
			if _, ok := item.(string); !ok {
				return false
			}
		}
		return true
	default:
		return false
	}
}
