package wasm

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// BenchmarkRoundTrip is one call of a guest and back through pipe and worker,
// with next to no work in the guest: an operation that it does not have.
func BenchmarkRoundTrip(b *testing.B) {
	base, err := os.UserCacheDir()
	if err != nil {
		b.Fatal(err)
	}
	module, err := Load(filepath.Join(base, "cogplan-test-guests", "probe.wasm"))
	if err != nil {
		b.Skip("run the tests first: they build the guest")
	}
	host, err := New(Options{CacheDir: filepath.Join(base, "cogplan-test-guests", "cache")})
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close() //nolint:errcheck // a benchmark
	p, err := host.Provider(b.Context(), ProviderSpec{
		Info: reconcile.ProviderInfo{Name: "probe", Grants: reconcile.Grants{Write: []string{"out"}}}, Module: module, ModuleDir: b.TempDir(),
	})
	if err != nil {
		b.Fatal(err)
	}
	r := p.Resource(ResourceSpec{
		Meta:        reconcile.MetaResource{Name: "probe.a"},
		Declaration: reconcile.Declaration{Address: "probe.a", Mode: "resource"},
		Config: func(context.Context) (reconcile.Config, error) {
			return reconcile.Config{Body: map[string]any{"root": "out"}}, nil
		},
	})
	defer r.Close()
	if _, err := r.LoadConfigContext(b.Context(), ""); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := r.reader.ask(b.Context(), abi.OpHealth, abi.Empty{}); err == nil {
			b.Fatal("the probe has a health")
		}
	}
}
