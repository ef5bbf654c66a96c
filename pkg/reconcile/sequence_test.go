package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

// generation is one declaration of a random sequence.
type generation []reconcile.Resource

func randomGeneration(random *rand.Rand) generation {
	var g generation
	for i := range 8 {
		if random.IntN(2) == 0 {
			g = append(g, file("n"+strconv.Itoa(i), "text", strconv.Itoa(random.IntN(3)), "list", []any{int64(random.IntN(2)), "x"}))
		}
	}
	return g
}

// foreign are objects of somebody else, which no generation declares.
func foreign() []reconcile.Resource {
	return []reconcile.Resource{file("theirs", "text", "0"), file("also-theirs", "text", "1")}
}

// tidy is what there is, without the IDs, which depend on the way there.
func tidy(world *reconciletest.World) []reconcile.Resource {
	objects := world.Objects()
	for i := range objects {
		objects[i].ExternalID = ""
	}
	return objects
}

// sequence is a module that is applied again and again over one world.
type sequence struct {
	t     *testing.T
	world *reconciletest.World
	rig   *rig
	model *reconciletest.Model
}

func newSequence(t *testing.T, mode reconcile.OwnershipMode) *sequence {
	s := &sequence{t: t, world: worldOf(foreign()...), rig: newRig(t)}
	s.model = s.rig.model("files", s.world)
	s.model.Said.Ownership = mode
	s.rig.cfg.Resources[0].AutoApply, s.rig.cfg.Resources[0].Prune = true, true
	return s
}

// apply applies a generation, and wants that the plan after it is empty and that
// nothing of somebody else has changed.
func (s *sequence) apply(g generation) {
	s.t.Helper()
	s.model.Desired = g
	if status := s.rig.run(s.t, reconcile.PruneGate{}, reconcile.MetaOpts{})[0]; status.Status != reconcile.StatusApplied && status.Status != reconcile.StatusSynced {
		s.t.Fatalf("%s: %v", status.Status, status.Err())
	}
	proposal, err := s.rig.engine(reconcile.PruneGate{}).Propose(s.t.Context(), s.rig.cfg, reconcile.MetaOpts{})
	if err != nil {
		s.t.Fatal(err)
	}
	if proposal.HasChanges() {
		s.t.Errorf("the plan after the apply has %v", proposal.Results()[0].Plan.Actions)
	}
	for _, theirs := range foreign() {
		if !slices.ContainsFunc(tidy(s.world), func(o reconcile.Resource) bool { return cmp.Equal(o, theirs) }) {
			s.t.Errorf("%s of somebody else was changed: %v", theirs.Name, s.world.Objects())
		}
	}
	for _, want := range g {
		if s.model.Said.Ownership == reconcile.OwnAdopt {
			break // it makes nothing new
		}
		if !slices.ContainsFunc(tidy(s.world), func(o reconcile.Resource) bool { return cmp.Equal(o, want) }) {
			s.t.Errorf("%s is not as declared", want.Name)
		}
	}
}

// TestRandomSequence holds three properties for random sequences of declarations,
// in each ownership mode: the plan after an apply is empty; what nobody declared is
// never touched; and, where the module is authoritative, a sequence leads to what
// its end alone leads to.
func TestRandomSequence(t *testing.T) {
	for _, mode := range []reconcile.OwnershipMode{reconcile.OwnAuthoritative, reconcile.OwnAdditive, reconcile.OwnAdopt} {
		for seed := range uint64(60) {
			t.Run(fmt.Sprintf("%s %d", mode, seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 3))
				s := newSequence(t, mode)
				var last generation
				for range 1 + random.IntN(6) {
					last = randomGeneration(random)
					s.apply(last)
					if random.IntN(3) == 0 { // the world moves meanwhile
						s.world.Remove("file", "n"+strconv.Itoa(random.IntN(8)))
					}
				}
				s.apply(last)
				if mode != reconcile.OwnAuthoritative {
					return
				}
				end := newSequence(t, mode)
				end.apply(last)
				if diff := cmp.Diff(tidy(end.world), tidy(s.world)); diff != "" {
					t.Errorf("the sequence leads elsewhere than its end:\n%s", diff)
				}
			})
		}
	}
}
