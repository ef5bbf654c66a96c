package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

// clock is a clock that tests move.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time           { return c.at }
func (c *clock) pass(by time.Duration)    { c.at = c.at.Add(by) }
func (c *clock) option() reconcile.Option { return reconcile.WithClock(c.now) }
func passing(c *clock, by time.Duration, then func()) reconcile.Gate {
	return reconcile.GateFunc(func(ctx context.Context, review reconcile.Review) (reconcile.Decision, error) {
		c.pass(by)
		then()
		return reconcile.AllowAll{}.Review(ctx, review)
	})
}

// changing is a rig over one model that updates one, deletes two and makes three.
func changing(t *testing.T) (*rig, *reconciletest.Model) {
	t.Helper()
	r := newRig(t)
	m := &reconciletest.Model{Address: "a", World: worldOf(ours(file("one", "size", 1)), ours(file("two", "size", 2)))}
	m.Desired = []reconcile.Resource{file("one", "size", 10), file("three", "size", 3)}
	r.registry.Register("a", m)
	r.declare("a", "a").Prune = true
	return r, m
}

// outcomes are the results of the actions, by what they do.
func outcomes(result reconcile.MetaResult) string {
	var list []string
	for _, one := range result.Results() {
		list = append(list, fmt.Sprintf("%s %s %s", one.Action, one.Name, one.Status))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// What somebody changes between the plan and the apply stops its own action, where
// the plan is older than the window.
func TestMovedStopsItsActionOnly(t *testing.T) {
	const all = "create three succeeded, delete two succeeded, update one succeeded"
	for _, test := range []struct {
		name   string
		passes time.Duration
		change func(w *reconciletest.World)
		want   string
	}{
		{"nothing moved", time.Minute, func(*reconciletest.World) {}, all},
		{
			"the object of an update", time.Minute,
			func(w *reconciletest.World) { w.Put(ours(file("one", "size", 7))) },
			"create three succeeded, delete two succeeded, update one failed",
		},
		{
			"the object of a delete", time.Minute,
			func(w *reconciletest.World) { w.Put(ours(file("two", "size", 7))) },
			"create three succeeded, delete two failed, update one succeeded",
		},
		{
			"the object of a create", time.Minute,
			func(w *reconciletest.World) { w.Put(file("three", "size", 7)) },
			"create three failed, delete two succeeded, update one succeeded",
		},
		{
			"all of them", time.Minute,
			func(w *reconciletest.World) {
				for _, name := range []string{"one", "two", "three"} {
					w.Put(ours(file(name, "size", 7)))
				}
			},
			"create three failed, delete two failed, update one failed",
		},
		{
			"an object of which the plan says nothing", time.Minute,
			func(w *reconciletest.World) { w.Put(file("other", "size", 7)) }, all,
		},
		{"within the window nobody looks", time.Second, func(w *reconciletest.World) { w.Put(ours(file("one", "size", 7))) }, all},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, m := changing(t)
			c := newClock()
			gate := passing(c, test.passes, func() { test.change(m.World) })
			results := r.run(t, gate, reconcile.MetaOpts{}, c.option())
			if got := outcomes(results[0]); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			stale := strings.Contains(test.want, "failed")
			if errors.Is(results[0].Err(), reconcile.ErrStale) != stale {
				t.Errorf("error: %v", results[0].Err())
			}
			if stale && !strings.Contains(results[0].Error, "not begun: it has changed since the plan") {
				t.Errorf("error: %s", results[0].Error)
			}
			// Whatever came of it, the next run brings it about.
			wantStatuses(t, r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}), map[bool]string{true: "a:applied", false: "a:synced"}[stale])
		})
	}
}

// A world that cannot be read again lets nothing begin.
func TestMovedUnreadable(t *testing.T) {
	r, m := changing(t)
	c := newClock()
	gate := passing(c, time.Minute, func() {
		m.Failing = func(call string, _ *reconcile.Action) error {
			if call == "fetch_live" {
				return errors.New("no line")
			}
			return nil
		}
	})
	before := m.World.Changes()
	results := r.run(t, gate, reconcile.MetaOpts{}, c.option())
	wantStatuses(t, results, "a:failed")
	if !strings.Contains(results[0].Error, "read the world again: no line") || m.World.Changes() != before {
		t.Errorf("error: %s", results[0].Error)
	}
}

// checking is a model that asks before each action, which takes it a while.
type checking struct {
	*reconciletest.Model
	clock *clock
	// takes is how long an action takes, and after is called after each.
	takes time.Duration
	after func(i int)
}

func (m *checking) ApplyActions(ctx context.Context, plan *reconcile.Plan, log reconcile.ActionLog) ([]reconcile.Result, error) {
	var results []reconcile.Result
	for i := range plan.Actions {
		if err := log.Intend(ctx, i); err != nil {
			return results, err
		}
		moved, err := log.(reconcile.ActionChecker).Moved(ctx, i)
		if err != nil {
			return results, err
		}
		result := reconcile.MovedResult(&plan.Actions[i], moved[i])
		if _, stop := moved[i]; !stop {
			one := *plan
			one.Actions = plan.Actions[i : i+1]
			done, err := m.ApplyPlan(ctx, &one)
			if err != nil {
				return results, err
			}
			result = done[0]
			m.clock.pass(m.takes)
		}
		log.Done(i, result)
		results = append(results, result)
		m.after(i)
	}
	return results, nil
}

// In the midst of a long apply the world is looked at once a window, and a slow
// look makes the window longer.
func TestMovedInTheMidst(t *testing.T) {
	for _, test := range []struct {
		name        string
		takes, look time.Duration
		looks       int
		// seen is whether the change is seen, which comes after the third of ten.
		seen bool
	}{
		{"quick actions", 50 * time.Millisecond, 0, 0, false},
		{"slow actions", 400 * time.Millisecond, 0, 3, true},
		{"actions slower than the window", 2 * time.Second, 0, 9, true},
		{"a slow look", 400 * time.Millisecond, 300 * time.Millisecond, 3, true},
		{"a look that is slower than all of it", 400 * time.Millisecond, 10 * time.Second, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, c := newRig(t), newClock()
			m := &checking{Model: &reconciletest.Model{Address: "a", World: worldOf()}, clock: c, takes: test.takes}
			for i := range 10 {
				m.World.Put(ours(file(fmt.Sprint(i), "size", 1)))
				m.Desired = append(m.Desired, file(fmt.Sprint(i), "size", 2))
			}
			m.after = func(i int) {
				if i == 2 {
					m.World.Put(ours(file("9", "size", 7)))
				}
			}
			looks := 0
			m.Failing = func(call string, _ *reconcile.Action) error {
				if call == "fetch_live" {
					looks++
					c.pass(test.look)
				}
				return nil
			}
			r.registry.Register("a", m)
			r.declare("a", "a")
			results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, c.option(), reconcile.WithStore(reconcile.NewFileStore(r.root)))
			if got := looks - 2; got != test.looks { // one for the plan, one for the record
				t.Errorf("%d looks, want %d", got, test.looks)
			}
			want := strings.Count(outcomes(results[0]), "succeeded")
			if (want == 9) != test.seen || (want == 10) == test.seen {
				t.Errorf("%s", outcomes(results[0]))
			}
			if left, err := reconcile.NewFileStore(r.root).Journals(t.Context(), ""); len(left) > 0 || err != nil {
				t.Errorf("journals: %+v, %v", left, err)
			}
		})
	}
}

func TestMovedSince(t *testing.T) {
	schema := &reconcile.Schema{Objects: []reconcile.ObjectType{{Name: "file", Attributes: []reconcile.ObjectAttribute{
		{Name: "mtime", Computed: true}, {Name: "body", Payload: true}, {Name: "key", Sensitive: true}, {Name: "tags", Unordered: true},
	}}}}
	input := reconcile.PlanInput{Schema: schema, Declaration: reconcile.Declaration{IgnoreChanges: []string{"hits"}}}
	object := func(id string, attributes ...any) *reconcile.Resource {
		o := ours(file("a", attributes...))
		o.ExternalID = id
		return &o
	}
	action := func(kind reconcile.ActionType, replaces bool) *reconcile.Action {
		return &reconcile.Action{Action: kind, Name: "a", Details: map[string]any{reconcile.DetailReplace: replaces}}
	}
	update, remove := action(reconcile.ActionUpdate, false), action(reconcile.ActionDelete, false)
	foreign := object("1", "size", 1)
	foreign.Mode = reconcile.ModeUnmanaged
	for _, test := range []struct {
		name    string
		touched reconcile.Touched
		want    string
	}{
		{"create of nothing", reconcile.Touched{Action: action(reconcile.ActionCreate, false)}, ""},
		{"create of what is there", reconcile.Touched{Action: action(reconcile.ActionCreate, false), Now: object("1")}, "it exists by now"},
		{"replacement that is deleted", reconcile.Touched{Action: action(reconcile.ActionCreate, true), Before: object("1")}, ""},
		{"replacement that is not yet", reconcile.Touched{Action: action(reconcile.ActionCreate, true), Before: object("1", "size", 1), Now: object("1", "size", 1)}, ""},
		{"replacement by another", reconcile.Touched{Action: action(reconcile.ActionCreate, true), Before: object("1"), Now: object("2")}, "it is another object by now"},
		{"update of nothing", reconcile.Touched{Action: update, Before: object("1")}, "it is gone"},
		{"update of the same", reconcile.Touched{Action: update, Before: object("1", "size", 1), Now: object("", "size", 1.0)}, ""},
		{"update of another", reconcile.Touched{Action: update, Before: object("1"), Now: object("2")}, "it is another object by now"},
		{"update of what is not ours", reconcile.Touched{Action: update, Before: object("1", "size", 1), Now: foreign}, "it is not ours any more"},
		{"update of what changed", reconcile.Touched{Action: update, Before: object("1", "size", 1, "mode", "a"), Now: object("1", "size", 2)}, "at mode, size"},
		{"what is computed", reconcile.Touched{Action: update, Before: object("1", "mtime", 1), Now: object("1", "mtime", 2)}, ""},
		{"what is computed and declared", reconcile.Touched{Action: update, Desired: object("1", "mtime", 3), Before: object("1", "mtime", 1), Now: object("1", "mtime", 2)}, "at mtime"},
		{"a payload", reconcile.Touched{Action: update, Before: object("1", "body", "a"), Now: object("1")}, ""},
		{"a secret that is told once", reconcile.Touched{Action: update, Before: object("1", "key", "a"), Now: object("1")}, ""},
		{"a secret", reconcile.Touched{Action: update, Before: object("1", "key", "a"), Now: object("1", "key", "b")}, "at key"},
		{"what is ignored", reconcile.Touched{Action: update, Before: object("1", "hits", 1), Now: object("1", "hits", 2)}, ""},
		{"a set", reconcile.Touched{Action: update, Before: object("1", "tags", []any{"a", "b"}), Now: object("1", "tags", []any{"b", "a"})}, ""},
		{"delete of nothing", reconcile.Touched{Action: remove, Before: object("1")}, ""},
		{"delete of what changed", reconcile.Touched{Action: remove, Before: object("1", "size", 1), Now: object("1", "size", 2)}, "at size"},
	} {
		if got := reconcile.MovedSince(input, test.touched); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
