package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func act(when, what string) map[string]any {
	return map[string]any{"files": map[string]any{"a": "1"}, "act": map[string]any{when: what}}
}

// stillWorks is the honest twin: after whatever happened, the same host serves
// another resource of the same provider.
func (b *bench) stillWorks(t *testing.T) {
	t.Helper()
	r := b.named("probe.twin", map[string]any{"root": "out/twin", "files": map[string]any{"x": "y"}})
	if _, _, err := apply(context.WithoutCancel(t.Context()), r, nil); err != nil {
		t.Fatalf("the honest twin fails: %v", err)
	}
	if got := b.read("out/twin/x"); got != "y" {
		t.Fatalf("the honest twin wrote %q", got)
	}
}

func TestMisbehaving(t *testing.T) {
	for _, tt := range []struct {
		name, when, what string
		limits           reconcile.Limits
		fault            wasm.Fault
		says             []string
	}{
		{name: "panics", when: "live", what: "panic oh no", fault: wasm.FaultGuest, says: []string{"panicked", "oh no", "probe.site", "reading the world"}},
		{name: "panics while opened", when: "open", what: "panic early", fault: wasm.FaultGuest, says: []string{"early", "reading its configuration"}},
		{name: "crashes", when: "desired", what: "crash bang", fault: wasm.FaultCrash, says: []string{"crashed", "bang"}},
		{name: "exits", when: "desired", what: "exit", fault: wasm.FaultCrash, says: []string{"exited with code 7"}},
		{
			name: "never returns", when: "live", what: "loop", limits: reconcile.Limits{Timeout: 300 * time.Millisecond},
			fault: wasm.FaultLimit, says: []string{"did not answer within 300ms", "limits { timeout }", "reading the world"},
		},
		{
			name: "uses up the run", when: "live", what: "loop", limits: reconcile.Limits{Run: 500 * time.Millisecond},
			fault: wasm.FaultLimit, says: []string{"500ms in this run"},
		},
		{
			name: "asks for 4 GB", when: "live", what: "allocate", limits: reconcile.Limits{Memory: 64 << 20},
			fault: wasm.FaultLimit, says: []string{"more memory than its limit of 64 MiB", "limits { memory }"},
		},
		{
			name: "recurses", when: "live", what: "recurse", limits: reconcile.Limits{Memory: 64 << 20},
			fault: wasm.FaultLimit, says: []string{"memory"},
		},
		{
			name: "uses up its processor time", when: "live", what: "loop", limits: reconcile.Limits{CPU: time.Second},
			fault: wasm.FaultLimit, says: []string{"limit of 1s of processor time", "limits { cpu }"},
		},
		{
			name: "opens too many files", when: "live", what: "handles", fault: wasm.FaultLimit, says: []string{"more files are open"},
		},
		{
			name: "answers too much", when: "nothing", what: "", limits: reconcile.Limits{Output: 300_000},
			fault: wasm.FaultLimit, says: []string{"more than the limit of 300000", "limits { output }"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, benchOptions{limits: tt.limits})
			body := act(tt.when, tt.what)
			if tt.limits.Output > 0 {
				body["count"] = int64(500)
			}
			_, _, _, err := plan(t.Context(), b.resource(body), nil)
			wantFault(t, err, tt.fault, append(tt.says, `provider "probe"`)...)
			if tt.limits.Run == 0 {
				b.stillWorks(t)
			}
		})
	}
}

func TestSleepTakesNoTime(t *testing.T) {
	b := newBench(t, benchOptions{})
	if _, _, _, err := plan(t.Context(), b.resource(act("live", "sleep")), nil); err != nil {
		t.Fatal(err)
	}
}

// A provider that prints a gigabyte costs its own time and nothing else.
func TestPrintsAGigabyte(t *testing.T) {
	b := newBench(t, benchOptions{limits: reconcile.Limits{Log: 64 << 10}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, _, err := plan(t.Context(), b.resource(act("live", "print")), nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := len(b.log()); n > 128<<10 {
		t.Errorf("%d bytes were passed on", n)
	}
	if !strings.Contains(b.log(), "logs more than its limit") {
		t.Error("nobody was told that the log is cut")
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d MiB were allocated in the host", grown>>20)
	}
	b.stillWorks(t)
}

func TestHostStaysResponsive(t *testing.T) {
	b := newBench(t, benchOptions{limits: reconcile.Limits{Timeout: 700 * time.Millisecond}, options: wasm.Options{MaxWorkers: 2}})
	started := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		close(started)
		_, _, _, err := plan(t.Context(), b.named("probe.loop", act("live", "loop")), nil)
		failed <- err
	}()
	<-started
	b.stillWorks(t) // meanwhile, in another worker or after the first was ended
	wantFault(t, <-failed, wasm.FaultLimit)
}

func TestCancel(t *testing.T) {
	b := newBench(t, benchOptions{})
	b.stillWorks(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, _, _, err := plan(ctx, b.resource(act("live", "loop")), nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	b.stillWorks(t)
}

// escapes are things that a provider may try and must not reach. The path
// outside is one that no grant covers; {out} is granted for writing, {site} for
// reading.
var escapes = []struct {
	name, what string
	// violates says that the call must fail; otherwise the guest just gets an
	// error and finds nothing.
	violates bool
}{
	{"write outside by dots", "write out/../secret.txt", true},
	{"write outside, absolute", "write {abs}/secret.txt", true},
	{"write through many dots", "write ../../../../../../{abs}/secret.txt", true},
	{"write in the read grant", "write site/page", true},
	{"write in the write grant", "write out/new", true},
	{"overwrite", "write out/old", true},
	{"append", "append out/old", true},
	{"open for both", "rdwr out/old", true},
	{"truncate", "truncate out/old", true},
	{"truncate with read rights", "rdtrunc out/old", true},
	{"create with read rights", "rdcreate out/new", true},
	{"truncate with read rights in the read grant", "rdtrunc site/page", true},
	{"truncate an open file", "ftruncate site/page", true},
	{"remove", "remove out/old", true},
	{"remove a directory", "remove out/dir", true},
	{"make a directory", "mkdir out/newdir", true},
	{"rename", "rename out/old out/new", true},
	{"rename out", "rename out/old ../old", true},
	{"hard link", "link out/old out/new", true},
	{"symbolic link", "symlink /etc/passwd out/new", true},
	{"change times", "chtimes out/old", true},
	{"write through a link", "write out/link", true},
	{"write through a linked directory", "write out/linkdir/x", true},
	{"read through a link", "read out/link", false},
	{"read through a linked directory", "read out/linkdir/secret.txt", false},
	{"read a link inside the grant", "read site/inside", false},
	{"stat a link", "stat out/link", false},
	{"read a link's target", "readlink out/link", false},
	{"read outside", "read {abs}/secret.txt", false},
	{"read outside by dots", "read site/../secret.txt", false},
	{"read the host's files", "read /etc/passwd", false},
	{"read the process", "read /proc/self/environ", false},
	{"read a pipe", "read out/fifo", false},
	{"read a socket", "read out/socket", false},
	{"list outside", "list {abs}", false},
	{"read a device of the host", "read /dev/zero", false},
	{"read a device in the grant", "read out/device", false},
	{"write to a device in the grant", "write out/device", true},
	{"goroutine that stays and writes", "linger out/late", true},
}

func (b *bench) prepareEscapes(t *testing.T) {
	t.Helper()
	b.write("secret.txt", "TOPSECRET")
	b.write("site/page", "page")
	b.write("out/old", "old")
	b.write("out/dir/keep", "keep")
	if err := os.RemoveAll(filepath.Join(b.dir, "out/dir/keep")); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"out/link": filepath.Join(b.dir, "secret.txt"), "out/linkdir": b.dir, "site/inside": "page",
	} {
		if err := os.Symlink(target, filepath.Join(b.dir, link)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	mkfifo(t, filepath.Join(b.dir, "out/fifo"))
	mkdevice(t, filepath.Join(b.dir, "out/device"))
	// The path of a socket has to be short.
	if l, err := net.Listen("unix", filepath.Join(b.dir, "out/socket")); err == nil {
		t.Cleanup(func() { _ = l.Close() })
	}
}

func TestEscapesWhilePlanning(t *testing.T) {
	b := newBench(t, benchOptions{})
	b.prepareEscapes(t)
	before := b.tree()
	for _, when := range []string{"open", "desired", "live", "effects"} {
		for _, e := range escapes {
			t.Run(when+"/"+e.name, func(t *testing.T) {
				b.logs = nil
				what := strings.ReplaceAll(e.what, "{abs}", b.dir)
				r := b.resource(act(when, what))
				_, _, _, err := plan(t.Context(), r, nil)
				if e.violates {
					verb := map[string]string{"append": "write", "linger": "write", "rdwr": "write", "truncate": "write", "rdtrunc": "write", "rdcreate": "write", "ftruncate": "write", "chtimes": "utimes"}
					did, _, _ := strings.Cut(what, " ")
					if v := verb[did]; v != "" {
						did = v
					}
					if did == "remove" {
						did = ""
					}
					wantFault(t, err, wasm.FaultViolation, "tried to "+did, "probe.site", "only read while a plan is made")
				} else if err != nil {
					t.Errorf("the plan fails: %v", err)
				}
				if strings.Contains(b.log(), "TOPSECRET") || strings.Contains(b.log(), "root:") || strings.Contains(b.log(), "read: page") {
					t.Errorf("it read what it must not: %s", b.log())
				}
				if after := b.tree(); after != before {
					t.Fatal("the world was changed")
				}
			})
		}
	}
}

func TestEscapesWhileApplying(t *testing.T) {
	for _, e := range escapes {
		t.Run(e.name, func(t *testing.T) {
			b := newBench(t, benchOptions{})
			b.prepareEscapes(t)
			r := b.resource(act("apply", strings.ReplaceAll(e.what, "{abs}", b.dir)))
			_, _, p, err := plan(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := b.tree()
			results, err := r.ApplyPlan(t.Context(), p)
			if e.violates {
				wantFault(t, err, wasm.FaultViolation, "only do what the reviewed action says")
				if len(results) != 1 || results[0].Status != reconcile.ApplyFailed {
					t.Errorf("results %+v", results)
				}
				_ = os.Remove(filepath.Join(b.dir, "out/a"))
				if b.tree() != before {
					t.Error("the world was changed")
				}
			} else if err != nil {
				t.Errorf("apply fails: %v", err)
			}
			if b.read("secret.txt") != "TOPSECRET" || b.read("out/old") != "old" || strings.Contains(b.log(), "TOPSECRET") {
				t.Error("harm was done")
			}
		})
	}
}

// The guest declares one effect and does another.
func TestDeclaresOneDoesAnother(t *testing.T) {
	b := newBench(t, benchOptions{})
	body := act("declare", "out/declared")
	r := b.resource(body)
	_, _, p, err := plan(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ApplyPlan(t.Context(), p)
	wantFault(t, err, wasm.FaultViolation, "write out/a", "did not declare this effect")
	if _, err := os.Stat(filepath.Join(b.dir, "out/a")); err == nil {
		t.Fatal("it was written")
	}
}

func TestDeclaresOutsideItsGrant(t *testing.T) {
	b := newBench(t, benchOptions{})
	for _, target := range []string{"/etc/passwd", "site/page", "../x", "elsewhere"} {
		_, _, _, err := plan(t.Context(), b.resource(act("declare", target)), nil)
		wantFault(t, err, wasm.FaultProtocol, "no grant lets it write there")
	}
}

// What an action wrote and did not close is not there afterwards, and neither
// is the temporary.
func TestUnclosedFile(t *testing.T) {
	b := newBench(t, benchOptions{})
	b.write("out/a", "before")
	r := b.resource(act("apply", "leave out/a"))
	_, _, p, err := plan(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, err := r.ApplyPlan(t.Context(), p)
	if err != nil || len(results) != 1 || results[0].Status != reconcile.ApplyFailed || !strings.Contains(results[0].Error, "still open") {
		t.Fatalf("%+v %v", results, err)
	}
	b.noTemps(t)
}

func (b *bench) noTemps(t *testing.T) {
	t.Helper()
	_ = filepath.WalkDir(b.dir, func(path string, _ os.DirEntry, _ error) error {
		if strings.HasPrefix(filepath.Base(path), ".cogplan-") {
			t.Errorf("a temporary file was left: %s", path)
		}
		return nil
	})
}

// A worker that is killed in the middle of a write leaves the old file and no
// temporary.
func TestKilledWhileWriting(t *testing.T) {
	b := newBench(t, benchOptions{limits: reconcile.Limits{Timeout: 500 * time.Millisecond}})
	b.write("out/a", "before")
	b.write("out/b", "before")
	r := b.resource(map[string]any{"files": map[string]any{"a": "1", "b": "2"}, "act": map[string]any{"only": "b", "apply": "loop"}})
	_, _, p, err := plan(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, err := r.ApplyPlan(t.Context(), p)
	wantFault(t, err, wasm.FaultLimit, "did not answer within 500ms")
	if n := len(results); n == 0 || results[n-1].Status != reconcile.ApplyFailed || !strings.Contains(results[n-1].Error, "interrupted") {
		t.Fatalf("%+v", results)
	}
	if got := b.read("out/b"); got != "before" {
		t.Errorf("out/b holds %q", got)
	}
	b.noTemps(t)
	b.stillWorks(t)
}

// After an action that fails or crashes the others go on.
func TestGoesOnAfterFailure(t *testing.T) {
	for _, what := range []string{"fail no", "panic no", "crash no", "exit"} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, benchOptions{})
			r := b.resource(map[string]any{
				"files": map[string]any{"a": "1", "b": "2", "c": "3"},
				"act":   map[string]any{"only": "b", "apply": what},
			})
			_, _, p, err := plan(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			results, err := r.ApplyPlan(t.Context(), p)
			if err != nil || len(results) != 3 {
				t.Fatalf("%+v %v", results, err)
			}
			for _, res := range results {
				want := reconcile.ApplySucceeded
				if res.Name == "b" {
					want = reconcile.ApplyFailed
				}
				// The sdk answers nothing more after a panic that it caught.
				if what == "panic no" && res.Name == "c" {
					want = reconcile.ApplyFailed
				}
				if res.Status != want {
					t.Errorf("%+v", res)
				}
			}
		})
	}
}

func TestTexts(t *testing.T) {
	secret := "s3cr3t-t0ken"
	b := newBench(t, benchOptions{secrets: []string{secret}})
	_, _, _, err := plan(t.Context(), b.resource(act("live", "fail ESC[31mred ESC]0;titleESC\\ "+secret+" "+strings.Repeat("long", 5000))), nil)
	wantFault(t, err, wasm.FaultGuest, "red", "(sensitive)", "(cut)")
	if text := err.Error(); strings.ContainsAny(text, "\x1b\x07") || strings.Contains(text, secret) || len(text) > 6000 || strings.Contains(text, "[31m") {
		t.Errorf("the text is not safe: %q", text[:200])
	}
	if _, _, _, err = plan(t.Context(), b.resource(act("live", "log "+secret+"\x1b[2J")), nil); err != nil {
		t.Fatal(err)
	}
	if log := b.log(); strings.Contains(log, secret) || strings.Contains(log, "\x1b") || !strings.Contains(log, "(sensitive)") {
		t.Errorf("the log is not safe: %q", log)
	}
	var failed *wasm.ProviderError
	_, _, _, err = plan(t.Context(), b.resource(act("live", "later busy")), nil)
	if !errors.As(err, &failed) || failed.Fault != wasm.FaultTemporary || failed.RetryAfter != time.Hour || !strings.Contains(failed.Message, "longer than cogplan waits") {
		t.Errorf("%+v", failed)
	}
}

func TestNothingLeaksIn(t *testing.T) {
	t.Setenv("COGPLAN_TEST_SECRET", "x")
	seed := wasm.Options{Seed: [32]byte{1}, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
	var first string
	for range 2 {
		b := newBench(t, benchOptions{options: seed})
		if _, _, _, err := plan(t.Context(), b.resource(act("live", "environ")), nil); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.log(), "env=0 args=0") && !strings.Contains(b.log(), "env=0 args=1") {
			t.Errorf("the guest sees: %s", b.log())
		}
		b.logs = nil
		if _, _, _, err := plan(t.Context(), b.named("probe.r", act("live", "random")), nil); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.log(), "at 2026-01-02T03:04:05Z") {
			t.Errorf("the clock: %s", b.log())
		}
		if first == "" {
			first = b.log()
		} else if first != b.log() {
			t.Errorf("the same seed gives %s and %s", first, b.log())
		}
	}
}

// A directory or file that was opened in one call is closed before the next.
func TestHandlesDoNotOutliveTheCall(t *testing.T) {
	b := newBench(t, benchOptions{})
	b.write("site/page", "page")
	body := act("desired", "open site/page")
	body["act"].(map[string]any)["live"] = "usekept"
	if _, _, _, err := plan(t.Context(), b.resource(body), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.log(), "kept read 0") || strings.Contains(b.log(), "<nil>") {
		t.Error(b.log())
	}
}

func TestFileSizeLimit(t *testing.T) {
	b := newBench(t, benchOptions{})
	b.write("out/keep", "")
	r := b.resource(act("apply", "big out/a"))
	_, _, p, err := plan(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, _ := r.ApplyPlan(t.Context(), p)
	if len(results) != 1 || results[0].Status != reconcile.ApplyFailed || !strings.Contains(results[0].Error, "larger than") {
		t.Fatalf("%+v", results)
	}
	b.noTemps(t)
}

func TestGrants(t *testing.T) {
	b := newBench(t, benchOptions{})
	module := loadProbe(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(b.dir, "leaves")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(filepath.Join(b.dir, "nowhere"), filepath.Join(b.dir, "dangling")); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ grant, want string }{
		{"../x", "leaves the module's directory"},
		{"a/../../x", "leaves the module's directory"},
		{"", "empty path"},
		{"~/x", "~ is not expanded"},
		{"leaves", "symbolic link"},
		{"leaves/x", "symbolic link"},
		{"dangling", "does not exist"},
		{"/", "whole file system"},
		{"/proc/self", "never granted"},
		{"/dev", "never granted"},
		{"bad\x1b[31m", "invisible"},
	} {
		_, err := b.host.Provider(t.Context(), wasm.ProviderSpec{
			Info:   reconcile.ProviderInfo{Name: "p", Grants: reconcile.Grants{Write: []string{tt.grant}}},
			Module: module, ModuleDir: b.dir,
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("grant %q: %v", tt.grant, err)
		}
	}
	for _, g := range []reconcile.Grants{
		{Write: []string{"etc/x", "/etc/x"}},
		{Read: []string{"."}, Write: []string{"/srv/x"}},
	} {
		_, err := b.host.Provider(t.Context(), wasm.ProviderSpec{
			Info: reconcile.ProviderInfo{Name: "p", Grants: g}, Module: module, ModuleDir: b.dir,
		})
		if err == nil || !strings.Contains(err.Error(), "would find both") {
			t.Errorf("%v: %v", g, err)
		}
	}
	_, err := b.host.Provider(t.Context(), wasm.ProviderSpec{
		Info: reconcile.ProviderInfo{Name: "p", Grants: reconcile.Grants{Read: []string{"x"}}}, Module: module, ModuleDir: b.dir,
	})
	if err == nil || !strings.Contains(err.Error(), `needs the capability "write"`) || !strings.Contains(err.Error(), "it writes files") {
		t.Errorf("without its capability: %v", err)
	}
}

func TestAbsoluteGrant(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, benchOptions{grants: reconcile.Grants{Write: []string{dir + "/made/here"}}})
	r := b.resource(map[string]any{"root": dir + "/made/here", "files": map[string]any{"a": "1"}, "act": map[string]any{"top": dir + "/made/here"}})
	_, _, p, err := plan(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Actions[0].Details[reconcile.DetailEffects]); !strings.Contains(got, "target:"+dir+"/made/here/a") {
		t.Errorf("effects %s", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Error("planning made a directory")
	}
	if results, err := r.ApplyPlan(t.Context(), p); err != nil || results[0].Status != reconcile.ApplySucceeded {
		t.Fatal(results, err)
	}
}

func TestPlanIsNotTheOneThatWasMade(t *testing.T) {
	b := newBench(t, benchOptions{})
	r := b.resource(act("nothing", ""))
	_, _, p, err := plan(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := *p
	other.Actions = append([]reconcile.Action(nil), p.Actions...)
	other.Actions[0].Name = "b"
	if _, err := r.ApplyPlan(t.Context(), &other); err == nil {
		t.Error("another name is applied")
	}
	other.Actions[0].Name = "a"
	other.Actions[0].Details = map[string]any{reconcile.DetailEffects: []any{}}
	if _, err := r.ApplyPlan(t.Context(), &other); err == nil {
		t.Error("other effects are applied")
	}
	if _, err := os.Stat(filepath.Join(b.dir, "out")); err == nil {
		t.Error("something was written")
	}
}
