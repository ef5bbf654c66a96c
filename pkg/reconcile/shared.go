package reconcile

import (
	"fmt"
	"strings"
	"sync"
)

// Resources may share what they touch: a directory that several of them lie in. The
// plans of all of them create it, and the first to be applied does; what one of them
// writes the others see there. So the plan that a resource is made of anew in its turn
// differs from the reviewed one, by what the reviewed run itself has done. That is no
// surprise, as long as nothing is done that was not reviewed: what is left of the
// reviewed plan is applied, under the ruling on all of it.

// begunActions are what a run has begun to change. It is safe for concurrent use.
type begunActions struct {
	mu sync.Mutex
	// keys are creates and deletes by what they do, each with the resources that do
	// it, and providers those that have changed anything.
	keys      map[string]map[string]bool
	providers map[string]bool
}

// note takes down a plan of a resource that is about to be applied.
func (b *begunActions) note(provider, resource string, plan *Plan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keys == nil {
		b.keys, b.providers = map[string]map[string]bool{}, map[string]bool{}
	}
	b.providers[provider] = true
	for i := range plan.Actions {
		key := doneKey(provider, &plan.Actions[i])
		if key == "" {
			continue
		}
		if b.keys[key] == nil {
			b.keys[key] = map[string]bool{}
		}
		b.keys[key][resource] = true
	}
}

// drop takes back what the resource has not done after all.
func (b *begunActions) drop(provider, resource string, undone []*Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range undone {
		if key := doneKey(provider, a); key != "" {
			delete(b.keys[key], resource)
		}
	}
}

// any reports whether the provider has been asked to change anything.
func (b *begunActions) any(provider string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.providers[provider]
}

// has reports whether a create or delete of exactly the same has begun.
func (b *begunActions) has(provider string, a *Action) bool {
	key := doneKey(provider, a)
	b.mu.Lock()
	defer b.mu.Unlock()
	return key != "" && len(b.keys[key]) > 0
}

// others reports whether another resource has begun a create or delete of exactly the
// same.
func (b *begunActions) others(provider, resource string, a *Action) bool {
	key := doneKey(provider, a)
	if key == "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for other := range b.keys[key] {
		if other != resource {
			return true
		}
	}
	return false
}

// doneKey is what a create or a delete does, and what is there afterwards or was
// before. It is empty for everything else, and where nobody knows what is done.
func doneKey(provider string, a *Action) string {
	about := DetailAfter
	switch {
	case a.isReplacement():
		return ""
	case a.Action == ActionDelete:
		about = DetailBefore
	case a.Action != ActionCreate:
		return ""
	}
	effects, ok := a.Details[DetailEffects].([]any)
	if !ok || len(effects) == 0 {
		return ""
	}
	for _, effect := range effects {
		if fields, ok := effect.(map[string]any); !ok || fields["capability"] == CapabilityUnbounded {
			return ""
		}
	}
	key, err := Digest([]any{provider, string(a.Action), effects, a.Details[about]})
	if err != nil {
		return ""
	}
	return key
}

// remaining is what is left of the reviewed plan where the one of now differs from it
// only by what this run has done for other resources of the same provider: creates and
// deletes that it has begun are missing, or more can be deleted, which then stays for
// the next plan. It is nil where anything else has moved.
func (s *step) remaining(before *Proposed, now Components) *Plan {
	for _, name := range before.Components.moved(now) {
		if name != "live" && name != "plan" {
			return nil
		}
	}
	if before.Review.Plan == nil || !s.walk.begun.any(s.provider.Name) {
		return nil
	}
	actions, extra, ok := s.match(before.Review.Plan.Actions)
	if !ok {
		return nil
	}
	left := *s.plan
	left.Actions, left.Summary = actions, Summary{}
	left.Warnings = before.Review.Plan.Warnings // what others made since is theirs
	for i := range actions {
		left.Summary.add(actions[i].Action)
	}
	if len(extra) > 0 {
		left.Warnings = append(append([]string{}, left.Warnings...),
			"more can be deleted by now, which was not reviewed and stays: "+strings.Join(extra, ", ")+"; plan again")
	}
	return &left
}

// match goes along both plans: actions are those that both have, extra names what only
// the one of now has.
func (s *step) match(reviewed []Action) (actions []Action, extra []string, ok bool) {
	actions = []Action{}
	rest := s.plan.Actions
	for i := range reviewed {
		for len(rest) > 0 && !sameAction(&reviewed[i], &rest[0]) && s.mayStay(reviewed, &rest[0]) {
			extra = append(extra, fmt.Sprintf("%s %q", rest[0].ResourceType, rest[0].Name))
			rest = rest[1:]
		}
		switch {
		case len(rest) > 0 && sameAction(&reviewed[i], &rest[0]):
			actions, rest = append(actions, rest[0]), rest[1:]
		case !s.walk.begun.has(s.provider.Name, &reviewed[i]):
			return nil, nil, false
		}
	}
	for i := range rest {
		if !s.mayStay(reviewed, &rest[i]) {
			return nil, nil, false
		}
		extra = append(extra, fmt.Sprintf("%s %q", rest[i].ResourceType, rest[i].Name))
	}
	return actions, extra, true
}

// mayStay reports whether an action of now can be left undone: a delete of what the
// reviewed plan does nothing with.
func (s *step) mayStay(reviewed []Action, a *Action) bool {
	if a.Action != ActionDelete || a.isReplacement() {
		return false
	}
	for i := range reviewed {
		if reviewed[i].ResourceType == a.ResourceType && reviewed[i].Name == a.Name {
			return false
		}
	}
	return true
}

// sameAction compares all that two actions say, as their plans are digested.
func sameAction(a, b *Action) bool {
	if a.Action != b.Action || a.ResourceType != b.ResourceType || a.Name != b.Name {
		return false
	}
	one, err := Digest(a.Details)
	if err != nil {
		return false
	}
	other, err := Digest(b.Details)
	return err == nil && one == other
}
