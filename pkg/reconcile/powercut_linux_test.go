package reconcile_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

// byAction is a model that tells the journal of each action, as providers in the
// sandbox do.
type byAction struct{ *reconciletest.Model }

func (m byAction) ApplyActions(ctx context.Context, plan *reconcile.Plan, log reconcile.ActionLog) ([]reconcile.Result, error) {
	var results []reconcile.Result
	for i := range plan.Actions {
		if err := log.Intend(ctx, i); err != nil {
			return results, err
		}
		one := *plan
		one.Actions = plan.Actions[i : i+1]
		result, err := m.ApplyPlan(ctx, &one)
		if err != nil {
			return results, err
		}
		log.Done(i, result[0])
		results = append(results, result[0])
	}
	return results, nil
}

// disk is what a disk certainly holds: of each file what was synced of it, and of
// each directory the names that it had when it was synced. Files are told apart by
// their number, because a rename moves them.
type disk struct {
	root   string
	synced map[uint64][]byte
	names  map[string]map[string]uint64
}

func number(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// settle takes everything that is there for lasting: what was long before.
func (d *disk) settle(t *testing.T) {
	t.Helper()
	d.synced, d.names = map[uint64][]byte{}, map[string]map[string]uint64{}
	err := filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			d.syncDir(t, path)
			return nil
		}
		d.synced[number(t, path)] = mustRead(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (d *disk) syncDir(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it is gone
	}
	names := map[string]uint64{}
	for _, entry := range entries {
		names[entry.Name()] = number(t, filepath.Join(dir, entry.Name()))
	}
	d.names[dir] = names
}

// done notes that an operation has gone through.
func (d *disk) done(t *testing.T, operation, name string) {
	t.Helper()
	switch operation {
	case "sync":
		// The hook names no temporary file. What is below the same folder was not
		// written since, so that to take it for synced claims nothing new.
		below := filepath.Join(d.root, "config")
		if name == "journal" {
			below = filepath.Join(d.root, "journal")
		}
		_ = filepath.WalkDir(below, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				d.synced[number(t, path)] = mustRead(t, path)
			}
			return nil
		})
	case "syncdir":
		d.syncDir(t, filepath.Join(d.root, filepath.FromSlash(name)))
	}
}

// cut is what a disk holds after a power cut.
type cut struct {
	what string
	// at is the change of the disk that never came.
	at    string
	files map[string][]byte
	dirs  []string
	world []reconcile.Resource
}

// The disks that one moment can leave behind.
const (
	cutAll  = "everything that was written"
	cutLast = "what was synced"
	cutTorn = "half of what was written since"
	cutName = "names as they were synced"
)

// cuts are the disks that are possible at this moment.
func (d *disk) cuts(t *testing.T, at string, world *reconciletest.World) []cut {
	t.Helper()
	var out []cut
	for _, what := range []string{cutAll, cutLast, cutTorn, cutName} {
		c := cut{what: what, at: at, files: map[string][]byte{}, world: world.Objects()}
		d.collect(t, &c, d.root, what == cutLast || what == cutName)
		out = append(out, c)
	}
	return out
}

func (d *disk) collect(t *testing.T, c *cut, dir string, syncedNames bool) {
	t.Helper()
	inner, _ := filepath.Rel(d.root, dir)
	c.dirs = append(c.dirs, inner)
	here := map[string]uint64{}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		here[entry.Name()] = number(t, filepath.Join(dir, entry.Name()))
	}
	names := here
	if syncedNames {
		names = d.names[dir]
	}
	for name, ino := range names {
		path := filepath.Join(dir, name)
		now, isNow := here[name]
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			d.collect(t, c, path, syncedNames)
			continue
		}
		content, known := d.synced[ino]
		if isNow && now == ino {
			written := mustRead(t, path)
			switch c.what {
			case cutAll, cutName:
				content = written
			case cutTorn:
				if bytes.HasPrefix(written, content) {
					content = written[:len(content)+(len(written)-len(content))/2]
				}
			}
		} else if !known {
			content = nil
		}
		c.files[filepath.Join(inner, name)] = content
	}
}

// restore lays a cut out as a store.
func (c *cut) restore(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range c.dirs {
		if err := os.MkdirAll(filepath.Join(root, ".cog", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range c.files {
		if err := os.WriteFile(filepath.Join(root, ".cog", name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// shelf is a module of two resources in a row over one world each.
type shelf struct {
	t      *testing.T
	root   string
	worlds [2]*reconciletest.World
	store  *reconcile.FileStore
}

func newShelf(t *testing.T, root string, worlds [2]*reconciletest.World) *shelf {
	return &shelf{t: t, root: root, worlds: worlds, store: reconcile.NewFileStore(root)}
}

// run applies a generation: the names that it declares of each resource.
func (s *shelf) run(generation string, names ...string) []reconcile.MetaResult {
	s.t.Helper()
	registry := &reconcile.Registry{}
	cfg := &reconcile.MetaConfig{}
	for i, address := range []string{"a", "b"} {
		m := &reconciletest.Model{Address: address, World: s.worlds[i]}
		for _, name := range names {
			m.Desired = append(m.Desired, file(name, "text", generation))
		}
		m.Failing = func(_ string, action *reconcile.Action) error {
			if action != nil && action.Action == reconcile.ActionCreate && slices.Contains(objectNames(m.World), action.Name) {
				s.t.Errorf("%s %q is made a second time", address, action.Name)
			}
			return nil
		}
		registry.Register(address, byAction{m})
		resource := reconcile.MetaResource{Name: address, Source: address, AutoApply: true, Prune: true}
		if i > 0 {
			resource.DependsOn = []string{"a"}
		}
		cfg.Resources = append(cfg.Resources, resource)
	}
	engine := reconcile.NewEngine(s.root, reconcile.AllowAll{}, reconcile.WithRegistry(registry), reconcile.WithStore(s.store),
		reconcile.WithParallelism(1), reconcile.WithEvents(reconcile.EventSinkFunc(func(*reconcile.Event) {})))
	results, err := engine.Run(s.t.Context(), cfg, reconcile.MetaOpts{})
	if err != nil {
		s.t.Fatalf("run %s: %v", generation, err)
	}
	return results
}

func objectNames(world *reconciletest.World) []string {
	var names []string
	for _, object := range world.Objects() {
		names = append(names, object.Name)
	}
	return names
}

// converges wants that a generation is brought about, twice with nothing to do the
// second time, and that the record has what is there and nothing else.
func (s *shelf) converges(generation string, names ...string) {
	s.t.Helper()
	wantStatusesIn(s.t, s.run(generation, names...), reconcile.StatusApplied, reconcile.StatusSynced)
	wantStatusesIn(s.t, s.run(generation, names...), reconcile.StatusSynced)
	for i, address := range []string{"a", "b"} {
		if got := objectNames(s.worlds[i]); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
			s.t.Errorf("%s: there are %v, want %v", address, got, names)
		}
		state, _, err := s.store.Load(s.t.Context(), address)
		if err != nil {
			s.t.Fatalf("%s: %v", address, err)
		}
		var recorded, there []string
		for _, object := range state.Resources {
			recorded = append(recorded, object.Name+"="+object.ExternalID)
		}
		for _, object := range s.worlds[i].Objects() {
			there = append(there, object.Name+"="+object.ExternalID)
		}
		slices.Sort(recorded)
		if !slices.Equal(recorded, there) {
			s.t.Errorf("%s: recorded are %v, and there are %v", address, recorded, there)
		}
	}
}

func wantStatusesIn(t *testing.T, results []reconcile.MetaResult, allowed ...string) {
	t.Helper()
	for i := range results {
		if !slices.Contains(allowed, results[i].Status) {
			t.Errorf("%s is %s: %v", results[i].Resource, results[i].Status, results[i].Err())
		}
	}
}

// TestPowerCut cuts the power before each change of the disk of an apply, with each
// disk that the moment can leave behind: all that was written, only what was synced,
// half of the rest, and names as they were when their directory was synced. Whatever
// it leaves, the next run knows what was made: what is declared is made once, what
// is declared no more goes away, the plan after it is empty, and the record is what
// is there.
func TestPowerCut(t *testing.T) {
	worlds := [2]*reconciletest.World{worldOf(), worldOf()}
	root := t.TempDir()
	s := newShelf(t, root, worlds)
	s.converges("g1", "gone", "kept", "old")
	var cuts [2][]cut
	d := &disk{root: filepath.Join(root, ".cog")}
	d.settle(t)
	operation, name := "", ""
	reconcile.OnStep(s.store, func(nextOperation, nextName string) error {
		if operation != "" {
			d.done(t, operation, name)
		}
		operation, name = nextOperation, nextName
		for i := range cuts {
			cuts[i] = append(cuts[i], d.cuts(t, nextOperation+" "+nextName, worlds[i])...)
		}
		return nil
	})
	wantStatusesIn(t, s.run("g2", "kept", "new", "other"), reconcile.StatusApplied)
	if len(cuts[0]) < 80 {
		t.Fatalf("%d cuts: the apply changed the disk less than it must", len(cuts[0]))
	}
	for i := range cuts[0] {
		for _, names := range [][]string{{"kept", "new", "other"}, {"kept", "later"}} {
			c := &cuts[0][i]
			t.Run(fmt.Sprintf("%d %s, %s, %s", i, c.at, c.what, strings.Join(names, " ")), func(t *testing.T) {
				after := newShelf(t, c.restore(t), [2]*reconciletest.World{worldOf(c.world...), worldOf(cuts[1][i].world...)})
				after.converges("g3", names...)
			})
		}
	}
	t.Logf("%d cuts", len(cuts[0]))
}
