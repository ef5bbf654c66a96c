package broker

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// world is a server that remembers what reached it.
type world struct {
	*httptest.Server
	changed atomic.Int64
	seen    chan *http.Request
}

func newWorld(t *testing.T, handler http.HandlerFunc) *world {
	t.Helper()
	w := &world{seen: make(chan *http.Request, 100)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.changed.Add(1)
		}
		w.seen <- r.Clone(r.Context())
		if handler != nil {
			handler(rw, r)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *world) grant(methods ...string) reconcile.HTTPGrant {
	return reconcile.HTTPGrant{Origin: w.URL, Methods: methods, Private: true}
}

func open(t *testing.T, opts Options) *Broker {
	t.Helper()
	b, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func wantViolation(t *testing.T, err error, part string) {
	t.Helper()
	if _, ok := errors.AsType[*ViolationError](err); !ok {
		t.Fatalf("error is %v, want a violation", err)
	}
	if !strings.Contains(err.Error(), part) {
		t.Errorf("violation is %q, want it to mention %q", err, part)
	}
}

func TestPlanningChangesNothing(t *testing.T) {
	w := newWorld(t, nil)
	grant := w.grant("GET", "POST", "PUT", "PATCH", "DELETE")
	grant.ReadRoutes = []string{"POST /search"}
	s := open(t, Options{Grants: []reconcile.HTTPGrant{grant}}).Read()
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		_, err := s.Do(t.Context(), Request{Method: method, URL: w.URL + "/x"})
		wantViolation(t, err, "nothing may change while a plan is made")
	}
	_, err := s.Do(t.Context(), Request{Method: "POST", URL: w.URL + "/search/../x"})
	wantViolation(t, err, "dot segment")
	if n := w.changed.Load(); n != 0 {
		t.Fatalf("%d requests that change something reached the server", n)
	}
	// The honest twin: reads, and the route that is granted as one.
	for _, req := range []Request{{Method: "GET", URL: w.URL + "/x"}, {Method: "POST", URL: w.URL + "/search", Body: []byte("q")}} {
		if _, err := s.Do(t.Context(), req); err != nil {
			t.Errorf("%s %s: %v", req.Method, req.URL, err)
		}
	}
}

func TestApplyDoesWhatThePlanSays(t *testing.T) {
	w := newWorld(t, nil)
	b := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET", "POST", "PUT", "DELETE")}})
	effects := []reconcile.Effect{
		{Capability: "http", Operation: "POST", Target: w.URL + "/records"},
		{Capability: "http", Operation: "PUT", Target: w.URL + "/records/{id}"},
		{Capability: "http", Operation: "PUT", Target: w.URL + "/records/{id}/tags?all=1"},
	}
	s, err := b.Apply(effects)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		method, path string
		refused      bool
	}{
		{"PUT", "/records/7/tags?all=1", false}, // binds {id} to 7
		{"POST", "/records", false},
		{"POST", "/records", true}, // declared once
		{"PUT", "/records/7", false},
		{"PUT", "/records/7", false}, // idempotent: may be repeated
		{"PUT", "/records/8", true},  // another id
		{"PUT", "/records/7/tags", true},
		{"PUT", "/records/7/tags?all=1&more=1", true},
		{"DELETE", "/records/7", true},
		{"PUT", "/records/", true},
		{"PUT", "/records/7/8", true},
		{"GET", "/anything", false},
	}
	for _, step := range steps {
		_, err := s.Do(t.Context(), Request{Method: step.method, URL: w.URL + step.path})
		if step.refused {
			wantViolation(t, err, "the plan that was reviewed does not say")
		} else if err != nil {
			t.Errorf("%s %s: %v", step.method, step.path, err)
		}
	}
	if n := w.changed.Load(); n != 4 {
		t.Errorf("%d changes reached the server, want 4", n)
	}
}

func TestNoEffectsNoChange(t *testing.T) {
	w := newWorld(t, nil)
	b := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET", "POST")}})
	none, err := b.Apply(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = none.Do(t.Context(), Request{Method: "POST", URL: w.URL + "/x"})
	wantViolation(t, err, "nothing over HTTP")
	unbounded, err := b.Apply([]reconcile.Effect{{Capability: reconcile.CapabilityUnbounded}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unbounded.Do(t.Context(), Request{Method: "POST", URL: w.URL + "/x"}); err != nil {
		t.Error(err)
	}
	_, err = unbounded.Do(t.Context(), Request{Method: "DELETE", URL: w.URL + "/x"})
	wantViolation(t, err, "the grant allows GET, POST only")
}

func TestGrantBoundsOriginAndPath(t *testing.T) {
	w := newWorld(t, nil)
	grant := w.grant("GET")
	grant.Paths = []string{"/api/v1"}
	s := open(t, Options{Grants: []reconcile.HTTPGrant{grant}}).Read()
	host := strings.TrimPrefix(w.URL, "http://")
	refused := []string{
		w.URL + "/", w.URL + "/api/v10", w.URL + "/api/v1/../v2", w.URL + "/api/v1/%2e%2e/v2", w.URL + "/api/v1/%252e%252e/v2",
		w.URL + "/api/v1/..%2fv2", w.URL + "/api/v1/..%5cv2", w.URL + "//api/v1", w.URL + "/api/v1/%00", w.URL + "/api/v1#x",
		w.URL + "/api/v1/\\..\\v2", w.URL + "/api/v1 x", "http://user:pw@" + host + "/api/v1", "https://" + host + "/api/v1",
		"http://localhost:" + strings.Split(host, ":")[1] + "/api/v1", "http://127.1:" + strings.Split(host, ":")[1] + "/api/v1",
		"http://127.0.0.1/api/v1", "ftp://" + host + "/api/v1", "file:///etc/passwd", "//" + host + "/api/v1", "/api/v1", "",
		"http:/" + host, "http://" + host + "\r\nHost: evil/api/v1", "http://éxample.org/", w.URL + "/api/v1/%zz",
	}
	for _, u := range refused {
		_, err := s.Do(t.Context(), Request{Method: "GET", URL: u})
		wantViolation(t, err, "while in phase plan")
	}
	if len(w.seen) != 0 {
		t.Errorf("%d requests reached the server", len(w.seen))
	}
	for _, u := range []string{w.URL + "/api/v1", w.URL + "/api/v1/x?y=../..", w.URL + "/api/v1/group%2Fproject"} {
		if _, err := s.Do(t.Context(), Request{Method: "GET", URL: u}); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestHeadersThatChangeTheRequest(t *testing.T) {
	w := newWorld(t, nil)
	s := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET")}}).Read()
	for _, header := range []map[string][]string{
		{"Host": {"evil"}},
		{"host": {"evil"}},
		{"X-HTTP-Method-Override": {"DELETE"}},
		{"x-method-override": {"DELETE"}},
		{"X-Original-URL": {"/admin"}},
		{"Transfer-Encoding": {"chunked"}},
		{"Content-Length": {"5"}},
		{"X-Forwarded-Host": {"evil"}},
		{"Accept-Encoding": {"gzip"}},
		{"A": {"b\r\nHost: evil"}},
		{"A b": {"c"}},
		{"": {"c"}},
		{"X": {strings.Repeat("x", maxHeaderBytes)}},
	} {
		_, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL, Header: header})
		wantViolation(t, err, "header")
	}
	_, err := s.Do(t.Context(), Request{Method: "get", URL: w.URL})
	wantViolation(t, err, "method")
	_, err = s.Do(t.Context(), Request{Method: "GET", URL: w.URL, Body: []byte("x")})
	wantViolation(t, err, "carries no body")
	if len(w.seen) != 0 {
		t.Errorf("%d requests reached the server", len(w.seen))
	}
	if _, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL, Header: map[string][]string{"Accept": {"text/plain"}}}); err != nil {
		t.Error(err)
	}
}

func TestCredentialStaysOnTheHost(t *testing.T) {
	const secret = "s3cr3t/+&\"value"
	kinds := map[string]Credential{
		"bearer": {Kind: CredentialBearer, Secret: secret},
		"basic":  {Kind: CredentialBasic, Username: "me", Secret: secret},
		"header": {Kind: CredentialHeader, Name: "X-Api-Key", Secret: secret},
		"query":  {Kind: CredentialQuery, Name: "key", Secret: secret},
	}
	for kind, credential := range kinds {
		t.Run(kind, func(t *testing.T) {
			arrived := false
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				arrived = r.Header.Get("X-Api-Key") == secret || r.URL.Query().Get("key") == secret ||
					r.Header.Get("Authorization") == "Bearer "+secret
				if _, password, ok := r.BasicAuth(); ok && password == secret {
					arrived = true
				}
				echo(rw, r)
			})
			grant := w.grant("GET")
			grant.Credential = "it"
			s := open(t, Options{Grants: []reconcile.HTTPGrant{grant}, Credentials: map[string]Credential{"it": credential}}).Read()
			resp, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL + "/echo", Header: map[string][]string{"Authorization": {"Bearer mine"}, "X-Api-Key": {"mine"}}})
			if err != nil {
				t.Fatal(err)
			}
			if !arrived {
				t.Error("the secret did not reach the server")
			}
			all := fmt.Sprint(resp.Header, read(t, resp), credential, fmt.Sprintf("%#v %+v", credential, credential))
			for _, form := range credential.forms() {
				if strings.Contains(all, form) {
					t.Errorf("the guest sees %q in %s", form, all)
				}
			}
		})
	}
}

// echo sends everything back, in the forms that servers use.
func echo(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("X-Echo", r.Header.Get("Authorization")+r.Header.Get("X-Api-Key")+r.URL.RawQuery)
	out := io.Writer(rw)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		rw.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(rw)
		defer z.Close() //nolint:errcheck // a test server
		out = z
	}
	key := r.URL.Query().Get("key")
	_, password, _ := r.BasicAuth()
	_, _ = fmt.Fprintln(out, r.Header, r.URL, key, url.QueryEscape(key), password)
}

func TestSecretIsNotInErrors(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	grant := w.grant("GET")
	grant.Credential = "it"
	s := open(t, Options{Grants: []reconcile.HTTPGrant{grant}, Credentials: map[string]Credential{"it": {Kind: CredentialQuery, Name: "key", Secret: "hunter2hunter2"}}}).Read()
	_, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL + "/x"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error is %v", err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	other := newWorld(t, nil)
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, other.URL+"/steal", http.StatusTemporaryRedirect)
	})
	grant := w.grant("GET")
	grant.Credential = "it"
	s := open(t, Options{Grants: []reconcile.HTTPGrant{grant}, Credentials: map[string]Credential{"it": {Kind: CredentialBearer, Secret: "x"}}}).Read()
	resp, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL + "/x"})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Status != http.StatusTemporaryRedirect || len(other.seen) != 0 {
		t.Errorf("status %d, %d requests at the other origin", resp.Status, len(other.seen))
	}
	_, err = s.Do(t.Context(), Request{Method: "GET", URL: resp.Header.Get("Location")})
	wantViolation(t, err, "no grant names the origin")
}

func TestAddressesNeedAGrant(t *testing.T) {
	w := newWorld(t, nil)
	port := strings.Split(strings.TrimPrefix(w.URL, "http://"), ":")[1]
	answers := []netip.Addr{netip.MustParseAddr("93.184.216.34")}
	calls := 0
	resolve := func(context.Context, string, string) ([]netip.Addr, error) {
		calls++
		return answers, nil
	}
	for _, addr := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
		"fe80::1", "fc00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::",
	} {
		answers = []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr(addr)}
		b := open(t, Options{Grants: []reconcile.HTTPGrant{{Origin: "http://name.test:" + port}}, Resolve: resolve})
		_, err := b.Read().Do(t.Context(), Request{Method: "GET", URL: "http://name.test:" + port + "/"})
		wantViolation(t, err, "`private = true`")
	}
	// A name that changes its address in the middle of a run keeps the first.
	answers, calls = []netip.Addr{netip.MustParseAddr("127.0.0.1")}, 0
	s := open(t, Options{Grants: []reconcile.HTTPGrant{{Origin: "http://name.test:" + port, Private: true}}, Resolve: resolve}).Read()
	for range 3 {
		if _, err := s.Do(t.Context(), Request{Method: "GET", URL: "http://name.test:" + port + "/"}); err != nil {
			t.Fatal(err)
		}
		s.broker.Close()
		answers = []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	}
	if calls != 1 {
		t.Errorf("the name was resolved %d times in a run, want once", calls)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(rw, strings.Repeat("x", 1000)) })
	s := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET")}, Limits: reconcile.Limits{Requests: 2, Response: 999}}).Read()
	_, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL})
	if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "larger than 999 bytes") {
		t.Errorf("error is %v", err)
	}
	_, _ = s.Do(t.Context(), Request{Method: "GET", URL: w.URL})
	_, err = s.Do(t.Context(), Request{Method: "GET", URL: w.URL})
	if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "more than 2 requests") {
		t.Errorf("error is %v", err)
	}
}

func TestServerAsksForPatience(t *testing.T) {
	left := 2
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		if left > 0 {
			left--
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	})
	s := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET")}}).Read()
	resp, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL})
	if err != nil || resp.Status != http.StatusOK || len(w.seen) != 3 {
		t.Errorf("response %+v, error %v, %d requests", resp, err, len(w.seen))
	}
	_ = read(t, resp)
}

func TestAuditHearsOfEachUse(t *testing.T) {
	w := newWorld(t, nil)
	var uses []Use
	s := open(t, Options{Grants: []reconcile.HTTPGrant{w.grant("GET")}, Audit: func(u Use) { uses = append(uses, u) }}).Read()
	resp, err := s.Do(t.Context(), Request{Method: "GET", URL: w.URL + "/a"})
	if err != nil {
		t.Fatal(err)
	}
	_ = read(t, resp)
	_, _ = s.Do(t.Context(), Request{Method: "PUT", URL: w.URL + "/b"})
	if len(uses) != 2 || !uses[0].Allowed || uses[0].Status != 200 || uses[1].Allowed || uses[1].Reason == "" {
		t.Errorf("audit is %+v", uses)
	}
}

func TestGrantsAreChecked(t *testing.T) {
	for _, grant := range []reconcile.HTTPGrant{
		{Origin: ""},
		{Origin: "example.org"},
		{Origin: "http://example.org/path"},
		{Origin: "ftp://example.org"},
		{Origin: "http://example.org", Methods: []string{"get"}},
		{Origin: "http://example.org", Paths: []string{"x"}},
		{Origin: "http://example.org", Credential: "missing"},
	} {
		if _, err := New(Options{Grants: []reconcile.HTTPGrant{grant}}); err == nil {
			t.Errorf("%+v is accepted", grant)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, seed := range []string{"http://a/b", "https://[::1]:8/%2e", "http://a//b", "HTTP://A:080/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		at, err := parsePlace(raw)
		if err != nil {
			return
		}
		again, err := parsePlace(at.url())
		if err != nil || again != at {
			t.Errorf("%q is %+v, and that is %+v, %v", raw, at, again, err)
		}
	})
}
