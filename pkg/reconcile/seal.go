package reconcile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// MetadataBareSummary marks, in [Plan.Metadata], a plan that counts changes and
// lists no action. Only the engine sets it, so that a policy can deny what it
// cannot see.
const MetadataBareSummary = "bare_summary"

// MetadataUnchanged holds, in [Plan.Metadata], how many declared objects are as
// declared. They are in no action and in no summary: a policy need not look at
// what does not change.
const MetadataUnchanged = "unchanged"

// seal returns a copy of a provider's plan that contradicts itself nowhere, with
// the engine's own warnings. The provider's plan is not changed.
func seal(plan *Plan, warnings []string, now time.Time) (*Plan, error) {
	if plan == nil {
		return nil, fmt.Errorf("%w: the provider returned none", ErrInvalidPlan)
	}
	sealed := *plan
	if sealed.GeneratedAt == "" {
		sealed.GeneratedAt = now.UTC().Format(time.RFC3339)
	}
	sealed.Warnings = append(append([]string{}, plan.Warnings...), warnings...)
	if sealed.Actions == nil {
		sealed.Actions = []Action{}
	}
	counted, err := countActions(sealed.Actions)
	if err != nil {
		return nil, err
	}
	bare := len(sealed.Actions) == 0 && sealed.Summary != Summary{}
	if err := checkSummary(sealed.Summary, counted, bare); err != nil {
		return nil, err
	}
	sealed.Metadata = markBare(plan.Metadata, bare)
	return &sealed, nil
}

// countActions counts the actions by kind and refuses what cannot be ruled on.
func countActions(actions []Action) (Summary, error) {
	var counted Summary
	type object struct{ kind, name string }
	seen := make(map[object]int, len(actions))
	for i := range actions {
		a := &actions[i]
		if !counted.add(a.Action) {
			return counted, fmt.Errorf("%w: action %d has the unknown kind %q", ErrInvalidPlan, i+1, a.Action)
		}
		if !utf8.ValidString(a.Name) || !utf8.ValidString(a.ResourceType) {
			return counted, fmt.Errorf("%w: action %d: %q is not UTF-8", ErrInvalidPlan, i+1, a.ResourceType+" "+a.Name)
		}
		key := object{a.ResourceType, a.Name}
		before, again := seen[key]
		if again && !replaces(actions, before, i) {
			return counted, fmt.Errorf("%w: it acts twice on %s %q", ErrInvalidPlan, a.ResourceType, a.Name)
		}
		seen[key] = i
	}
	return counted, nil
}

// add counts one action; it reports false for a kind that there is not.
func (s *Summary) add(kind ActionType) bool {
	switch kind {
	case ActionCreate:
		s.Creates++
	case ActionUpdate:
		s.Updates++
	case ActionDelete:
		s.Deletes++
	case ActionSkip:
		s.Skipped++
	default:
		return false
	}
	return true
}

// replaces reports whether two actions on one object are the delete and the
// create of a replacement. A third action finds a create before it and is none.
func replaces(actions []Action, first, second int) bool {
	before, after := &actions[first], &actions[second]
	return before.Action == ActionDelete && after.Action == ActionCreate && before.isReplacement() && after.isReplacement()
}

// isReplacement reports whether the action says that it is half of a replacement.
func (a *Action) isReplacement() bool {
	replaces, ok := a.Details[DetailReplace].(bool)
	return ok && replaces
}

// checkSummary lets no plan hide actions behind its summary.
func checkSummary(told, counted Summary, bare bool) error {
	if told.Creates < 0 || told.Updates < 0 || told.Deletes < 0 || told.Skipped < 0 {
		return fmt.Errorf("%w: its summary has a negative count", ErrInvalidPlan)
	}
	if bare || told == counted {
		return nil
	}
	return fmt.Errorf("%w: its summary says %s, and its actions are %s", ErrInvalidPlan, told.text(), counted.text())
}

func (s Summary) text() string {
	return strconv.Itoa(s.Creates) + " create, " + strconv.Itoa(s.Updates) + " update, " +
		strconv.Itoa(s.Deletes) + " delete, " + strconv.Itoa(s.Skipped) + " skip"
}

// markBare copies the metadata and sets the mark where it belongs and nowhere else.
func markBare(metadata map[string]any, bare bool) map[string]any {
	if _, marked := metadata[MetadataBareSummary]; !marked && !bare {
		return metadata
	}
	own := make(map[string]any, len(metadata)+1)
	for key, value := range metadata {
		if key != MetadataBareSummary {
			own[key] = value
		}
	}
	if bare {
		own[MetadataBareSummary] = true
	}
	return own
}

// validText refuses bytes that are not UTF-8.
func validText(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is not UTF-8", text)
	}
	return nil
}

// review makes what the gate rules on of a sealed plan and what it rests on.
func (s *step) newReview() (Review, Components, error) {
	review := Review{
		Plan: s.plan, Resource: s.resource, Declaration: s.declaration, Provider: s.provider,
		State: summarizeState(s.seen.state), Run: s.walk.engine.settings.run,
	}
	plan, err := planDigest(s.plan)
	if err != nil {
		return Review{}, Components{}, fmt.Errorf("%w: %w", ErrInvalidPlan, err)
	}
	components := Components{
		Plan: plan, Config: digestOf(s.seen.config), Live: digestOf(s.seen.live),
		State: DigestBytes([]byte(review.State.Lineage + "\x00" + strconv.Itoa(review.State.Serial))),
	}
	if components.Provider, components.Grants, err = s.walk.identities.of(&s.provider); err == nil {
		components.Declaration, err = plainDigest([]any{s.resource, s.declaration})
	}
	if err != nil {
		return Review{}, Components{}, fmt.Errorf("describe the resource: %w", err)
	}
	review.Digest = components.digest()
	return review, components, nil
}

// plainDigest is the digest of a struct, which has one JSON form already: fields
// in order, maps by key.
func plainDigest(value any) (string, error) {
	text, err := json.Marshal(value)
	return DigestBytes(text), err
}

// identities are the digests of the providers of a walk: few, for many resources.
type identities struct {
	mu    sync.Mutex
	known []identity
}

type identity struct {
	info             ProviderInfo
	provider, grants string
}

// of returns the digests of who the provider is and of what it may do.
func (l *identities) of(info *ProviderInfo) (provider, grants string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.known {
		if reflect.DeepEqual(&l.known[i].info, info) {
			return l.known[i].provider, l.known[i].grants, nil
		}
	}
	bare := *info
	bare.Grants, bare.Limits, bare.Trust = Grants{}, Limits{}, ""
	if provider, err = plainDigest(bare); err != nil {
		return "", "", err
	}
	if grants, err = plainDigest([]any{info.Grants, info.Limits, info.Trust}); err != nil {
		return "", "", err
	}
	// A copy that shares nothing: what a provider changes is another identity.
	var own ProviderInfo
	if text, err := json.Marshal(info); err == nil && len(l.known) < 64 && json.Unmarshal(text, &own) == nil {
		l.known = append(l.known, identity{own, provider, grants})
	}
	return provider, grants, nil
}

// digest binds all components together.
func (c Components) digest() string {
	return digestFields(map[string]string{
		"plan": c.Plan, "config": c.Config, "live": c.Live, "state": c.State,
		"provider": c.Provider, "grants": c.Grants, "declaration": c.Declaration,
	})
}

// moved names the components that differ. One that is not known on a side is
// not compared. The plan is named only where nothing else explains it.
func (c Components) moved(now Components) []string {
	var names []string
	for _, part := range []struct{ name, before, after string }{
		{"config", c.Config, now.Config},
		{"live", c.Live, now.Live},
		{"state", c.State, now.State},
		{"provider", c.Provider, now.Provider},
		{"grants", c.Grants, now.Grants},
		{"declaration", c.Declaration, now.Declaration},
	} {
		if part.before != "" && part.after != "" && part.before != part.after {
			names = append(names, part.name)
		}
	}
	if len(names) == 0 {
		names = append(names, "plan")
	}
	return names
}
