package reconcile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// TestPlanDestroy holds what a destroy may delete: what is ours, as far as the
// mode lets it.
func TestPlanDestroy(t *testing.T) {
	live := objects{file("a"), ours(file("marked")), file("foreign"), ours(dir("d")), within(file("in d"), "d")}
	for _, test := range []struct {
		mode  reconcile.OwnershipMode
		state *reconcile.State
		want  string
	}{
		{"", recorded(file("a")), "delete file a; delete file marked"},
		{reconcile.OwnAdditive, recorded(file("a")), "delete file a"},
		{reconcile.OwnAdopt, recorded(file("a")), ""},
		{"", nil, "delete file marked"},
		{"", recorded(file("a"), within(file("in d"), "d")), "delete file in d; delete dir d; delete file a; delete file marked"},
	} {
		plan, err := reconcile.PlanObjects(reconcile.PlanInput{
			Address: "file.site", Schema: fileSchema, Live: live, State: test.state, Destroy: true,
			Declaration: reconcile.Declaration{Ownership: test.mode},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := brief(plan); got != test.want {
			t.Errorf("mode %q: got  %s\nwant %s", test.mode, got, test.want)
		}
	}
	_, err := reconcile.PlanObjects(reconcile.PlanInput{Address: "file.site", Desired: live, Destroy: true})
	if err == nil {
		t.Error("something is desired of what is to be destroyed, and nobody minds")
	}
}

func TestPlanReplace(t *testing.T) {
	desired := objects{file("a"), within(file("b"), "d"), dir("d")}
	for _, test := range []struct{ address, live, want string }{
		{`file.site.file["a"]`, "recorded", "delete file a (replace); create file a (replace)"},
		{`file.site.dir["d"]`, "recorded", "delete file b (replace); delete dir d (replace); create dir d (replace); create file b (replace)"},
		{`file.site.file["a"]`, "missing", "create dir d; create file a; create file b"},
		{`file.site.file["a"]`, "foreign", "error: is not ours"},
		{`file.site.file["nope"]`, "recorded", "error: no such object is declared"},
	} {
		input := reconcile.PlanInput{Address: "file.site", Schema: fileSchema, Desired: desired, Replace: []string{test.address}}
		switch test.live {
		case "recorded":
			input.Live, input.State = desired, recorded(desired...)
		case "foreign":
			input.Live = desired
		}
		plan, err := reconcile.PlanObjects(input)
		if reason, fails := strings.CutPrefix(test.want, "error: "); fails {
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s, %s: got %v, want an error that says %q", test.address, test.live, err, reason)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s, %s: %v", test.address, test.live, err)
			continue
		}
		if got := brief(plan); !sameActions(got, test.want) {
			t.Errorf("%s, %s: got  %s\nwant %s", test.address, test.live, got, test.want)
		}
	}
}

// sameActions compares plans up to the order of what has no order.
func sameActions(a, b string) bool {
	x, y := strings.Split(a, "; "), strings.Split(b, "; ")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func TestFindDrift(t *testing.T) {
	state := recorded(
		file("same", "sha256", "1", "mtime", int64(1)), file("changed", "sha256", "1", "size", int64(1)),
		file("gone", "sha256", "1"), file("ignored", "sha256", "1"), file("secret", "password", "hmac-sha256:"+strings.Repeat("0", 64)),
		withID(file("another"), "id-1"),
	)
	live := objects{
		file("same", "sha256", "1", "mtime", int64(1), "content", "x"), file("changed", "sha256", "2", "size", 1.0, "new", true),
		file("ignored", "sha256", "1", "owner", "root"), file("secret", "password", "swordfish"),
		withID(file("another"), "id-2"), ours(file("marked")), file("foreign"),
	}
	drift, unmanaged, err := reconcile.FindDrift(reconcile.PlanInput{
		Address: "file.site", Schema: fileSchema, Live: live, State: state,
		Declaration: reconcile.Declaration{IgnoreChanges: []string{"owner"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range drift {
		got = append(got, fmt.Sprint(d.Kind, " ", d.Address, " ", d.Changed, " ", d.Owner))
		if strings.Contains(fmt.Sprint(d), "swordfish") || strings.Contains(fmt.Sprint(d), "hmac") {
			t.Errorf("a secret is told: %v", d)
		}
	}
	want := []string{
		`removed file.site.file["another"] [] recorded`,
		`changed file.site.file["changed"] [new sha256] recorded`,
		`removed file.site.file["gone"] [] recorded`,
		`appeared file.site.file["marked"] [] marked`,
		`changed file.site.file["secret"] [password] recorded`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// The one with another ID is somebody else's.
	if unmanaged != 2 {
		t.Errorf("%d objects are said not to be ours, want 2", unmanaged)
	}
}

// TestDestroyGoesAgainstTheOrder holds the order of a destroy, and that the state
// of what is gone goes too, and only that.
func TestDestroyGoesAgainstTheOrder(t *testing.T) {
	r := newRig(t)
	store := reconcile.NewFileStore(r.root)
	for _, name := range []string{"a", "b", "c"} {
		p := &native{plan: planOf(reconcile.ActionDelete, "x"), results: []reconcile.Result{{Action: "delete", Name: "x", Status: reconcile.ApplySucceeded}}}
		p.state = func(_ any, existing *reconcile.State) (*reconcile.State, error) {
			state := *existing
			state.Resources = nil
			if name == "b" {
				state.Resources = []reconcile.Resource{{Address: `b.object["kept"]`, Type: "object", Name: "kept", Mode: reconcile.ModeManaged}}
			}
			return &state, nil
		}
		meta := r.add(name, p)
		if name != "a" {
			meta.DependsOn = []string{string(name[0] - 1)}
		}
		state := reconcile.NewState(name)
		state.Resources = []reconcile.Resource{{Address: name + `.object["x"]`, Type: "object", Name: "x", Mode: reconcile.ModeManaged}}
		if _, err := store.Save(t.Context(), name, state, ""); err != nil {
			t.Fatal(err)
		}
	}
	results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithDestroy(), reconcile.WithStore(store))
	wantStatuses(t, results, "c:applied b:applied a:applied")
	if got, _ := store.List(t.Context()); !slices.Equal(got, []string{"b"}) {
		t.Errorf("states of %v are left, want that of b: it still has an object", got)
	}
}

// TestRemovedGoAgainstTheOrder holds that of resources that are taken away the
// dependent one goes first, while what stays keeps its order, and that what stays
// cannot wait for what is taken away.
func TestRemovedGoAgainstTheOrder(t *testing.T) {
	removed := func(address string) bool { return address == "a" || address == "b" }
	for _, tc := range []struct {
		name  string
		needs map[string]string
		want  string
		fails bool
	}{
		{"turned", map[string]string{"b": "a", "d": "c"}, "b:applied c:applied a:applied d:applied", false},
		{"needs what stays", map[string]string{"a": "c", "b": "a"}, "b:applied c:applied d:applied a:applied", false},
		{"closes a cycle", map[string]string{"b": "a", "c": "a", "a": "d", "d": "b"}, "", true},
		{"what stays in between", map[string]string{"c": "a", "b": "c"}, "a:applied d:applied c:applied b:applied", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			for _, name := range []string{"a", "b", "c", "d"} {
				meta := r.add(name, &native{plan: planOf(reconcile.ActionDelete, "x"), results: []reconcile.Result{{Action: "delete", Name: "x", Status: reconcile.ApplySucceeded}}})
				if need := tc.needs[name]; need != "" {
					meta.DependsOn = []string{need}
				}
			}
			_, err := r.engine(reconcile.AllowAll{}, reconcile.WithRemoved(removed)).Propose(t.Context(), r.cfg, reconcile.MetaOpts{})
			if tc.fails {
				if !errors.Is(err, reconcile.ErrCycle) {
					t.Errorf("got %v, want a cycle", err)
				}
				return
			}
			results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithRemoved(removed))
			wantStatuses(t, results, tc.want)
		})
	}
}
