package wasm_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// keeper is a server of lines that keeps things, and remembers all that was
// said to it.
type keeper struct {
	net.Listener
	address string
	// delay is how long it thinks about each line.
	delay time.Duration

	mu        sync.Mutex
	things    map[string]string
	lines     []string
	conns     int
	now, most int
}

func newKeeper(t testing.TB) *keeper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{Listener: l, address: l.Addr().String(), things: map[string]string{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go k.serve(conn)
		}
	}()
	return k
}

func (k *keeper) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test
	k.count(1)
	defer k.count(-1)
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line == "echo\n" {
			_, _ = io.Copy(conn, in)
			return
		}
		time.Sleep(k.delay)
		_, _ = io.WriteString(conn, k.answer(strings.TrimSuffix(line, "\n"))+"\n")
	}
}

func (k *keeper) count(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now += n
	k.most = max(k.most, k.now)
	if n > 0 {
		k.conns++
	}
}

func (k *keeper) answer(line string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, line[:min(len(line), 40)])
	verb, rest, _ := strings.Cut(line, " ")
	name, value, _ := strings.Cut(rest, " ")
	switch verb {
	case "get":
		if value, ok := k.things[name]; ok {
			return value
		}
		return "-"
	case "set":
		k.things[name] = value
	case "del":
		delete(k.things, name)
	}
	return "ok"
}

// met are how many connections there were, and how many at a time.
func (k *keeper) met() (all, most int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.conns, k.most
}

func (k *keeper) thing(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.things[name]
}

func (k *keeper) said() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.lines)
}

// changes are the lines that changed something.
func (k *keeper) changes() []string {
	return slices.DeleteFunc(k.said(), func(line string) bool { return strings.HasPrefix(line, "get ") })
}

func (k *keeper) grant() reconcile.TCPGrant {
	return reconcile.TCPGrant{Address: k.address, Private: true, Read: true}
}

// tcpBench is a host and the provider tcpprobe with grants for TCP.
func tcpBench(t testing.TB, limits reconcile.Limits, grants ...reconcile.TCPGrant) *bench {
	t.Helper()
	module, err := wasm.Load(buildGuest(t, "./testdata/tcpprobe"))
	if err != nil {
		t.Fatal(err)
	}
	var b *bench
	b = newBench(t, benchOptions{
		module: module, limits: limits, grants: reconcile.Grants{Write: []string{"./out"}, TCP: grants},
		options: wasm.Options{Audit: func(u wasm.Use) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.logs = append(b.logs, fmt.Sprintf("audit: %s %t writing=%t %q", u.Effect, u.Allowed, u.Writing, u.Action))
		}},
	})
	return b
}

func (b *bench) kept(k *keeper, act map[string]any, things ...string) *wasm.Resource {
	body := map[string]any{"address": k.address, "things": map[string]any{}}
	for _, name := range things {
		body["things"].(map[string]any)[name] = "value of " + name
	}
	if act != nil {
		body["act"] = act
	}
	return b.named("lines.things", body)
}

func TestTCPHonest(t *testing.T) {
	k := newKeeper(t)
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	ctx := t.Context()
	r := b.kept(k, nil, "a", "b", "c")
	_, _, p, err := plan(ctx, r, nil)
	if err != nil {
		t.Fatal(err, b.log())
	}
	if n := k.changes(); len(n) != 0 {
		t.Fatalf("planning changed the world: %v", n)
	}
	want := []any{map[string]any{"capability": "tcp", "operation": "connect", "target": k.address}}
	if effects := p.Actions[0].Details[reconcile.DetailEffects]; fmt.Sprint(effects) != fmt.Sprint(want) {
		t.Errorf("effects %v, want %v", effects, want)
	}
	results, state, err := apply(ctx, r, nil)
	if err != nil || len(results) != 3 || k.thing("b") != "value of b" {
		t.Fatalf("results %+v, said %v: %v", results, k.said(), err)
	}
	if _, _, p, err = plan(ctx, r, state); err != nil || p.Summary.HasChanges() {
		t.Fatalf("second plan: %+v, %v", p, err)
	}
	for _, line := range []string{
		"audit: tcp connect " + k.address + ` true writing=false ""`,
		"audit: tcp connect " + k.address + ` true writing=true "create thing \"b\""`,
	} {
		if !strings.Contains(b.log(), line) {
			t.Errorf("the audit lacks %q:\n%s", line, b.log())
		}
	}
}

// Goroutines of a guest have their connections at the same time.
func TestTCPOverlaps(t *testing.T) {
	const things, delay = 16, 200 * time.Millisecond
	k := newKeeper(t)
	k.delay = delay
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	names := make([]string, things)
	for i := range names {
		names[i] = fmt.Sprintf("t%02d", i)
	}
	r := b.kept(k, nil, names...)
	config, err := r.LoadConfigContext(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := r.FetchLiveKnown(t.Context(), config, nil); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	_, most := k.met()
	t.Logf("%d questions of %s took %s, %d at a time", things, delay, took, most)
	if most < 8 || took > things*delay/2 {
		t.Errorf("connections do not overlap: %d at a time, %s", most, took)
	}
}

// What a library expects of a connection: bytes both ways at once, the end of
// one direction, deadlines, timers, and that what was written arrives.
func TestTCPConn(t *testing.T) {
	tests := []struct{ name, act, want string }{
		{"half close", "echo", "echo: 3145728 bytes of 3145728 <nil>"},
		{"deadline", "wait", "wait: timeout=true"},
		{"after a deadline", "wait", "wait: afterwards <nil>"},
		{"context", "timer", "timer: context deadline exceeded and "},
		{"hang up", "leave", `leave: "" <nil>`},
		{"close while reading", "closing", "closing: true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			b := tcpBench(t, reconcile.Limits{}, k.grant())
			if _, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"live": tt.act + " " + k.address}, "a"), nil); err != nil {
				t.Fatal(err, b.log())
			}
			if !strings.Contains(b.log(), tt.want) {
				t.Errorf("the log lacks %q:\n%s", tt.want, b.log())
			}
			// The guest has gone by now, and the server reads on in its own time.
			for wait := 0; tt.act == "leave" && len(k.thing("left")) != 100<<10 && wait < 1000; wait++ {
				time.Sleep(10 * time.Millisecond)
			}
			if left := len(k.thing("left")); tt.act == "leave" && left != 100<<10 {
				t.Errorf("of what was written %d bytes arrived", left)
			}
		})
	}
}

// A provider that wants harm, in each phase: nothing of it reaches a server, and
// the message names provider, resource, phase and what was tried, though the
// provider swallowed the error.
func TestTCPHostile(t *testing.T) {
	evil, k := newKeeper(t), newKeeper(t)
	quiet := k.grant()
	quiet.Read = false
	deaf := reconcile.TCPGrant{Address: evil.address, Private: true}
	tests := []struct {
		name, when, act string
		grant           reconcile.TCPGrant
		applying        bool
		parts           []string
	}{
		{"connect while reading", "live", "set " + k.address, quiet, false, []string{`provider "probe" (lines.things), while reading the world`, "connect to " + k.address + " over tcp", "nothing may change while a plan is made", "`read = true`"}},
		{"connect while opening", "open", "set " + k.address, quiet, false, []string{"connect to " + k.address, "nothing may change"}},
		{"connect while declaring effects", "effects", "set " + k.address, quiet, false, []string{"connect to " + k.address, "nothing may change"}},
		{"another address", "live", "set " + evil.address, k.grant(), false, []string{"connect to " + evil.address + " over tcp", "no tcp grant names this address"}},
		{"another port", "live", "set 127.0.0.1:1", k.grant(), false, []string{"no tcp grant names this address"}},
		{"the same host by another name", "live", "set localhost:" + k.address[strings.LastIndex(k.address, ":")+1:], k.grant(), false, []string{"no tcp grant names this address"}},
		{"metadata service", "live", "set 169.254.169.254:80", k.grant(), false, []string{"connect to 169.254.169.254:80"}},
		{"a socket of the system", "live", "set /var/run/docker.sock", k.grant(), false, []string{"an address is host:port"}},
		{"undeclared connection in apply", "apply", "set " + evil.address, k.grant(), true, []string{`provider "probe" (lines.things), while applying`, "connect to " + evil.address, "the plan that was reviewed does not say"}},
		{"ungranted connection in apply", "apply", "set 127.0.0.1:1", k.grant(), true, []string{"no tcp grant names this address"}},
		{"goroutine that stays", "live", "linger " + evil.address + "\nset " + evil.address, k.grant(), false, []string{"connect to " + evil.address}},
		{"violation and then a crash", "live", "set " + evil.address + "\ncrash", k.grant(), false, []string{"connect to " + evil.address}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, said := len(evil.said()), len(k.changes())
			grants := []reconcile.TCPGrant{tt.grant}
			if tt.name == "undeclared connection in apply" {
				grants = append(grants, deaf)
			}
			b := tcpBench(t, reconcile.Limits{}, grants...)
			r := b.kept(k, map[string]any{tt.when: tt.act}, "a")
			var err error
			if tt.applying {
				_, _, err = apply(t.Context(), r, nil)
			} else {
				_, _, _, err = plan(t.Context(), r, nil)
			}
			wantFault(t, err, wasm.FaultViolation, tt.parts...)
			if all, _ := evil.met(); all != 0 || len(evil.said()) != before {
				t.Errorf("the harm was done: %d connections, %v", all, evil.said())
			}
			if got := k.changes(); len(got) != said {
				t.Errorf("the harm was done: %v", got)
			}
			if !strings.Contains(b.log(), " false writing=") {
				t.Errorf("the audit does not say that it was refused:\n%s", b.log())
			}
		})
	}
}

// A connection is of one call: what is kept for the next one is gone.
func TestTCPEndsWithTheCall(t *testing.T) {
	k := newKeeper(t)
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	act := map[string]any{"live": "keep " + k.address, "effects": "use"}
	if _, _, _, err := plan(t.Context(), b.kept(k, act, "a"), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.log(), "malformed host call") {
		t.Errorf("log: %s", b.log())
	}
	if got := k.changes(); len(got) != 0 {
		t.Errorf("it was used: %v", got)
	}
}

// A private address needs a grant that says so, whatever the name that leads
// there.
func TestTCPPrivateAddress(t *testing.T) {
	k := newKeeper(t)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		grant := k.grant()
		grant.Private = false
		grant.Address = strings.Replace(k.address, "127.0.0.1", host, 1)
		b := tcpBench(t, reconcile.Limits{}, grant)
		_, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"live": "set " + grant.Address}, "a"), nil)
		wantFault(t, err, wasm.FaultViolation, "connect to "+host+" at ", "private = true")
	}
	if all, _ := k.met(); all != 0 {
		t.Error("it was reached")
	}
}

// A goroutine that waits for an answer over HTTP does not hold up one that uses
// a connection.
func TestTCPBesideHTTP(t *testing.T) {
	k := newKeeper(t)
	k.delay = 10 * time.Millisecond
	s := newSite(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	info := b.provider.Info()
	info.Grants.HTTP = []reconcile.HTTPGrant{{Origin: s.URL, Private: true}}
	module, err := wasm.Load(buildGuest(t, "./testdata/tcpprobe"))
	if err != nil {
		t.Fatal(err)
	}
	if b.provider, err = b.host.Provider(t.Context(), wasm.ProviderSpec{Info: info, Module: module, ModuleDir: b.dir}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"live": "both " + s.URL + "/slow"}, "a"), nil); err != nil {
		t.Fatal(err)
	}
	if want := "both: several words meanwhile true, <nil>"; !strings.Contains(b.log(), want) {
		t.Errorf("the log lacks %q:\n%s", want, b.log())
	}
}

// Many goroutines of a guest make connections, use them and drop them in all
// ways at once.
func TestTCPHammer(t *testing.T) {
	k := newKeeper(t)
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	if _, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"live": "hammer " + k.address}, "a"), nil); err != nil {
		t.Fatal(err)
	}
	if want := "hammer: 0 of 300 failed: <nil>"; !strings.Contains(b.log(), want) {
		t.Errorf("the log lacks %q:\n%s", want, b.log())
	}
}

// One word over a connection and its answer, through guest, worker, host and
// server.
func BenchmarkTCPRoundTrip(bm *testing.B) {
	k := newKeeper(bm)
	b := tcpBench(bm, reconcile.Limits{}, k.grant())
	words := 0
	for bm.Loop() {
		if _, _, _, err := plan(bm.Context(), b.kept(k, map[string]any{"live": "ping " + k.address}), nil); err != nil {
			bm.Fatal(err)
		}
		words += 2000
	}
	bm.ReportMetric(float64(bm.Elapsed().Microseconds())/float64(words), "µs/word")
}

func TestTCPLimits(t *testing.T) {
	k := newKeeper(t)
	t.Run("connections", func(t *testing.T) {
		b := tcpBench(t, reconcile.Limits{Connections: 20}, k.grant())
		_, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"live": "many " + k.address}, "a"), nil)
		wantFault(t, err, wasm.FaultLimit, "more than 20 connections", "limits { connections }")
	})
	t.Run("at a time", func(t *testing.T) {
		b := tcpBench(t, reconcile.Limits{}, k.grant())
		_, _, _, _ = plan(t.Context(), b.kept(k, map[string]any{"live": "flood " + k.address}, "a"), nil)
		for _, want := range []string{"flood: 16 connections at a time", "limit=true", "more than 16 connections at a time"} {
			if !strings.Contains(b.log(), want) {
				t.Errorf("the log lacks %q:\n%s", want, b.log())
			}
		}
	})
	t.Run("traffic", func(t *testing.T) {
		b := tcpBench(t, reconcile.Limits{Traffic: 1 << 20}, k.grant())
		_, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"live": "pour " + k.address}, "a"), nil)
		wantFault(t, err, wasm.FaultLimit, "more than 1048576 bytes over tcp", "limits { traffic }")
	})
}

func TestTCPDeclaresWhatIsNotGranted(t *testing.T) {
	k := newKeeper(t)
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	_, _, _, err := plan(t.Context(), b.kept(k, map[string]any{"declare": "elsewhere.example:5432"}, "a"), nil)
	if err == nil || !strings.Contains(err.Error(), "no tcp grant names this address") {
		t.Errorf("got %v", err)
	}
}

// A server that is not there, and one that hangs up, are errors of their own
// resource, in words.
func TestTCPNobodyThere(t *testing.T) {
	k := newKeeper(t)
	_ = k.Close()
	b := tcpBench(t, reconcile.Limits{}, k.grant())
	_, _, _, err := plan(t.Context(), b.kept(k, nil, "a"), nil)
	wantFault(t, err, wasm.FaultGuest, "connection refused")
}

// A server that never answers costs its own call, and the guest is told.
func TestTCPSilentServer(t *testing.T) {
	k := newKeeper(t)
	k.delay = time.Hour
	b := tcpBench(t, reconcile.Limits{Timeout: 2 * time.Second}, k.grant())
	began := time.Now()
	_, _, _, err := plan(t.Context(), b.kept(k, nil, "a"), nil)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	wantFault(t, err, wasm.FaultGuest, "context deadline exceeded")
}
