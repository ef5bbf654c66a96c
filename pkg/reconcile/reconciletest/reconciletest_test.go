package reconciletest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

func TestMemoryStore(t *testing.T) {
	reconciletest.Store(t, func(*testing.T) func() reconcile.StateStore {
		store := &reconciletest.MemoryStore{}
		return func() reconcile.StateStore { return store }
	})
}

func TestFileStore(t *testing.T) {
	reconciletest.Store(t, func(t *testing.T) func() reconcile.StateStore {
		root := t.TempDir()
		return func() reconcile.StateStore { return &lapsing{reconcile.NewFileStore(root), root} }
	})
}

// lapsing is a store of files whose lock files somebody removes.
type lapsing struct {
	*reconcile.FileStore

	root string
}

func (s *lapsing) Lapse(address string) error {
	name := filepath.Join(s.root, ".cog", "lock")
	if address != "" {
		name = filepath.Join(filepath.Dir(reconcile.StatePath(s.root, address)), ".lock")
	}
	return os.Remove(name)
}

func TestModel(t *testing.T) {
	reconciletest.Provider(t, func(*testing.T) reconciletest.Subject {
		world := &reconciletest.World{}
		model := &reconciletest.Model{Address: "model.a", World: world, Desired: []reconcile.Resource{
			{Type: "file", Name: "a", Attributes: map[string]any{"size": 1}},
			{Type: "file", Name: "b", Attributes: map[string]any{"size": 2}},
		}}
		return reconciletest.Subject{
			Provider: model, Remote: true,
			Drift: func(*testing.T) {
				world.Put(reconcile.Resource{Type: "file", Name: "a", Attributes: map[string]any{"size": 3}})
				world.Remove("file", "b")
			},
		}
	})
}
