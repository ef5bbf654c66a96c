package wasm_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	w "github.com/cogplan/cogplan/runtime/wasm/internal/wasmtest"
)

func rawHost(t *testing.T, cache string) *wasm.Host {
	t.Helper()
	if cache == "" {
		cache = filepath.Join(guestDir(t), "cache")
	}
	host, err := wasm.New(wasm.Options{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	return host
}

func rawModule(t *testing.T, p w.Provider) *wasm.Module {
	t.Helper()
	m, err := wasm.LoadBytes("raw.wasm", p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRawAttacks are modules that no compiler makes. Each is asked to describe
// itself, which is the first thing that anyone asks.
func TestRawAttacks(t *testing.T) {
	huge := w.Cat(w.Const(0), w.Const(1<<31-1))
	for _, tt := range []struct {
		name   string
		module w.Provider
		want   string
	}{
		{"answers nothing", w.Provider{}, "returned without an answer"},
		{"unknown status", w.Provider{Call: w.Answer(1, 7)}, "status 7"},
		{"garbage", w.Provider{Data: []byte("\xc1garbage"), Call: w.Answer(8, 0)}, "malformed"},
		{"garbage as an error", w.Provider{Data: []byte("\xc1garbage"), Call: w.Answer(8, 1)}, "error message is malformed"},
		{"reply outside of the memory", w.Provider{Call: w.Cat(w.Const(-16), w.Const(64), w.Do(w.Reply), w.Drop, w.Const(0))}, "without an answer"},
		{"reply too large", w.Provider{Pages: 2000, Call: w.Cat(w.Const(0), w.Const(100<<20), w.Do(w.Reply), w.Drop, w.Const(0))}, "more than the limit"},
		{"take outside of the memory", w.Provider{Call: w.Cat(w.Const(-1), w.Const(20), w.Do(w.Take), w.Drop, w.Const(0))}, "without an answer"},
		{"unreachable", w.Provider{Call: w.Cat([]byte{0}, w.Const(0))}, "crashed"},
		{"another version", w.Provider{Version: w.Const(2)}, "speaks version 2"},
		{"endless recursion", w.Provider{Extra: [][]byte{w.Do(w.Extra)}, Call: w.Cat(w.Do(w.Extra), w.Const(0))}, "crashed"},
		{"reply while starting", w.Provider{Initialize: w.Cat(w.Const(0), w.Const(1), w.Do(w.Reply), w.Drop)}, "without an answer"},
		{"host call while starting", w.Provider{Initialize: w.Cat(w.Const(3), w.Const(0), w.Const(9), w.Do(w.HostCall), w.Drop)}, "without an answer"},
		{"unknown host call", w.Provider{Call: w.Cat(w.Const(99), huge, w.Do(w.HostCall), w.Drop, w.Const(0))}, "without an answer"},
		{"log outside of the memory", w.Provider{Call: w.Cat(w.Const(1), huge, w.Do(w.Log), w.Const(0))}, "without an answer"},
		{"more memory than allowed at the start", w.Provider{Pages: 60000}, "needs 3750 MiB of memory to start"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rawHost(t, "").Describe(t.Context(), rawModule(t, tt.module))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A module without a loop that computes for longer than anyone lives: no
// interruption inside a process reaches it. The worker is ended from outside,
// and the host answers meanwhile.
func TestExponentialCalls(t *testing.T) {
	host := rawHost(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	ticks := 0
	done := make(chan error, 1)
	go func() {
		_, err := host.Describe(ctx, rawModule(t, w.Exponential(60)))
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "cancelled") {
				t.Fatalf("got %v", err)
			}
			if ticks < 10 {
				t.Errorf("the host was held up: %d ticks", ticks)
			}
			return
		case <-time.After(10 * time.Millisecond):
			ticks++
		}
	}
}

// describing is a raw provider that describes itself well and then misbehaves:
// op is compared with the operation, and other is what it does instead.
func describing(t *testing.T, other []byte) w.Provider {
	t.Helper()
	answer, err := (&abi.DescribeAnswer{Description: reconcile.Description{Name: "raw", Version: "1", Schema: reconcile.Schema{Version: 1}}}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	// if op == describe { answer } else { other }
	call := w.Cat([]byte{0x20, 0}, w.Const(int64(abi.OpDescribe)), []byte{0x46, 0x04, 0x7f},
		w.Answer(len(answer), 0), []byte{0x05}, other, []byte{0x0b})
	return w.Provider{Data: answer, Call: call}
}

func TestRawSessions(t *testing.T) {
	empty, _ := abi.Empty{}.Append(nil)
	at := func(data []byte) func(p *w.Provider) []byte {
		return func(p *w.Provider) []byte {
			start := len(p.Data)
			p.Data = append(p.Data, data...)
			return w.Cat(w.Const(int64(start)), w.Const(int64(len(data))), w.Do(w.Reply), w.Drop, w.Const(0))
		}
	}
	batch := func(m *abi.Batch) []byte {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one := reconcile.Resource{Type: "t", Name: "n"}
	for _, tt := range []struct {
		name string
		// answer is what it gives to everything but describe and open.
		answer []byte
		want   string
	}{
		{"no objects", empty, "malformed"},
		{"two of one name", batch(&abi.Batch{Objects: []reconcile.Resource{one, one}}), "two objects"},
		{"more for ever", batch(&abi.Batch{Objects: []reconcile.Resource{one}, More: true}), "more than"},
		{"invisible name", batch(&abi.Batch{Objects: []reconcile.Resource{{Type: "t", Name: "a\u202eb"}}}), "invisible"},
		{"outputs from load_config", batch(&abi.Batch{Objects: []reconcile.Resource{}, Outputs: map[string]any{"a": "b"}}), "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := describing(t, nil)
			openAnswer := at(empty)(&p)
			rest := at(tt.answer)(&p)
			other := w.Cat([]byte{0x20, 0}, w.Const(int64(abi.OpOpen)), []byte{0x46, 0x04, 0x7f}, openAnswer, []byte{0x05}, rest, []byte{0x0b})
			answered := describing(t, other)
			answered.Data = p.Data
			host := rawHost(t, "")
			dir := t.TempDir()
			provider, err := host.Provider(t.Context(), wasm.ProviderSpec{
				Info: reconcile.ProviderInfo{Name: "raw"}, Module: rawModule(t, answered), ModuleDir: dir,
			})
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{t: t, host: host, provider: provider, dir: dir}
			_, _, _, err = plan(t.Context(), b.resource(map[string]any{}), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.wasm")
	f, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(wasm.MaxModuleSize + 1); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	fifo := filepath.Join(dir, "fifo.wasm")
	mkfifo(t, fifo)
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "none.wasm"), "file does not exist"},
		{dir, "directory"},
		{big, "more than the 64 MiB"},
		{fifo, "not a regular file"},
		{os.Args[0], "native program"},
	} {
		if _, err := wasm.Load(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.path) {
			t.Errorf("%s: %v", tt.path, err)
		}
	}
}

// The schema comes from disk the second time, and a damaged or foreign cache is
// not believed.
func TestSchemaCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	module := rawModule(t, describing(t, w.Const(0)))
	if _, err := rawHost(t, cache).Describe(t.Context(), module); err != nil {
		t.Fatal(err)
	}
	noWorker := func() error {
		host, err := wasm.New(wasm.Options{CacheDir: cache, Executable: filepath.Join(cache, "nothing")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = host.Describe(t.Context(), module)
		return err
	}
	if err := noWorker(); err != nil {
		t.Fatalf("the second time it started a worker: %v", err)
	}
	entries, err := filepath.Glob(filepath.Join(cache, "schemas", "*"))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	data, err := os.ReadFile(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{"cut": data[:len(data)-1], "changed": bytes.Replace(data, []byte("raw"), []byte("row"), 1)} {
		if err := os.WriteFile(entries[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if noWorker() == nil {
			t.Errorf("%s: a damaged schema is believed", name)
		}
		if d, err := rawHost(t, cache).Describe(t.Context(), module); err != nil || d.Name != "raw" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chmod(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := rawHost(t, cache).Describe(t.Context(), module); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a cache that others may write to: %v", err)
	}
}

// A damaged compiled module costs time and nothing else.
func TestDamagedCompileCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	module := rawModule(t, describing(t, w.Const(0)))
	if _, err := rawHost(t, cache).Describe(t.Context(), module); err != nil {
		t.Fatal(err)
	}
	damaged := 0
	_ = filepath.WalkDir(filepath.Join(cache, "modules"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			damaged++
			if err := os.Truncate(path, 20); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
	if damaged == 0 {
		t.Fatal("nothing was compiled to disk")
	}
	if err := os.RemoveAll(filepath.Join(cache, "schemas")); err != nil {
		t.Fatal(err)
	}
	if _, err := rawHost(t, cache).Describe(t.Context(), module); err != nil {
		t.Fatal(err)
	}
}

func TestWorkerByHand(t *testing.T) {
	host, err := wasm.New(wasm.Options{CacheDir: filepath.Join(guestDir(t), "cache"), Executable: "/bin/false"})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close() //nolint:errcheck // it never fails
	_, err = host.Describe(t.Context(), rawModule(t, w.Provider{Pages: 3}))
	if err == nil || !strings.Contains(err.Error(), "ended unexpectedly") {
		t.Fatalf("got %v", err)
	}
}
