package worker

import (
	"context"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/cogplan/cogplan/runtime/wasm/internal/image"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// engine holds the compiled module.
type engine struct {
	config  *pipe.Config
	runtime wazero.Runtime
	module  wazero.CompiledModule
	// initial is what memories hold at the start, where the module was split.
	initial *initial
	// widen hears of how many files are about to be looked at.
	widen func(files int)
}

// newEngine compiles the module, or loads what an earlier worker compiled. A
// cache that cannot be used is left aside: it only costs time.
func newEngine(ctx context.Context, config *pipe.Config, code []byte, compiling func()) (*engine, error) {
	if !cached(config.CacheDir) {
		compiling()
	}
	cache, err := wazero.NewCompilationCacheWithDir(config.CacheDir)
	if err != nil {
		cache = wazero.NewCompilationCache()
	}
	code, start := split(code)
	e, err := compile(ctx, config, code, cache)
	if err != nil {
		// A damaged cache entry looks like a damaged module. Once without it.
		again, err2 := compile(ctx, config, code, wazero.NewCompilationCache())
		if err2 != nil {
			start.close()
			return nil, fmt.Errorf("compile the module: %w", err)
		}
		_ = os.RemoveAll(config.CacheDir)
		e = again
	}
	e.initial = start
	return e, nil
}

// split takes the data out of the module where instances can do with a mapping
// of it.
func split(code []byte) ([]byte, *initial) {
	if !ownMemory {
		return code, nil
	}
	bare, data, ok := image.Split(code)
	if !ok {
		return code, nil
	}
	start, err := newInitial(data)
	if err != nil {
		return code, nil
	}
	return bare, start
}

func cached(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// compile turns off what has no limit: references, with which tables grow.
func compile(ctx context.Context, config *pipe.Config, code []byte, cache wazero.CompilationCache) (*engine, error) {
	rc := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2.SetEnabled(api.CoreFeatureReferenceTypes, false)).
		WithCompilationCache(cache).
		WithDebugInfoEnabled(false)
	if !ownMemory {
		rc = rc.WithMemoryLimitPages(uint32(config.Memory / pageSize))
	}
	e := &engine{config: config, runtime: wazero.NewRuntimeWithConfig(ctx, rc)}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, e.runtime); err != nil {
		return nil, err
	}
	if err := hostModule(ctx, e.runtime); err != nil {
		return nil, err
	}
	var err error
	e.module, err = e.runtime.CompileModule(ctx, code)
	return e, err
}
