package wasm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// BenchmarkLoad reads and checks a module.
func BenchmarkLoad(b *testing.B) {
	path := buildGuest(b, "./testdata/probe")
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		if _, err := wasm.Load(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWarmPlan is what a plan of one small resource costs: a new host, a
// worker process, the compiled module from disk, an instance, and its calls.
func BenchmarkWarmPlan(b *testing.B) {
	module := loadProbe(b)
	dir := b.TempDir()
	for b.Loop() {
		host, err := wasm.New(wasm.Options{CacheDir: filepath.Join(guestDir(b), "cache")})
		if err != nil {
			b.Fatal(err)
		}
		p, err := host.Provider(b.Context(), wasm.ProviderSpec{
			Info:   reconcile.ProviderInfo{Name: "probe", Grants: reconcile.Grants{Write: []string{"out"}}},
			Module: module, ModuleDir: dir,
		})
		if err != nil {
			b.Fatal(err)
		}
		h := &bench{t: b, host: host, provider: p, dir: dir}
		if _, _, _, err := plan(b.Context(), h.resource(map[string]any{"files": map[string]any{"a": "1"}}), nil); err != nil {
			b.Fatal(err)
		}
		_ = host.Close()
	}
}

// BenchmarkSession is the cost of a session in a worker that runs: an instance,
// open, and the calls of a plan without objects.
func BenchmarkSession(b *testing.B) {
	h := newBench(b, benchOptions{})
	r := h.resource(map[string]any{})
	for b.Loop() {
		if _, _, _, err := plan(b.Context(), r, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkObjects plans and applies files of 1 KiB.
func BenchmarkObjects(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		b.Run(fmt.Sprintf("plan-%d", n), func(b *testing.B) {
			h := newBench(b, benchOptions{})
			r := h.resource(map[string]any{"count": int64(n)})
			for b.Loop() {
				if _, _, _, err := plan(b.Context(), r, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("apply-%d", n), func(b *testing.B) {
			h := newBench(b, benchOptions{})
			r := h.resource(map[string]any{"count": int64(n)})
			for b.Loop() {
				b.StopTimer()
				if err := os.RemoveAll(filepath.Join(h.dir, "out")); err != nil {
					b.Fatal(err)
				}
				_, _, p, err := plan(b.Context(), r, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				results, err := r.ApplyPlan(b.Context(), p)
				if err != nil || len(results) != n {
					b.Fatal(len(results), err)
				}
			}
		})
		b.Run(fmt.Sprintf("noop-%d", n), func(b *testing.B) {
			h := newBench(b, benchOptions{})
			r := h.resource(map[string]any{"count": int64(n)})
			_, state, err := apply(b.Context(), r, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				_, _, p, err := plan(b.Context(), r, state)
				if err != nil || p.Summary.HasChanges() {
					b.Fatal(p, err)
				}
			}
		})
	}
}
