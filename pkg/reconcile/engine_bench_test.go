package reconcile_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/pkg/reconcile/reconciletest"
)

// benchRig is n resources of some objects each, in sync, in a chain or side by side.
func benchRig(b *testing.B, n, each int, chained bool) (*reconcile.Engine, *reconcile.MetaConfig) {
	b.Helper()
	registry, store := &reconcile.Registry{}, &reconciletest.MemoryStore{}
	cfg := &reconcile.MetaConfig{}
	for i := range n {
		name := "r" + strconv.Itoa(i)
		m := &reconciletest.Model{Address: name, World: worldOf()}
		for o := range each {
			m.Desired = append(m.Desired, file(strconv.Itoa(o), "sha256", "0123456789abcdef", "size", int64(o)))
			m.World.Put(ours(m.Desired[o]))
		}
		registry.Register(name, m)
		resource := reconcile.MetaResource{Name: name, Source: name}
		if chained && i > 0 {
			resource.DependsOn = []string{"r" + strconv.Itoa(i-1)}
		}
		cfg.Resources = append(cfg.Resources, resource)
	}
	quiet := reconcile.EventSinkFunc(func(*reconcile.Event) {})
	return reconcile.NewEngine(b.TempDir(), reconcile.AllowAll{}, reconcile.WithRegistry(registry), reconcile.WithStore(store), reconcile.WithEvents(quiet)), cfg
}

func BenchmarkPropose(b *testing.B) {
	for _, size := range []struct {
		resources, objects int
		chained            bool
	}{{1_000, 1, false}, {10_000, 10, false}, {1_000, 1, true}, {10_000, 1, true}} {
		b.Run(fmt.Sprintf("%dx%d,chained=%v", size.resources, size.objects, size.chained), func(b *testing.B) {
			engine, cfg := benchRig(b, size.resources, size.objects, size.chained)
			b.ReportAllocs()
			for b.Loop() {
				proposal, err := engine.Propose(b.Context(), cfg, reconcile.MetaOpts{})
				if err != nil || proposal.HasChanges() {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEngineApply applies changes to resources with states in files: lock,
// journal, world and states.
func BenchmarkEngineApply(b *testing.B) {
	for _, size := range []struct{ resources, objects int }{{1, 1}, {1, 1_000}, {100, 10}} {
		b.Run(fmt.Sprintf("%dx%d", size.resources, size.objects), func(b *testing.B) {
			registry, cfg := &reconcile.Registry{}, &reconcile.MetaConfig{}
			models := make([]*reconciletest.Model, size.resources)
			for i := range models {
				name := "r" + strconv.Itoa(i)
				models[i] = &reconciletest.Model{Address: name, World: worldOf()}
				registry.Register(name, models[i])
				cfg.Resources = append(cfg.Resources, reconcile.MetaResource{Name: name, Source: name, AutoApply: true})
			}
			quiet := reconcile.EventSinkFunc(func(*reconcile.Event) {})
			engine := reconcile.NewEngine(b.TempDir(), reconcile.AllowAll{}, reconcile.WithRegistry(registry), reconcile.WithEvents(quiet))
			b.ReportAllocs()
			generation := 0
			for b.Loop() {
				generation++
				for _, m := range models {
					m.Desired = nil
					for o := range size.objects {
						m.Desired = append(m.Desired, file(strconv.Itoa(o), "size", int64(generation)))
					}
				}
				results, err := engine.Run(b.Context(), cfg, reconcile.MetaOpts{})
				if err != nil || results[0].Status != reconcile.StatusApplied {
					b.Fatal(err, results[0].Error)
				}
			}
		})
	}
}
