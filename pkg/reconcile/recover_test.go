package reconcile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// telling is a provider that tells of each action, ends at one of them as a
// killed process does, and may be a Finder.
type telling struct {
	native
	die   int
	act   func(i int)
	keys  []string
	finds bool
	find  func(reconcile.Interrupted) (string, bool, error)
}

var errDied = errors.New("the process died")

func (p *telling) ApplyActions(ctx context.Context, plan *reconcile.Plan, log reconcile.ActionLog) ([]reconcile.Result, error) {
	for i := range plan.Actions {
		if err := log.Intend(ctx, i); err != nil {
			return nil, err
		}
		p.keys = append(p.keys, log.Key(i))
		if i == p.die {
			panic(errDied)
		}
		if p.act != nil {
			p.act(i)
		}
		log.Done(i, reconcile.Result{Status: reconcile.ApplySucceeded, CreatedID: "id-" + plan.Actions[i].Name})
	}
	return nil, nil
}

func (p *telling) Finds() bool { return p.finds }

func (p *telling) Find(_ context.Context, _ any, interrupted reconcile.Interrupted) (string, bool, error) {
	return p.find(interrupted)
}

// interrupt is a store whose states cannot be written while a run dies, as if
// the process had ended before that.
type interrupt struct {
	*reconcile.FileStore
	dead bool
}

func (s *interrupt) Save(ctx context.Context, address string, state *reconcile.State, token reconcile.Token) (reconcile.Token, error) {
	if s.dead {
		return "", errDied
	}
	return s.FileStore.Save(ctx, address, state, token)
}

// died is a rig in which a run died in the second of three creates.
func died(t *testing.T) (*rig, *telling, *interrupt) {
	t.Helper()
	r := newRig(t)
	p := &telling{die: 1}
	p.kind, p.plan = "a", create("one", "two", "three")
	r.registry.Register("a", p)
	r.declare("a", "a")
	store := &interrupt{FileStore: reconcile.NewFileStore(r.root), dead: true}
	wantStatuses(t, r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithStore(store)), "a:failed")
	store.dead = false
	if _, err := os.Stat(filepath.Join(r.root, ".cog", "journal", "run.journal")); err != nil {
		t.Fatalf("no journal is left: %v", err)
	}
	return r, p, store
}

func ids(t *testing.T, store reconcile.StateStore) string {
	t.Helper()
	state, _, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if state != nil {
		for _, resource := range state.Resources {
			list = append(list, resource.Name+"="+resource.ExternalID)
		}
	}
	return strings.Join(list, " ")
}

// A plan knows what the dead run did, and writes nothing; the apply records it,
// and applies what the plan was.
func TestPlanAfterADeadRun(t *testing.T) {
	r, p, store := died(t)
	var seen *reconcile.State
	p.on = func(string) error { return nil }
	p.state = func(_ any, existing *reconcile.State) (*reconcile.State, error) {
		seen = existing
		return existing, nil
	}
	p.plan = nil
	engine := r.engine(reconcile.AllowAll{}, reconcile.WithStore(store))
	proposal, err := engine.Propose(t.Context(), r.cfg, reconcile.MetaOpts{})
	if err != nil {
		t.Fatal(err)
	}
	if got := proposal.Resources[0].Review.State; got.Managed != 2 || got.Serial != 1 {
		t.Errorf("the plan was made from %+v", got)
	}
	if got := ids(t, store); got != "" {
		t.Errorf("planning wrote %s", got)
	}
	results, err := engine.Execute(t.Context(), r.cfg, reconcile.MetaOpts{}, proposal)
	if err != nil {
		t.Fatal(err)
	}
	wantStatuses(t, results, "a:synced")
	if seen == nil || len(seen.Resources) != 2 {
		t.Errorf("the provider was not told what is recorded: %+v", seen)
	}
	if got := ids(t, store); got != "one=id-one two=" {
		t.Errorf("recorded %s", got)
	}
	if len(p.keys) != 2 || p.keys[0] == p.keys[1] || !strings.HasSuffix(p.keys[1], ":a:2") {
		t.Errorf("keys %v", p.keys)
	}
}

// A provider that can tell is asked by the key of the action; where it cannot
// tell now, the resource stops and says what to do.
func TestFindAfterADeadRun(t *testing.T) {
	for _, test := range []struct {
		name, id, want, status, says string
		found                        bool
		err                          error
	}{
		{name: "it was made", id: "id-two", found: true, want: "one=id-one two=id-two", status: "a:synced"},
		{name: "it was not made", want: "one=id-one", status: "a:synced"},
		{
			name: "nobody can tell", err: errors.New("the server is away"), want: "one=id-one two=", status: "a:failed",
			says: `an earlier run was interrupted while it had to create object "two"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, p, store := died(t)
			p.finds, p.plan = true, nil
			p.find = func(interrupted reconcile.Interrupted) (string, bool, error) {
				if interrupted.Key != p.keys[1] || interrupted.Name != "two" {
					t.Errorf("asked for %+v", interrupted)
				}
				return test.id, test.found, test.err
			}
			results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{}, reconcile.WithStore(store))
			wantStatuses(t, results, test.status)
			if got := ids(t, store); got != test.want {
				t.Errorf("recorded %q, want %q", got, test.want)
			}
			if !strings.Contains(results[0].Error, test.says) {
				t.Errorf("error %q", results[0].Error)
			}
			var interrupted *reconcile.InterruptedError
			if test.err != nil && !errors.As(results[0].Err(), &interrupted) {
				t.Errorf("error %v", results[0].Err())
			}
		})
	}
}

// A run over one resource first recovers a dead run over all of them.
func TestFilteredRunRecoversTheWholeStore(t *testing.T) {
	r, p, store := died(t)
	p.plan = nil
	results := r.run(t, reconcile.AllowAll{}, reconcile.MetaOpts{ResourceFilter: "a"}, reconcile.WithStore(store))
	wantStatuses(t, results, "a:synced")
	if got := ids(t, store); got != "one=id-one two=" {
		t.Errorf("recorded %s", got)
	}
	if left, err := filepath.Glob(filepath.Join(r.root, ".cog", "journal", "*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}
