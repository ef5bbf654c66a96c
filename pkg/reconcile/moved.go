package reconcile

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	// lookWindow is how old the last look at the world may be when actions begin.
	lookWindow = time.Second
	// lookShare bounds what looking costs: where a look takes longer than a quarter of
	// the window, the window is four times as long as the look.
	lookShare = 4
)

// MoveFinder is optional: it reads the world again in the midst of an apply. For a
// provider that has it not, the engine has the plan made anew, and compares.
type MoveFinder interface {
	// FindMoved returns, by index in the plan's actions, why those of the given ones
	// may not begin: what they touch is not what the plan saw. It changes nothing.
	// It is called from within ApplyActions.
	FindMoved(ctx context.Context, seen Settled, plan *Plan, indexes []int) (map[int]string, error)
}

// ActionChecker is what the [ActionLog] is that the engine hands over.
type ActionChecker interface {
	// Moved looks at the world again where the last look is too old, and returns by
	// index why actions may not begin. Their results are failures that say so; the
	// others may begin. Where it returns an error none of them may. It is called
	// after Intend and before the actions, from the goroutine of ApplyActions.
	Moved(ctx context.Context, indexes ...int) (map[int]string, error)
}

var _ ActionChecker = (*actionLog)(nil)

// looked notes a look at the world.
func (s *step) looked(began time.Time) {
	s.lookedAt, s.lookTook = began, s.walk.engine.now().Sub(began)
}

// Moved looks again, where it is time to. A look is at everything that is still to
// be begun: what it shows of later actions is remembered.
func (l *actionLog) Moved(ctx context.Context, indexes ...int) (map[int]string, error) {
	s := l.step
	began := s.walk.engine.now()
	// The steady clock stands still in a machine that sleeps; the other one does not.
	age := max(began.Sub(s.lookedAt), began.Round(0).Sub(s.lookedAt.Round(0)))
	if age > max(lookWindow, lookShare*s.lookTook) {
		todo := l.unbegun(indexes)
		err := guard("read the world again", func() (err error) {
			s.moved, err = findMoved(ctx, s, todo)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%w; nothing is begun where nobody can see what it would change", err)
		}
		for i := range s.moved {
			// What another resource of this run has made as this one would is no surprise.
			if a := &s.plan.Actions[i]; a.Action == ActionCreate && s.walk.begun.others(s.provider.Name, s.resource.Name, a) {
				delete(s.moved, i)
			}
		}
		s.looked(began)
	}
	var moved map[int]string
	for _, i := range indexes {
		if why, ok := s.moved[i]; ok {
			if moved == nil {
				moved = map[int]string{}
			}
			moved[i], s.stopped = why, true
		}
	}
	return moved, nil
}

// undone are the actions that are not known to be done.
func (l *actionLog) undone() []*Action {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*Action
	for i, outcome := range l.outcomes {
		if outcome != outcomeDone {
			out = append(out, &l.plan.Actions[i])
		}
	}
	return out
}

// unbegun are the actions that have not begun, and those that are about to.
func (l *actionLog) unbegun(about []int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := make(map[int]bool, len(about))
	for _, i := range about {
		asked[i] = true
	}
	var todo []int
	for i, outcome := range l.outcomes {
		if asked[i] || outcome == outcomeNone && l.plan.Actions[i].Action != ActionSkip {
			todo = append(todo, i)
		}
	}
	return todo
}

func findMoved(ctx context.Context, s *step, indexes []int) (map[int]string, error) {
	if finder, ok := As[MoveFinder](s.actual); ok {
		seen := Settled{Resource: s.resource, Config: s.seen.config, Live: s.seen.live, State: s.seen.state}
		return finder.FindMoved(ctx, seen, s.plan, indexes)
	}
	seen := s.seen
	var err error
	if seen.live, err = fetchLive(ctx, s.actual, seen.config, seen.state); err != nil {
		return nil, err
	}
	plan, err := computePlan(ctx, s.actual, seen)
	if err != nil {
		return nil, err
	}
	return movedActions(s.plan, plan, indexes), nil
}

// movedActions are those that a plan of now has not, or has differently.
func movedActions(reviewed, now *Plan, indexes []int) map[int]string {
	type key struct {
		action     ActionType
		kind, name string
	}
	found := map[key]*Action{}
	if now != nil {
		for i := range now.Actions {
			a := &now.Actions[i]
			found[key{a.Action, a.ResourceType, a.Name}] = a
		}
	}
	moved := map[int]string{}
	for _, i := range indexes {
		a := &reviewed.Actions[i]
		again := found[key{a.Action, a.ResourceType, a.Name}]
		switch {
		case a.Action == ActionSkip:
		case again == nil:
			moved[i] = "a plan of now would not do it"
		case !sameDetails(a, again):
			moved[i] = "a plan of now would do it differently"
		}
	}
	return moved
}

// sameDetails compares what an action is about. Its effects depend on what other
// actions have done already, and so does half of a replacement.
func sameDetails(a, b *Action) bool {
	if a.isReplacement() && a.Action == ActionCreate {
		return true
	}
	without := func(details map[string]any) map[string]any {
		own := maps.Clone(details)
		maps.DeleteFunc(own, func(name string, _ any) bool {
			return name == DetailEffects || name == DetailReason || name == DetailReplace
		})
		return own
	}
	x, y := without(a.Details), without(b.Details)
	return len(x) == 0 && len(y) == 0 || reflect.DeepEqual(x, y)
}

// movedText is the error of an action that may not begin.
func movedText(why string) string {
	return "not begun: it has changed since the plan, " + why + "; plan again"
}

// MovedResult is the result of an action that [ActionChecker] did not let begin.
func MovedResult(action *Action, why string) Result {
	return Result{
		Phase: "apply", Action: string(action.Action), Name: action.Name, Status: ApplyFailed, Error: movedText(why),
	}
}

// applyUnmoved has a provider that tells nothing of single actions carry out those
// of the plan that may begin.
func applyUnmoved(ctx context.Context, p Reconcilable, plan *Plan, log *actionLog) ([]Result, error) {
	indexes := make([]int, len(plan.Actions))
	for i := range indexes {
		indexes[i] = i
	}
	moved, err := log.Moved(ctx, indexes...)
	if err != nil {
		return nil, err
	}
	rest := plan
	if len(moved) > 0 {
		indexes = slices.DeleteFunc(indexes, func(i int) bool { _, ok := moved[i]; return ok })
		rest = plan.only(indexes)
	}
	if err := log.Intend(ctx, indexes...); err != nil {
		return nil, err
	}
	var results []Result
	if len(indexes) > 0 || len(plan.Actions) == 0 {
		results, err = p.ApplyPlan(ctx, rest)
		log.match(ctx, results)
	}
	for _, i := range slices.Sorted(maps.Keys(moved)) {
		results = append(results, MovedResult(&plan.Actions[i], moved[i]))
	}
	return results, err
}

// only is the plan with some of its actions.
func (p *Plan) only(indexes []int) *Plan {
	some := *p
	some.Actions, some.Summary = make([]Action, 0, len(indexes)), Summary{}
	for _, i := range indexes {
		some.Actions = append(some.Actions, p.Actions[i])
		some.Summary.add(p.Actions[i].Action)
	}
	return &some
}

// staleActions is the error of an apply some of whose actions did not begin.
func (s *step) staleActions() error {
	if !s.stopped {
		return nil
	}
	return &StaleError{Address: s.resource.Name, Moved: []string{"live"}}
}

// Touched is an object that an action is about to touch.
type Touched struct {
	Action *Action
	// Desired is what it is to become; nil where it is deleted.
	Desired *Resource
	// Before is the live object that the plan saw; nil where there was none. For
	// the create of a replacement it is the one that is replaced.
	Before *Resource
	// Now is the live object; nil where there is none.
	Now *Resource
}

// MovedSince says how an object has changed since the plan, as far as the plan is
// about that; empty where it has not. Of the input it reads Schema and Declaration.
// What is gone already may be deleted.
func MovedSince(input PlanInput, touched Touched) string {
	kind := touched.Action.Action
	replaces := kind == ActionCreate && touched.Action.isReplacement()
	switch {
	case touched.Now == nil && kind == ActionUpdate:
		return "it is gone"
	case touched.Now == nil || kind == ActionSkip:
		return ""
	case touched.Before == nil, kind == ActionCreate && !replaces:
		return "it exists by now"
	case touched.Before.ExternalID != "" && touched.Now.ExternalID != "" && touched.Before.ExternalID != touched.Now.ExternalID:
		return "it is another object by now"
	case touched.Before.Mode == ModeManaged && touched.Now.Mode != ModeManaged:
		return "it is not ours any more"
	}
	if changed := movedPaths(input, touched); len(changed) > 0 {
		return "at " + strings.Join(changed, ", ")
	}
	return ""
}

// movedPaths are the paths at which it changed, of those that plans compare.
func movedPaths(input PlanInput, touched Touched) []string {
	p := &planner{input: input, types: make(map[string]*objectRules)}
	rules := p.rules(touched.Now.Type)
	names := maps.Clone(touched.Before.Attributes)
	if names == nil {
		names = map[string]any{}
	}
	maps.Copy(names, touched.Now.Attributes)
	var changed []string
	for name := range names {
		attribute := rules.of(name)
		was, told := touched.Before.Attributes[name]
		is, tells := touched.Now.Attributes[name]
		declared := touched.Desired != nil && touched.Desired.Attributes[name] != nil
		if attribute.Payload || attribute.Computed && !declared || attribute.Sensitive && told != tells {
			continue
		}
		changed = appendDifferences(changed, pathOf("", name), was, is, attribute.Unordered)
	}
	slices.Sort(changed)
	return p.ignore(changed)
}
