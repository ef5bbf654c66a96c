package reconcile_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

var fileSchema = &reconcile.Schema{Objects: []reconcile.ObjectType{
	{Name: "file", Attributes: []reconcile.ObjectAttribute{
		{Name: "sha256"},
		{Name: "content", Payload: true},
		{Name: "mtime", Computed: true},
		{Name: "password", Sensitive: true},
		{Name: "kind", Immutable: true},
		{Name: "tags", Unordered: true},
	}},
	{Name: "dir", Attributes: []reconcile.ObjectAttribute{{Name: "kind", Immutable: true}}},
}}

func ours(r reconcile.Resource) reconcile.Resource { r.Mode = reconcile.ModeManaged; return r }

func within(r reconcile.Resource, parent string) reconcile.Resource {
	r.ParentAddress = reconcile.ObjectAddress("file.site", "dir", parent)
	return r
}

func dir(name string, attributes ...any) reconcile.Resource {
	r := file(name, attributes...)
	r.Type = "dir"
	return r
}

func withID(r reconcile.Resource, id string) reconcile.Resource { r.ExternalID = id; return r }

// recorded is a state of these objects.
func recorded(objects ...reconcile.Resource) *reconcile.State {
	state := &reconcile.State{Version: 1, Lineage: "lineage", Serial: 1}
	for _, object := range objects {
		state.Resources = append(state.Resources, ours(object))
	}
	return state
}

// brief is a plan as "create file a; update file b: size (drift)".
func brief(plan *reconcile.Plan) string {
	var lines []string
	for _, action := range plan.Actions {
		line := fmt.Sprintf("%s %s %s", action.Action, action.ResourceType, action.Name)
		if changed, ok := action.Details[reconcile.DetailChanged].([]any); ok {
			line += ": " + strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(changed), "["), "]")
		}
		if action.Details[reconcile.DetailReplace] != nil {
			line += " (replace)"
		}
		if action.Details[reconcile.DetailDrift] != nil {
			line += " (drift)"
		}
		if action.Details[reconcile.DetailReason] == "" {
			line += " (no reason)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

type planTest struct {
	name    string
	desired []reconcile.Resource
	live    []reconcile.Resource
	state   *reconcile.State
	said    reconcile.Declaration
	want    string
	// warning is in one of the warnings; empty wants none at all.
	warning string
	// counts are the plan's metadata.
	counts string
}

type objects = []reconcile.Resource

func TestPlanObjects(t *testing.T) {
	additive := reconcile.Declaration{Ownership: reconcile.OwnAdditive}
	adopt := reconcile.Declaration{Ownership: reconcile.OwnAdopt}
	for _, test := range []planTest{
		{name: "nothing"},
		{name: "create", desired: objects{file("a")}, want: "create file a"},
		{name: "as declared", desired: objects{file("a", "n", 1)}, live: objects{file("a", "n", 1)}, counts: "map[unchanged:1]"},
		{name: "create what was removed", desired: objects{file("a")}, state: recorded(file("a")), want: "create file a (drift)"},

		// Ownership.
		{name: "delete what is recorded", live: objects{file("a")}, state: recorded(file("a")), want: "delete file a"},
		{name: "delete what is marked", live: objects{ours(file("a"))}, want: "delete file a"},
		{name: "leave what is not ours", live: objects{file("a")}, warning: `file "a" is not ours`, counts: "map[unmanaged:1]"},
		{name: "recorded, and another one now", live: objects{withID(file("a"), "2")}, state: recorded(withID(file("a"), "1")), warning: "not ours", counts: "map[unmanaged:1]"},
		{name: "recorded, the same one", live: objects{withID(file("a"), "1")}, state: recorded(withID(file("a"), "1")), want: "delete file a"},
		{name: "recorded without ID", live: objects{withID(file("a"), "1")}, state: recorded(file("a")), want: "delete file a"},
		{
			name: "recorded as unmanaged", live: objects{file("a")}, warning: "not ours", counts: "map[unmanaged:1]",
			state: &reconcile.State{Resources: objects{{Type: "file", Name: "a", Mode: reconcile.ModeUnmanaged}}},
		},
		{name: "data is never ours", live: objects{{Type: "file", Name: "a", Mode: reconcile.ModeData}}, state: recorded(file("a")), warning: "not ours", counts: "map[unmanaged:1]"},
		{name: "gone and not declared", state: recorded(file("a"))},
		{name: "take over", desired: objects{file("a", "n", 1)}, live: objects{file("a", "n", 2)}, want: "update file a: n", warning: "takes it over"},
		{name: "additive leaves the rest", said: additive, desired: objects{file("b")}, live: objects{ours(file("a"))}, want: "create file b", counts: "map[ownership:additive undeclared:1]"},
		{name: "additive updates", said: additive, desired: objects{file("a", "n", 1)}, live: objects{ours(file("a"))}, want: "update file a: n", counts: "map[ownership:additive]"},
		{
			name: "adopt changes nothing", said: adopt, desired: objects{file("a", "n", 1), file("b"), file("c")},
			live: objects{file("a", "n", 2), file("c"), ours(file("d"))}, warning: "mode adopt changes nothing", counts: "map[ownership:adopt unchanged:1 undeclared:1]",
		},

		// Comparison.
		{name: "update", desired: objects{file("a", "n", 1, "s", "x")}, live: objects{ours(file("a", "n", 2, "s", "y"))}, want: "update file a: n s"},
		{name: "numbers by value", desired: objects{file("a", "n", int64(1), "m", 2.0)}, live: objects{ours(file("a", "n", 1.0, "m", int64(2)))}, counts: "map[unchanged:1]"},
		{name: "numbers are exact", desired: objects{file("a", "n", int64(1<<53+1))}, live: objects{ours(file("a", "n", int64(1<<53)))}, want: "update file a: n"},
		{name: "a number is no text", desired: objects{file("a", "n", 1)}, live: objects{ours(file("a", "n", "1"))}, want: "update file a: n"},
		{name: "absent is null", desired: objects{file("a", "n", nil)}, live: objects{ours(file("a"))}, counts: "map[unchanged:1]"},
		{name: "null is absent", desired: objects{file("a")}, live: objects{ours(file("a", "n", nil))}, counts: "map[unchanged:1]"},
		{name: "not wanted any more", desired: objects{file("a")}, live: objects{ours(file("a", "n", 1))}, want: "update file a: n"},
		{
			name:    "into maps",
			desired: objects{file("a", "m", map[string]any{"x": 1, "y": map[string]any{"z z": 1}, "same": true})},
			live:    objects{ours(file("a", "m", map[string]any{"w": 1, "y": map[string]any{"z z": 2}, "same": true}))},
			want:    `update file a: m.w m.x m.y["z z"]`,
		},
		{name: "lists are ordered", desired: objects{file("a", "l", []any{"x", "y"})}, live: objects{ours(file("a", "l", []any{"y", "x"}))}, want: "update file a: l"},
		{name: "unordered lists", desired: objects{file("a", "tags", []any{"x", "y", 1})}, live: objects{ours(file("a", "tags", []any{1.0, "y", "x", "x"}))}, counts: "map[unchanged:1]"},
		{name: "unordered lists differ", desired: objects{file("a", "tags", []any{"x"})}, live: objects{ours(file("a", "tags", []any{"y", "x"}))}, want: "update file a: tags"},
		{name: "a provider's own types", desired: objects{file("a", "l", []string{"x"})}, live: objects{ours(file("a", "l", []any{"x"}))}, counts: "map[unchanged:1]"},
		{name: "computed", desired: objects{file("a")}, live: objects{ours(file("a", "mtime", 5))}, counts: "map[unchanged:1]"},
		{name: "computed and set", desired: objects{file("a", "mtime", 4)}, live: objects{ours(file("a", "mtime", 5))}, want: "update file a: mtime"},
		{name: "payload", desired: objects{file("a", "content", "new")}, live: objects{ours(file("a", "content", "old"))}, counts: "map[unchanged:1]"},
		{name: "payload is not live", desired: objects{file("a", "content", "new", "sha256", "1")}, live: objects{ours(file("a", "sha256", "2"))}, want: "update file a: sha256"},
		{name: "ignored", said: reconcile.Declaration{IgnoreChanges: []string{"n", "m.x"}}, desired: objects{file("a", "n", 1, "m", map[string]any{"x": 1, "xx": 1})}, live: objects{ours(file("a", "n", 2, "m", map[string]any{"x": 2, "xx": 2}))}, want: "update file a: m.xx"},
		{name: "all ignored", said: reconcile.Declaration{IgnoreChanges: []string{"m"}}, desired: objects{file("a", "m", map[string]any{"x": 1})}, live: objects{ours(file("a", "m", map[string]any{"x": 2}))}, counts: "map[unchanged:1]"},

		// Drift: the world moved, or the declaration did.
		{name: "the world moved", desired: objects{file("a", "n", 1)}, live: objects{file("a", "n", 2)}, state: recorded(file("a", "n", 1)), want: "update file a: n (drift)"},
		{name: "the declaration moved", desired: objects{file("a", "n", 2)}, live: objects{file("a", "n", 1)}, state: recorded(file("a", "n", 1)), want: "update file a: n"},
		{name: "the world lost it", desired: objects{file("a", "n", 1)}, live: objects{file("a")}, state: recorded(file("a", "n", 1)), want: "update file a: n (drift)"},
		{name: "it moved elsewhere", desired: objects{file("a", "n", 2, "mtime", nil)}, live: objects{file("a", "n", 1, "mtime", 9)}, state: recorded(file("a", "n", 1, "mtime", 8)), want: "update file a: n"},

		// Replacement.
		{name: "replace", desired: objects{file("a", "kind", "x")}, live: objects{ours(file("a", "kind", "y"))}, want: "delete file a: kind (replace); create file a: kind (replace)"},
		{
			name: "replace with children", desired: objects{dir("d", "kind", "x"), within(file("a"), "d"), within(file("b", "n", 1), "d")},
			live: objects{ours(dir("d", "kind", "y")), ours(within(file("a"), "d")), ours(within(file("b", "n", 2), "d")), ours(within(file("c"), "d"))},
			want: "delete file a (replace); delete file b: n (replace); delete file c; delete dir d: kind (replace); " +
				"create dir d: kind (replace); create file a (replace); create file b: n (replace)",
		},

		// Order.
		{
			name: "parents and children", desired: objects{within(file("x"), "new"), within(dir("new/in"), "new"), dir("new")},
			live: objects{ours(dir("old")), ours(within(dir("old/in"), "old")), ours(within(file("old/f"), "old/in"))},
			want: "delete file old/f; delete dir old/in; delete dir old; create dir new; create dir new/in; create file x",
		},
		{name: "by type and name", desired: objects{file("b"), file("a"), dir("c")}, want: "create dir c; create file a; create file b"},
		{
			name: "keep what something stands in", live: objects{ours(dir("d")), ours(within(dir("d/e"), "d")), within(file("x"), "d/e"), ours(within(file("y"), "d"))},
			want: "delete file y", warning: `dir "d" is not declared and stays, because file "x" is in it`, counts: "map[unmanaged:1]",
		},
		{
			name: "a circle of parents", live: objects{
				ours(within(dir("a"), "b")), ours(within(dir("b"), "a")), ours(within(file("in"), "b")),
			}, want: "delete file in; delete dir a; delete dir b",
		},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t) })
	}
}

func (test *planTest) run(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		plan, err := reconcile.PlanObjects(reconcile.PlanInput{
			Address: "file.site", Schema: fileSchema, Declaration: test.said,
			Desired: test.desired, Live: test.live, State: test.state,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := brief(plan); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if warnings := strings.Join(plan.Warnings, "\n"); !strings.Contains(warnings, test.warning) || test.warning == "" && warnings != "" {
			t.Errorf("warnings %q, want %q", warnings, test.warning)
		}
		if got := fmt.Sprint(plan.Metadata); test.counts != "" && got != test.counts || test.counts == "" && len(plan.Metadata) > 0 && test.warning == "" {
			t.Errorf("counts %s, want %s", got, test.counts)
		}
		// The order in which a provider answers is no matter.
		random.Shuffle(len(test.desired), func(i, j int) { test.desired[i], test.desired[j] = test.desired[j], test.desired[i] })
		random.Shuffle(len(test.live), func(i, j int) { test.live[i], test.live[j] = test.live[j], test.live[i] })
	}
}

func TestPlanObjectsErrors(t *testing.T) {
	for _, test := range []struct {
		name    string
		desired objects
		live    objects
		said    reconcile.Declaration
		want    string
	}{
		{"two desired", objects{file("a"), file("a")}, nil, reconcile.Declaration{}, `two desired objects are file "a"`},
		{"two live", nil, objects{file("a"), file("a")}, reconcile.Declaration{}, `two live objects are file "a"`},
		{"no name", objects{file("")}, nil, reconcile.Declaration{}, "desired object 1 of 1 has no type or no name"},
		{"no type", nil, objects{{Name: "a"}}, reconcile.Declaration{}, "live object 1 of 1"},
		{"not in the schema", objects{{Type: "link", Name: "a"}}, nil, reconcile.Declaration{}, "does not describe"},
		{"no text", objects{file("a\xff")}, nil, reconcile.Declaration{}, "not UTF-8"},
		{"unknown mode", nil, nil, reconcile.Declaration{Ownership: "own"}, `unknown mode "own"`},
		{"replace what is not ours", objects{file("a", "kind", "x")}, objects{file("a", "kind", "y")}, reconcile.Declaration{}, `file "a" exists and is not ours`},
		{
			"replace what holds something of others",
			objects{dir("d", "kind", "x")},
			objects{ours(dir("d", "kind", "y")), within(file("x"), "d")},
			reconcile.Declaration{},
			`file "x" in it is not ours`,
		},
		{
			"replace what holds something that stays",
			objects{dir("d", "kind", "x")},
			objects{ours(dir("d", "kind", "y")), ours(within(file("x"), "d"))},
			reconcile.Declaration{Ownership: reconcile.OwnAdditive},
			`file "x" in it is not ours to move`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := reconcile.PlanObjects(reconcile.PlanInput{
				Address: "file.site", Schema: fileSchema, Declaration: test.said, Desired: test.desired, Live: test.live,
			})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "plan file.site: ") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestPlanDetails(t *testing.T) {
	plan, err := reconcile.PlanObjects(reconcile.PlanInput{
		Address: "file.site", Schema: fileSchema, ConfigPath: "site.hcl", GeneratedAt: "now",
		Desired: objects{file("a", "sha256", "2", "content", "new"), file("c", "content", strings.Repeat("x", 70_000))},
		Live:    objects{ours(withID(file("a", "sha256", "1", "mtime", 5), "out/a")), ours(withID(file("b"), "out/b"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"resource_type":"file.site","generated_at":"now","config_path":"site.hcl","actions":[` +
		`{"action":"delete","resource_type":"file","name":"b","details":{"before":{},"external_id":"out/b","reason":"it is ours and not declared"}},` +
		`{"action":"update","resource_type":"file","name":"a","details":{"after":{"content":"new","sha256":"2"},"before":{"mtime":5,"sha256":"1"},"changed":["sha256"],"external_id":"out/a","reason":"the declaration changed"}},` +
		`{"action":"create","resource_type":"file","name":"c","details":{"after":{"content":"(70000 bytes, sha256:99db1dc16af1f15dabe42fdf72d57ee4f43a4acb4bf4b838ff81a5deeec06e9c)"},"reason":"it is declared and does not exist"}}],` +
		`"summary":{"creates":1,"updates":1,"deletes":1,"skipped":0},"warnings":[]}`
	got := string(text)
	if start := strings.Index(got, "(70000 bytes, sha256:"); start > 0 {
		got = got[:start] + want[strings.Index(want, "(70000"):strings.Index(want, "(70000")+len("(70000 bytes, sha256:")+64] + got[start+len("(70000 bytes, sha256:")+64:]
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUnmanagedWarningsAreCapped(t *testing.T) {
	var live objects
	for i := range 100 {
		live = append(live, file(fmt.Sprintf("f%03d", i)))
	}
	live[0].UnmanagedReason = "made by hand"
	plan, err := reconcile.PlanObjects(reconcile.PlanInput{Live: live})
	if err != nil || len(plan.Warnings) != 11 || !strings.Contains(plan.Warnings[0], "made by hand") || !strings.HasPrefix(plan.Warnings[10], "90 more") {
		t.Errorf("%q, %v", plan.Warnings, err)
	}
}

// No secret is in a plan or in a state, and each change of one is seen.
func TestSecrets(t *testing.T) {
	const secret, other = "hunter2", "correct horse"
	redact := func(text string) (string, bool) {
		return strings.ReplaceAll(text, secret, "…"), strings.Contains(text, secret)
	}
	key := []byte("key")
	want := file("a", "password", secret, "url", "https://u:"+secret+"@h/", "m", map[string]any{"x": []any{secret}, "k-" + secret: 1}, "bin", []byte(secret), "n", 1)
	plan := func(desired, live reconcile.Resource, state *reconcile.State) *reconcile.Plan {
		t.Helper()
		plan, err := reconcile.PlanObjects(reconcile.PlanInput{
			Address: "file.site", Schema: fileSchema, Desired: objects{desired}, Live: objects{live}, State: state, Redact: redact, HashKey: key,
		})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(plan); err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), other) {
			t.Errorf("the plan tells a secret: %s, %v", text, err)
		}
		return plan
	}
	record := func(desired, live reconcile.Resource, existing *reconcile.State, results ...reconcile.Result) *reconcile.State {
		t.Helper()
		state, err := reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
			Address: "file.site", Schema: fileSchema, Desired: objects{desired}, Live: objects{live}, Existing: existing,
			Redact: redact, HashKey: key, Applied: results != nil, Results: results,
		})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(state); err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), other) {
			t.Errorf("the state tells a secret: %s, %v", text, err)
		}
		return state
	}
	copyOf := func(r reconcile.Resource, password any) reconcile.Resource {
		r.Attributes = map[string]any{"n": r.Attributes["n"]}
		if password != nil {
			r.Attributes["password"] = password
		}
		return ours(r)
	}
	desired := copyOf(want, secret)

	plan(want, file("b"), nil) // a create with all kinds of secrets
	state := record(want, ours(want), nil)
	if hash, ok := state.Resources[0].Attributes["password"].(string); !ok || !strings.HasPrefix(hash, "hmac-sha256:") {
		t.Errorf("recorded %+v", state.Resources[0].Attributes)
	}
	if got := brief(plan(desired, copyOf(want, other), state)); got != "update file a: password (drift)" {
		t.Errorf("the world tells another one: %s", got)
	}
	if got := brief(plan(copyOf(want, other), copyOf(want, secret), state)); got != "update file a: password" {
		t.Errorf("another one is declared: %s", got)
	}

	// A world that does not tell the secret.
	hidden := copyOf(want, nil)
	if got := brief(plan(desired, hidden, nil)); got != "update file a: password" {
		t.Errorf("nothing is recorded: %s", got)
	}
	state = record(desired, hidden, nil, reconcile.Result{Name: "a", Status: reconcile.ApplySucceeded})
	if got := brief(plan(desired, hidden, state)); got != "" {
		t.Errorf("recorded: %s", got)
	}
	changed := copyOf(want, other)
	if got := brief(plan(changed, hidden, state)); got != "update file a: password" {
		t.Errorf("changed: %s", got)
	}
	failed := record(changed, hidden, state, reconcile.Result{Name: "a", Status: reconcile.ApplyFailed})
	if got := brief(plan(changed, hidden, failed)); got != "update file a: password" {
		t.Errorf("a failed apply was recorded as done: %s", got)
	}
	done := record(changed, hidden, state, reconcile.Result{Name: "a", Status: reconcile.ApplySucceeded})
	if got := brief(plan(changed, hidden, done)); got != "" {
		t.Errorf("after the apply: %s", got)
	}
	key = []byte("other key")
	if got := brief(plan(changed, hidden, done)); got != "update file a: password" {
		t.Errorf("with another key: %s", got)
	}
}

func TestBuildObjectsState(t *testing.T) {
	existing := recorded(withID(file("old"), "1"), withID(file("gone"), "2"))
	existing.Metadata = map[string]any{"k": "v"}
	state, err := reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
		Address: "file.site", Schema: fileSchema, Existing: existing, Now: "now",
		Desired: objects{file("want", "content", "x")},
		Live: objects{
			file("want", "content", "x", "sha256", "1"), file("old"), file("strange"), ours(dir("marked")),
			{Type: "file", Name: "data", Mode: reconcile.ModeData},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range state.Resources {
		if r.Mode != reconcile.ModeManaged || r.LastRefreshed != "now" || r.Address != reconcile.ObjectAddress("file.site", r.Type, r.Name) {
			t.Errorf("%+v", r)
		}
		got = append(got, r.Name+r.ExternalID)
	}
	if want := []string{"marked", "old1", "want"}; !slices.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	if attributes := state.Resources[2].Attributes; len(attributes) != 1 || attributes["sha256"] != "1" {
		t.Errorf("attributes %v", attributes)
	}
	if state.Lineage != "lineage" || state.Serial != 1 || state.Metadata["k"] != "v" || state.ResourceType != "file.site" {
		t.Errorf("%+v", state)
	}
}

// randomObjects are some of a few names with some of a few values, in folders.
func randomObjects(random *rand.Rand) objects {
	var made objects
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if random.IntN(2) == 0 {
			continue
		}
		r := file(name, "n", random.IntN(3), "kind", random.IntN(2), "tags", []any{random.IntN(2), "x"})
		if random.IntN(2) == 0 {
			r.Attributes["m"] = map[string]any{"x": random.IntN(2)}
		}
		made = append(made, r)
	}
	return made
}

// site is a model over a world, run by an engine that allows everything.
type site struct {
	*rig
	model *reconciletest.Model
}

func newSite(t *testing.T, world *reconciletest.World) *site {
	r := newRig(t)
	m := r.model("file.site", world)
	m.Schema = fileSchema
	r.cfg.Resources[0].AutoApply = true
	return &site{r, m}
}

func (s *site) apply(t *testing.T, desired objects) reconcile.MetaResult {
	t.Helper()
	s.model.Desired = desired
	return s.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{})[0]
}

func printObjects(objects []reconcile.Resource) string {
	var lines []string
	for _, r := range objects {
		lines = append(lines, fmt.Sprint(r.Type, r.Name, r.Attributes))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// After an apply the plan is empty; applying a sequence of declarations ends as
// applying the last one does; what is not ours is never deleted.
func TestPlanProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for round := range 60 {
		strangers := objects{file("e", "n", 9, "kind", 0), file("stranger", "n", 9)}
		walked, direct := newSite(t, worldOf(strangers[1])), newSite(t, worldOf(strangers[1]))
		var last objects
		for range 1 + random.IntN(6) {
			last = randomObjects(random)
			if got := walked.apply(t, last); got.Status == reconcile.StatusFailed {
				t.Fatalf("round %d: %s", round, got.Error)
			}
			if random.IntN(3) == 0 && len(last) > 0 {
				walked.model.World.Remove("file", last[0].Name) // a hand in the works
				walked.apply(t, last)
			}
			if got := walked.apply(t, last); got.Status != reconcile.StatusSynced {
				t.Fatalf("round %d: after an apply: %s %s", round, got.Status, brief(got.Plan))
			}
		}
		direct.apply(t, last)
		if a, b := printObjects(walked.model.World.Objects()), printObjects(direct.model.World.Objects()); a != b {
			t.Fatalf("round %d: the sequence made\n%s\nits end makes\n%s", round, a, b)
		}
		if !strings.Contains(printObjects(walked.model.World.Objects()), "filestrangermap[n:9]") {
			t.Fatalf("round %d: the stranger is gone", round)
		}
	}
}

// Nothing is deleted that neither the record nor a mark says is ours.
func TestNothingUnownedIsDeleted(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 3000 {
		input := reconcile.PlanInput{Address: "file.site", Schema: fileSchema, Desired: randomObjects(random), Live: randomObjects(random), State: recorded(randomObjects(random)...)}
		input.Declaration.Ownership = []reconcile.OwnershipMode{"", reconcile.OwnAdditive, reconcile.OwnAdopt}[random.IntN(3)]
		owned := make(map[string]bool)
		known := make(map[string]string)
		for i := range input.State.Resources {
			r := &input.State.Resources[i]
			r.ExternalID = []string{"", "1", "2"}[random.IntN(3)]
			known[r.Name] = "id" + r.ExternalID
		}
		for i := range input.Live {
			r := &input.Live[i]
			r.ExternalID = []string{"", "1", "2"}[random.IntN(3)]
			r.Mode = []reconcile.ResourceMode{"", reconcile.ModeManaged, reconcile.ModeUnmanaged, reconcile.ModeData}[random.IntN(4)]
			id, recorded := known[r.Name]
			same := id == "id" || r.ExternalID == "" || id == "id"+r.ExternalID
			owned[r.Name] = r.Mode == reconcile.ModeManaged || r.Mode != reconcile.ModeData && recorded && same
		}
		plan, err := reconcile.PlanObjects(input)
		if err != nil {
			if !strings.Contains(err.Error(), "is not ours") {
				t.Fatal(err)
			}
			continue
		}
		for _, action := range plan.Actions {
			if action.Action == reconcile.ActionDelete && !owned[action.Name] {
				t.Fatalf("deletes %s: %s", action.Name, brief(plan))
			}
			if input.Declaration.Ownership == reconcile.OwnAdopt {
				t.Fatalf("adopt plans %s", brief(plan))
			}
		}
	}
}

func manyObjects(n int) (desired, live objects, state *reconcile.State) {
	parent := reconcile.ObjectAddress("file.site", "dir", "d")
	desired, live = append(desired, dir("d")), append(live, dir("d"))
	for i := range n {
		r := file(fmt.Sprintf("d/f%06d", i), "sha256", fmt.Sprint(i), "size", int64(i), "mode", "0644")
		r.ParentAddress = parent
		desired = append(desired, r)
		if i%10 == 0 {
			r = file(r.Name, "sha256", "other", "size", int64(i), "mode", "0644")
			r.ParentAddress = parent
		}
		if i%10 != 1 {
			live = append(live, r)
		}
	}
	return desired, live, recorded(live...)
}

func TestPlanObjectsIsLinear(t *testing.T) {
	inputs := make(map[int]reconcile.PlanInput)
	for _, n := range []int{4_000, 40_000} {
		desired, live, state := manyObjects(n)
		inputs[n] = reconcile.PlanInput{Address: "file.site", Schema: fileSchema, Desired: desired, Live: live, State: state}
	}
	wantLinear(t, func(n int) {
		if _, err := reconcile.PlanObjects(inputs[n]); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkPlanObjects(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		desired, live, state := manyObjects(n)
		for _, run := range []struct {
			name string
			live objects
		}{{"changes", live}, {"none", desired}} {
			b.Run(fmt.Sprint(run.name, "/", n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := reconcile.PlanObjects(reconcile.PlanInput{Address: "file.site", Schema: fileSchema, Desired: desired, Live: run.live, State: state}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// What another resource manages as well is neither taken over nor deleted without a
// word; what others lie in is shared.
func TestPlanObjectsTellsOfOtherOwners(t *testing.T) {
	for _, test := range []struct {
		name    string
		desired objects
		live    objects
		state   *reconcile.State
		destroy bool
		want    string
		warning string
	}{
		{name: "declared here too", desired: objects{file("x")}, live: objects{file("x")}, warning: "another resource manages it: one of them"},
		{name: "declared here too, differently", desired: objects{file("x", "n", 1)}, live: objects{file("x", "n", 2)}, want: "update file x: n", warning: "another resource manages it: one of them"},
		{name: "deleted here", live: objects{file("x")}, state: recorded(file("x")), want: "delete file x", warning: `cogplan state rm 'file.site.file["x"]'`},
		{name: "destroyed here", live: objects{file("x")}, state: recorded(file("x")), destroy: true, want: "delete file x", warning: `cogplan state rm 'file.site.file["x"]'`},
		{name: "left alone", live: objects{file("x")}},
		{name: "what others lie in", live: objects{dir("x"), within(file("y"), "x")}, state: recorded(dir("x"), file("y")), want: "delete file y; delete dir x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan, err := reconcile.PlanObjects(reconcile.PlanInput{
				Address: "file.site", Schema: fileSchema, Desired: test.desired, Live: test.live, State: test.state,
				Destroy: test.destroy, Elsewhere: func(live *reconcile.Resource) bool { return live.Name == "x" },
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(plan); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			warnings := strings.Join(plan.Warnings, "\n")
			if !strings.Contains(warnings, test.warning) || test.warning == "" && warnings != "" {
				t.Errorf("warnings %q, want %q", warnings, test.warning)
			}
		})
	}
}
