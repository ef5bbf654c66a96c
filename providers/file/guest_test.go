package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk/sdktest"
)

// These tests run the provider as a guest under plain wazero, which permits
// everything: they hold the guest's side of the protocol against the native
// twin. What the sandbox permits is tested in runtime/wasm.

// maxGuestSize is a little above what the guest takes today. What makes it grow
// (net/http, encoding/json, regexp, text/template) is caught here.
const maxGuestSize = 3_900_000

var guestDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "cogplan-guest-") })

var buildGuest = sync.OnceValues(func() (string, error) { return build("file", ".") })

var buildLiar = sync.OnceValues(func() (string, error) { return build("liar", "../../testdata/guests/liar") })

func build(name, source string) (string, error) {
	dir, err := guestDir()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, name+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, source)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(text), Err: err}
	}
	return out, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := guestDir(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// plainHost offers the imports of the protocol, and nothing else.
type plainHost struct {
	t       testing.TB
	dir     string
	module  api.Module
	call    api.Function
	pending []byte
	reply   []byte
	replies int
	digest  hash.Hash
}

var (
	runtimeOnce sync.Once
	cache       wazero.CompilationCache
)

func dialGuest(t testing.TB, dir string) *plainHost {
	t.Helper()
	return dial(t, dir, buildGuest)
}

func dial(t testing.TB, dir string, build func() (string, error)) *plainHost {
	t.Helper()
	file, err := build()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	runtimeOnce.Do(func() { cache = wazero.NewCompilationCache() })
	ctx := context.WithoutCancel(t.Context())
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
	t.Cleanup(func() { _ = r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	h := &plainHost{t: t, dir: dir, digest: sha256.New()}
	b := r.NewHostModuleBuilder(abi.ImportModule)
	b.NewFunctionBuilder().WithFunc(h.take).Export(abi.ImportTake)
	b.NewFunctionBuilder().WithFunc(h.answer).Export(abi.ImportReply)
	b.NewFunctionBuilder().WithFunc(h.log).Export(abi.ImportLog)
	b.NewFunctionBuilder().WithFunc(h.hostCall).Export(abi.ImportHostCall)
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	fs := wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(sysfs.DirFS(dir), "/")
	config := wazero.NewModuleConfig().WithFSConfig(fs).WithStderr(os.Stderr).WithStartFunctions(abi.ExportInitialize)
	h.module, err = r.InstantiateWithConfig(ctx, data, config)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := h.module.ExportedFunction(abi.ExportVersion).Call(ctx); err != nil || v[0] != abi.Version {
		t.Fatal(v, err)
	}
	h.call = h.module.ExportedFunction(abi.ExportCall)
	return h
}

func (h *plainHost) Call(ctx context.Context, op abi.Op, request []byte) ([]byte, int32) {
	h.pending, h.reply, h.replies = request, nil, 0
	status, err := h.call.Call(ctx, uint64(op), uint64(len(request)))
	if err != nil {
		h.t.Fatalf("%s: %v", op, err)
	}
	if h.replies != 1 {
		h.t.Fatalf("%s: %d replies", op, h.replies)
	}
	return h.reply, api.DecodeI32(status[0])
}

func (h *plainHost) take(_ context.Context, m api.Module, ptr, size uint32) int32 {
	if int(size) != len(h.pending) || !m.Memory().Write(ptr, h.pending) {
		return int32(abi.HostBadLength)
	}
	h.pending = nil
	return int32(size)
}

func (h *plainHost) answer(_ context.Context, m api.Module, ptr, size uint32) int32 {
	data, ok := m.Memory().Read(ptr, size)
	if !ok {
		return int32(abi.HostBadMemory)
	}
	h.reply = append([]byte(nil), data...)
	h.replies++
	return 0
}

func (h *plainHost) log(_ context.Context, m api.Module, _ int32, ptr, size uint32) {
	data, _ := m.Memory().Read(ptr, size)
	h.t.Logf("guest: %s", data)
}

func (h *plainHost) hostCall(_ context.Context, m api.Module, op int32, ptr, size uint32) int64 {
	data, ok := m.Memory().Read(ptr, size)
	if !ok {
		return int64(abi.HostBadMemory)
	}
	switch abi.HostOp(op) {
	case abi.HostSHA256Add:
		h.digest.Write(data)
		return 0
	case abi.HostSHA256Sum:
		h.digest.Write(data)
		h.pending = h.digest.Sum(nil)
		h.digest.Reset()
	case abi.HostFileStat:
		h.pending = h.stat(data)
	case abi.HostFileChmod:
		h.pending = h.chmod(data)
	default:
		return int64(abi.HostUnknownOp)
	}
	return int64(len(h.pending))
}

func (h *plainHost) stat(data []byte) []byte {
	m, err := abi.DecodeFileStatRequest(data, abi.DefaultLimits())
	if err != nil {
		h.t.Fatal(err)
	}
	answer := &abi.FileStatAnswer{}
	for _, p := range m.Paths {
		answer.Files = append(answer.Files, statFile(filepath.Join(h.dir, path.Clean("/"+p)), m.Digest))
	}
	out, err := answer.Append(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func statFile(name string, digest bool) abi.FileInfo {
	for dir := filepath.Dir(name); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return abi.FileInfo{Kind: abi.FileSymlink}
		}
	}
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return abi.FileInfo{Kind: abi.FileNone}
	case info.IsDir():
		return abi.FileInfo{Kind: abi.FileDirectory, Mode: int(info.Mode().Perm())}
	case info.Mode()&os.ModeSymlink != 0:
		return abi.FileInfo{Kind: abi.FileSymlink}
	case !info.Mode().IsRegular():
		return abi.FileInfo{Kind: abi.FileOther}
	}
	out := abi.FileInfo{Kind: abi.FileRegular, Mode: int(info.Mode().Perm()), Size: info.Size()}
	if digest {
		data, err := os.ReadFile(name)
		if err != nil {
			return abi.FileInfo{Kind: abi.FileFailed, Error: "unreadable"}
		}
		sum := sha256.Sum256(data)
		out.SHA256 = hex.EncodeToString(sum[:])
	}
	return out
}

func (h *plainHost) chmod(data []byte) []byte {
	m, err := abi.DecodeFileChmodRequest(data, abi.DefaultLimits())
	if err != nil {
		h.t.Fatal(err)
	}
	answer := &abi.FileChmodAnswer{}
	if err := os.Chmod(filepath.Join(h.dir, path.Clean("/"+m.Path)), os.FileMode(m.Mode)); err != nil {
		answer.Error = err.Error()
	}
	out, _ := answer.Append(nil)
	return out
}

var hostFeatures = []string{abi.FeatureSHA256, abi.FeatureFiles}

func guest(t *testing.T, dir string, _ bool) sdktest.Caller { return dialGuest(t, dir) }

func TestGuestDescribesItself(t *testing.T) {
	got, err := sdktest.NewClient(dialGuest(t, t.TempDir())).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := sdktest.NewClient(native(t, t.TempDir(), false)).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(description(), got.Description); diff != "" {
		t.Error(diff)
	}
	if !got.Can(abi.AbilityEffects) {
		t.Error("no effects")
	}
}

// The native provider and the guest must plan and do the same.
func TestGuestIsLikeTheNativeTwin(t *testing.T) {
	for name, features := range map[string][]string{"host calls": hostFeatures, "plain WASI": nil} {
		t.Run(name, func(t *testing.T) { testTwins(t, features) })
	}
}

func testTwins(t *testing.T, features []string) {
	twins := []*world{newWorld(t), newWorld(t)}
	twins[1].dial, twins[1].features = guest, features
	mode, large := map[string]any{"content": "#!", "mode": "0755"}, 9<<20 // above what is read at once
	if features == nil {
		mode, large = text("#!"), 1<<20 // the guest hashes it itself
	}
	bodies := []map[string]any{
		{"root": "./out/eu", "file": map[string]any{"a/b": text("b\n"), "run": mode, "bin": map[string]any{"content_base64": "AP8="}}, "tree": []any{map[string]any{"from": "src", "to": "t"}}},
		{"root": "./out/eu", "file": map[string]any{"a/b": text("changed\n"), "run": text("#!")}, "directory": map[string]any{"empty": map[string]any{}}},
		{"root": "other", "file": map[string]any{"a/b": text("changed\n")}},
		{"root": "other"},
	}
	for step, body := range bodies {
		var told [2][]string
		for i, w := range twins {
			w.put("src/one", "1")
			w.put("src/deep/two", strings.Repeat("2", large))
			w.put("out/eu/theirs", "x")
			o := w.apply(body)
			told[i] = append(lines(o), w.warnings...)
		}
		if diff := cmp.Diff(told[0], told[1]); diff != "" {
			t.Errorf("step %d: native (-) and guest (+): %s", step, diff)
		}
		if diff := cmp.Diff(listing(t, twins[0].dir), listing(t, twins[1].dir)); diff != "" {
			t.Errorf("step %d: files, native (-) and guest (+): %s", step, diff)
		}
	}
}

func listing(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		line := strings.TrimPrefix(name, dir)
		if entry.Type().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			line += " " + hex.EncodeToString(sum[:4])
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGuestRefusesLikeTheNativeTwin(t *testing.T) {
	w := newWorld(t)
	w.dial, w.features = guest, hostFeatures
	w.refuse(files("out", map[string]any{"../x": text("x")}), "leaves the root", "file", "../x")
	if err := os.Symlink("/etc", w.path("out")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plan(files("out", map[string]any{"x": text("x")})); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("%v", err)
	}
}

func TestGuestRefusesMessages(t *testing.T) {
	c := sdktest.NewClient(dialGuest(t, t.TempDir()))
	for name, tt := range map[string]struct {
		op      abi.Op
		request string
		want    string
	}{
		"unknown operation": {99, "\x80", "needs an open session"},
		"no session":        {abi.OpLoadConfig, "\x80", "load_config needs an open session"},
		"empty request":     {abi.OpDescribe, "", "ends inside"},
		"unknown key":       {abi.OpDescribe, "\x81\xa1x\x01", `unknown key "x"`},
		"no map":            {abi.OpOpen, "\xc0", "want a map"},
		"trailing bytes":    {abi.OpClose, "\x80\x80", "needs an open session"},
	} {
		if _, err := c.Raw(t.Context(), tt.op, []byte(tt.request)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// The liar of testdata/guests tells lies that the decoder catches; what it
// cannot catch alone is named here too, and caught by the host.
func TestLiar(t *testing.T) {
	open := func(t *testing.T, lie string) (*sdktest.Client, *plainHost) {
		t.Helper()
		h := dial(t, t.TempDir(), buildLiar)
		c := sdktest.NewClient(h)
		if _, err := c.Describe(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := c.Open(t.Context(), &abi.OpenRequest{
			Address: "liar.a", Kind: abi.KindResource, Phase: abi.PhaseRead,
			Body: map[string]any{"lie": lie, "things": []any{"a", "b"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c, h
	}
	c, _ := open(t, "")
	if got, err := c.LoadConfig(t.Context()); err != nil || len(got.Objects) != 2 {
		t.Fatalf("the honest twin: %v %v", got, err)
	}
	for lie, want := range map[string]string{
		"status": "unknown status 7", "error": `"kind" is missing`, "kind": `unknown key "kind"`, "empty": "ends inside",
		"nil": "want a map, have nil", "cut": "ends inside", "tail": "1 bytes after", "unknown": `unknown key "surprise"`,
		"duplicate": `"objects" twice`, "extension": "have an extension type", "binary": "have binary data",
		"utf8": "not UTF-8", "nan": "not finite", "claim": "ends inside", "claimstring": "ends inside",
		"unnamed": "empty name", "outputs": "outputs belong", "endless": "says more", "deep": "have an array",
		"crowd": "array of 1001", "many": "more values than the limit", "confused": `unknown key "created_id"`,
	} {
		t.Run(lie, func(t *testing.T) {
			c, _ := open(t, lie)
			if got, err := c.LoadConfig(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v %v, want %q", got, err, want)
			}
		})
	}
	// Well-formed, and still wrong: the host has to look.
	for _, lie := range []string{"foreign", "same", "terminal", "few"} {
		c, _ := open(t, lie)
		if _, err := c.LoadConfig(t.Context()); err != nil {
			t.Errorf("%s: %v", lie, err)
		}
	}
	for lie, replies := range map[string]int{"nothing": 0, "twice": 2} {
		_, h := open(t, lie)
		h.pending, h.replies = []byte{0x80}, 0
		if _, err := h.call.Call(t.Context(), uint64(abi.OpLoadConfig), 1); err != nil || h.replies != replies {
			t.Errorf("%s: %d replies, %v", lie, h.replies, err)
		}
	}
}

func TestGuestStaysSmall(t *testing.T) {
	file, err := buildGuest()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxGuestSize {
		t.Errorf("the guest has %d bytes, more than %d: what was added to it?", info.Size(), maxGuestSize)
	}
	t.Logf("%d bytes", info.Size())
}

func BenchmarkPlan5000Guest(b *testing.B) { benchmarkGuest(b, hostFeatures...) }

func BenchmarkPlan5000GuestPlainWASI(b *testing.B) { benchmarkGuest(b) }

func benchmarkGuest(b *testing.B, features ...string) {
	dialGuest(b, b.TempDir()) // compiles
	benchmarkPlan(b, func(_ *testing.T, dir string, _ bool) sdktest.Caller { return dialGuest(b, dir) }, features...)
}

func BenchmarkInstantiate(b *testing.B) {
	dir := b.TempDir()
	dialGuest(b, dir) // compiles
	for b.Loop() {
		dialGuest(b, dir)
	}
}
