package wasm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func TestMain(m *testing.M) {
	wasm.RunWorkerIfRequested()
	os.Exit(m.Run())
}

// guestDir is where built guests and compiled modules stay between runs of the
// tests: building one takes longer than all tests together.
func guestDir(t testing.TB) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir() //nolint:usetesting // it outlives the test
	}
	dir := filepath.Join(base, "cogplan-test-guests")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

var buildOnce sync.Map

// buildGuest builds a guest with the real compiler, once for each run.
func buildGuest(t testing.TB, pkg string) string {
	t.Helper()
	build, _ := buildOnce.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		out := filepath.Join(guestDir(t), filepath.Base(pkg)+".wasm")
		cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, text)
		}
		return out, nil
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func loadProbe(t testing.TB) *wasm.Module {
	t.Helper()
	m, err := wasm.Load(buildGuest(t, "./testdata/probe"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// bench is a host, a module's directory and a provider in it.
type bench struct {
	t        testing.TB
	host     *wasm.Host
	dir      string
	provider *wasm.Provider
	mu       sync.Mutex
	logs     []string
}

type benchOptions struct {
	grants  reconcile.Grants
	limits  reconcile.Limits
	module  *wasm.Module
	secrets []string
	options wasm.Options
}

func newBench(t testing.TB, o benchOptions) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	o.options.CacheDir = filepath.Join(guestDir(t), "cache")
	o.options.Log = func(r wasm.LogRecord) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.logs = append(b.logs, r.Level+": "+r.Message)
	}
	host, err := wasm.New(o.options)
	if err != nil {
		t.Fatal(err)
	}
	b.host = host
	t.Cleanup(func() { _ = host.Close() })
	if o.module == nil {
		o.module = loadProbe(t)
	}
	if o.grants.Read == nil && o.grants.Write == nil {
		o.grants = reconcile.Grants{Read: []string{"./site"}, Write: []string{"./out"}}
	}
	b.provider, err = host.Provider(t.Context(), wasm.ProviderSpec{
		Info:   reconcile.ProviderInfo{Name: "probe", Source: "probe.wasm", Grants: o.grants, Limits: o.limits},
		Module: o.module, ModuleDir: b.dir, Config: reconcile.Config{Secrets: o.secrets},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.logs, "\n")
}

func (b *bench) resource(body map[string]any) *wasm.Resource {
	return b.named("probe.site", body)
}

func (b *bench) named(address string, body map[string]any) *wasm.Resource {
	if body["root"] == nil {
		body["root"] = "out"
	}
	return b.provider.Resource(wasm.ResourceSpec{
		Meta:        reconcile.MetaResource{Name: address, Prune: true},
		Declaration: reconcile.Declaration{Address: address, Mode: "resource"},
		Config:      func(context.Context) (reconcile.Config, error) { return reconcile.Config{Body: body}, nil },
	})
}

// plan walks from the configuration to the plan.
//
//nolint:revive // a test reads what it needs
func plan(ctx context.Context, r *wasm.Resource, state *reconcile.State) (config, live any, p *reconcile.Plan, err error) {
	if config, err = r.LoadConfigContext(ctx, ""); err != nil {
		return nil, nil, nil, err
	}
	if live, err = r.FetchLiveKnown(ctx, config, state); err != nil {
		return nil, nil, nil, err
	}
	p, err = r.ComputePlanContext(ctx, config, live, state)
	return config, live, p, err
}

// apply walks all the way and returns the new state.
func apply(ctx context.Context, r *wasm.Resource, state *reconcile.State) ([]reconcile.Result, *reconcile.State, error) {
	config, _, p, err := plan(ctx, r, state)
	if err != nil {
		return nil, nil, err
	}
	results, err := r.ApplyPlan(ctx, p)
	if err != nil {
		return results, nil, err
	}
	live, err := r.FetchLiveKnown(ctx, config, state)
	if err != nil {
		return results, nil, err
	}
	state, err = r.BuildStateContext(ctx, config, live, state)
	return results, state, err
}

func (b *bench) write(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// tree is a fingerprint of everything below the module's directory.
func (b *bench) tree() string {
	b.t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(sum, path, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum.Write(data)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func wantFault(t *testing.T, err error, fault wasm.Fault, parts ...string) {
	t.Helper()
	var failed *wasm.ProviderError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a ProviderError", err)
	}
	if failed.Fault != fault {
		t.Errorf("fault %q, want %q: %v", failed.Fault, fault, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q: %v", part, err)
		}
	}
}

func TestHonest(t *testing.T) {
	b := newBench(t, benchOptions{})
	ctx := t.Context()
	r := b.resource(map[string]any{"root": "out/eu", "files": map[string]any{"index.html": "hello", "a/b.txt": "deep"}})
	results, state, err := apply(ctx, r, nil)
	if err != nil {
		t.Fatal(err, b.log())
	}
	if len(results) != 2 || results[0].Status != reconcile.ApplySucceeded || !strings.HasPrefix(results[0].CreatedID, "id-") {
		t.Fatalf("results %+v", results)
	}
	if got := b.read("out/eu/index.html") + b.read("out/eu/a/b.txt"); got != "hellodeep" {
		t.Fatalf("files hold %q", got)
	}
	_, _, p, err := plan(ctx, r, state)
	if err != nil || p.Summary.HasChanges() {
		t.Fatalf("second plan: %+v, %v", p, err)
	}
	b.write("out/eu/index.html", "changed by hand")
	if _, _, p, err = plan(ctx, r, state); err != nil || p.Summary.Updates != 1 {
		t.Fatalf("plan after drift: %+v, %v", p, err)
	}
	r = b.resource(map[string]any{"root": "out/eu", "files": map[string]any{"index.html": "hello"}})
	if results, state, err = apply(ctx, r, state); err != nil || len(results) != 2 {
		t.Fatalf("apply: %+v, %v", results, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "out/eu/a/b.txt")); !os.IsNotExist(err) {
		t.Fatalf("the undeclared file is still there: %v", err)
	}
	if len(state.Resources) != 1 || b.read("out/eu/index.html") != "hello" {
		t.Fatalf("state %+v", state)
	}
}
