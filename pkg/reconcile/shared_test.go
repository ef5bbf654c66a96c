package reconcile

import (
	"slices"
	"testing"
)

func effect(operation, target string) map[string]any {
	return map[string]any{"capability": CapabilityFile, "operation": operation, "target": target}
}

func create(name string, effects ...any) Action {
	return Action{Action: ActionCreate, ResourceType: "thing", Name: name, Details: map[string]any{
		DetailAfter: map[string]any{"name": name}, DetailEffects: effects,
	}}
}

func deleteOf(name string) Action {
	return Action{Action: ActionDelete, ResourceType: "thing", Name: name, Details: map[string]any{
		DetailBefore: map[string]any{"name": name}, DetailEffects: []any{effect("delete", "out/"+name)},
	}}
}

// What is left of a reviewed plan may be applied where the rest was made by the same
// run, and nothing else is different.
func TestWhatIsLeftOfAReviewedPlan(t *testing.T) {
	dir, file := create("dir", effect("mkdir", "out")), create("file", effect("write", "out/f"))
	update := Action{Action: ActionUpdate, ResourceType: "thing", Name: "old", Details: map[string]any{DetailAfter: map[string]any{"v": 2}}}
	gone := deleteOf("gone")
	other := update
	other.Details = map[string]any{DetailAfter: map[string]any{"v": 3}}
	unbounded := create("dir", map[string]any{"capability": CapabilityUnbounded, "operation": "any", "target": "grant"})
	moreMode := create("dir", effect("mkdir", "out"))
	moreMode.Details[DetailAfter] = map[string]any{"name": "dir", "mode": "0700"}
	for _, tc := range []struct {
		name     string
		begun    []Action
		provider string
		reviewed []Action
		now      []Action
		moved    Components
		want     bool
	}{
		{"the directory was made by this run", []Action{dir}, "p", []Action{dir, file, update}, []Action{file, update}, Components{Live: "l2", Plan: "p2"}, true},
		{"nothing is left", []Action{dir}, "p", []Action{dir}, nil, Components{Live: "l2", Plan: "p2"}, true},
		{"it was made by nobody of this run", nil, "p", []Action{dir, file}, []Action{file}, Components{Live: "l2", Plan: "p2"}, false},
		{"by another provider", []Action{dir}, "q", []Action{dir, file}, []Action{file}, Components{Live: "l2", Plan: "p2"}, false},
		{"as something else", []Action{moreMode}, "p", []Action{dir, file}, []Action{file}, Components{Live: "l2", Plan: "p2"}, false},
		{"nobody knows what it does", []Action{unbounded}, "p", []Action{unbounded, file}, []Action{file}, Components{Live: "l2", Plan: "p2"}, false},
		{"nothing is missing, and this run has changed something", []Action{dir}, "p", []Action{file}, []Action{file}, Components{Live: "l2", Plan: "p1"}, true},
		{"nothing is missing, and this run has changed nothing there", []Action{dir}, "q", []Action{file}, []Action{file}, Components{Live: "l2", Plan: "p1"}, false},
		{"a delete was done by this run", []Action{gone}, "p", []Action{gone, file}, []Action{file}, Components{Live: "l2", Plan: "p2"}, true},
		{"a delete was done by nobody of this run", []Action{dir}, "p", []Action{gone, file}, []Action{file}, Components{Live: "l2", Plan: "p2"}, false},
		{"more can be deleted", []Action{dir}, "p", []Action{file}, []Action{gone, file}, Components{Live: "l2", Plan: "p2"}, true},
		{"more can be deleted, at the end", []Action{dir}, "p", []Action{file}, []Action{file, gone}, Components{Live: "l2", Plan: "p2"}, true},
		{"what is updated would be deleted", []Action{dir}, "p", []Action{update}, []Action{deleteOf("old")}, Components{Live: "l2", Plan: "p2"}, false},
		{"something is new", []Action{dir}, "p", []Action{dir}, []Action{file}, Components{Live: "l2", Plan: "p2"}, false},
		{"something is different", []Action{dir}, "p", []Action{dir, update}, []Action{other}, Components{Live: "l2", Plan: "p2"}, false},
		{"an update is missing", []Action{dir}, "p", []Action{dir, update}, nil, Components{Live: "l2", Plan: "p2"}, false},
		{"the declaration moved as well", []Action{dir}, "p", []Action{dir, file}, []Action{file}, Components{Live: "l2", Plan: "p2", Declaration: "d2"}, false},
		{"the state moved as well", []Action{dir}, "p", []Action{dir, file}, []Action{file}, Components{Live: "l2", Plan: "p2", State: "s2"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &step{walk: &walk{}, provider: ProviderInfo{Name: "p"}, plan: &Plan{Actions: tc.now}}
			s.walk.begun.note(tc.provider, "other", &Plan{Actions: tc.begun})
			before := Components{Config: "c", Live: "l1", State: "s1", Declaration: "d1", Plan: "p1"}
			now := before
			now.Live, now.Plan = tc.moved.Live, tc.moved.Plan
			if tc.moved.Declaration != "" {
				now.Declaration = tc.moved.Declaration
			}
			if tc.moved.State != "" {
				now.State = tc.moved.State
			}
			proposed := &Proposed{Components: before, Review: Review{Plan: &Plan{Actions: tc.reviewed}}}
			left := s.remaining(proposed, now)
			if got := left != nil; got != tc.want {
				t.Fatalf("there is something left: %t", got)
			}
			if left == nil {
				return
			}
			// Nothing is done that was not reviewed, and the summary tells what is done.
			for i := range left.Actions {
				if !slices.ContainsFunc(tc.reviewed, func(a Action) bool { return sameAction(&a, &left.Actions[i]) }) {
					t.Errorf("it does what was not reviewed: %v", left.Actions[i])
				}
			}
			if counted, err := countActions(left.Actions); err != nil || counted != left.Summary {
				t.Errorf("the summary is %v, and there are %v, %v", left.Summary, counted, err)
			}
		})
	}
}

// What a resource did not do after all counts for nobody, and what it does itself is
// not what others have done.
func TestBegunActionsAreTakenBack(t *testing.T) {
	var begun begunActions
	dir := create("dir", effect("mkdir", "out"))
	begun.note("p", "a", &Plan{Actions: []Action{dir}})
	if !begun.has("p", &dir) || begun.others("p", "a", &dir) || !begun.others("p", "b", &dir) || begun.others("q", "b", &dir) {
		t.Error("a began it, for p and for nobody else")
	}
	begun.note("p", "b", &Plan{Actions: []Action{dir}})
	begun.drop("p", "a", []*Action{&dir})
	if !begun.has("p", &dir) || begun.others("p", "b", &dir) {
		t.Error("b still does it")
	}
	begun.drop("p", "b", []*Action{&dir})
	if begun.has("p", &dir) || !begun.any("p") {
		t.Error("nobody has done it")
	}
}
