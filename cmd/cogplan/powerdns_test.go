package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// apiKey opens PowerDNS. Nobody but cogplan itself may ever hold it.
const apiKey = "k3y-that-no-guest-sees"

// schemaSQL is where Debian puts the tables of the back end.
const schemaSQL = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// powerDNS is a real server, with a proxy in front that sees every request.
type powerDNS struct {
	t      *testing.T
	dir    string
	server *url.URL
	cmd    *exec.Cmd
	proxy  *httptest.Server

	mu sync.Mutex
	// log holds what changed something, keyless what had no key.
	log     []string
	keyless []string
	// hook is called for each request before it is passed on; false drops it.
	hook func(*http.Request) bool
	// away is the status while the server is not there.
	away int
}

// startPowerDNS starts the server on free ports of the loopback interface.
func startPowerDNS(t *testing.T) *powerDNS {
	t.Helper()
	for _, name := range []string{"pdns_server", "sqlite3", schemaSQL} {
		_, err := exec.LookPath(name)
		if strings.HasPrefix(name, "/") {
			_, err = os.Stat(name)
		}
		if err != nil && os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: run scripts/deps.sh", name)
		}
		if err != nil {
			t.Skipf("NOT TESTED against PowerDNS: %s is missing; `make deps` installs it", name)
		}
	}
	p := &powerDNS{t: t, dir: t.TempDir(), away: http.StatusBadGateway}
	sql, err := os.Open(schemaSQL)
	if err != nil {
		t.Fatal(err)
	}
	defer sql.Close() //nolint:errcheck // only read
	db := exec.Command("sqlite3", filepath.Join(p.dir, "pdns.db"))
	db.Stdin = sql
	if out, err := db.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	api, dns := freePort(t), freePort(t)
	config := fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s/pdns.db
api=yes
api-key=%s
webserver=yes
webserver-address=127.0.0.1
webserver-port=%d
webserver-allow-from=127.0.0.1
local-address=127.0.0.1
local-port=%d
socket-dir=%s
daemon=no
guardian=no
security-poll-suffix=
`, p.dir, apiKey, api, dns, p.dir)
	if err := os.WriteFile(filepath.Join(p.dir, "pdns.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p.server = &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", api)}
	p.start()
	t.Cleanup(p.stop)
	forward := httputil.NewSingleHostReverseProxy(p.server)
	forward.ErrorLog = nil
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(p.away) }
	p.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.saw(r) {
			w.WriteHeader(p.away)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.proxy.Close)
	return p
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it only finds a port
	return l.Addr().(*net.TCPAddr).Port
}

func (p *powerDNS) saw(r *http.Request) bool {
	p.mu.Lock()
	hook := p.hook
	line := r.Method + " " + r.URL.String()
	if r.Header.Get("X-API-Key") != apiKey {
		p.keyless = append(p.keyless, line)
	}
	if r.Method != http.MethodGet {
		p.log = append(p.log, line)
	}
	p.mu.Unlock()
	return hook == nil || hook(r)
}

// changes returns what changed something since it was asked last.
func (p *powerDNS) changes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	log := p.log
	p.log = nil
	return log
}

func (p *powerDNS) onRequest(hook func(*http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = hook
}

func (p *powerDNS) start() {
	p.t.Helper()
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the server has its own
	p.cmd = exec.Command("pdns_server", "--config-dir="+p.dir)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for range 200 {
		if resp, err := http.Get(p.server.String()); err == nil {
			_ = resp.Body.Close()
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	p.t.Fatalf("PowerDNS does not answer:\n%s", text)
}

func (p *powerDNS) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// api asks the server itself, beside cogplan.
func (p *powerDNS) api(method, path, body string) string {
	p.t.Helper()
	req, err := http.NewRequest(method, p.server.String()+"/api/v1/servers/localhost"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	data, _ := io.ReadAll(resp.Body)
	return string(data)
}

// module is a directory in which cogplan runs.
type module struct {
	t   *testing.T
	dir string
	env []string
	// program is another cogplan than this test.
	program string
	// said is everything that cogplan ever said.
	said strings.Builder
}

// exampleModule copies examples/rest, with the address of the server.
func exampleModule(t *testing.T, p *powerDNS) *module {
	t.Helper()
	m := &module{t: t, dir: t.TempDir(), env: []string{"PDNS_API_KEY=" + apiKey}}
	source, err := os.ReadFile("../../examples/rest/main.hcl")
	if err != nil {
		t.Fatal(err)
	}
	m.write(strings.ReplaceAll(string(source), "http://127.0.0.1:8081", p.proxy.URL))
	return m
}

func (m *module) write(source string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, "main.hcl"), []byte(source), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *module) source() string {
	m.t.Helper()
	data, err := os.ReadFile(filepath.Join(m.dir, "main.hcl"))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(data)
}

// run runs cogplan and wants an exit code.
func (m *module) run(code int, args ...string) string {
	m.t.Helper()
	cmd := exec.Command(cmp.Or(m.program, "cogplan"), args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), append(m.env, "COGPLAN_ACTOR=tester")...)
	out, err := cmd.CombinedOutput()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		m.t.Fatal(err)
	}
	m.said.Write(out)
	if got != code {
		m.t.Fatalf("cogplan %s ended with %d, want %d:\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

// settled wants that there is nothing to do.
func (m *module) settled() {
	m.t.Helper()
	m.run(0, "plan", "-detailed-exitcode")
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// TestPowerDNS takes examples/rest through its life, against a real server.
func TestPowerDNS(t *testing.T) {
	p := startPowerDNS(t)
	m := exampleModule(t, p)
	var mu sync.Mutex
	var leaks, control []string
	p.onRequest(func(*http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		leaks = append(leaks, workersThatHold(t, apiKey)...)
		// The control: this has to be there while the provider runs.
		control = append(control, workersThatHold(t, "rest.zones")...)
		return true
	})

	wantText(t, m.run(0, "plan"), `+ object "example.org."`, "rest.records  deferred")
	if got := p.changes(); len(got) != 0 {
		t.Fatalf("planning changed the server: %v", got)
	}
	m.run(0, "apply", "-auto-approve")
	zones := "POST /api/v1/servers/localhost/zones"
	patch := "PATCH /api/v1/servers/localhost/zones/example.org."
	if got := p.changes(); !slices.Equal(got, []string{zones, zones, patch, patch}) {
		t.Errorf("requests %v", got)
	}
	wantText(t, p.api("GET", "/zones/example.org.", ""), "192.0.2.10", "192.0.2.11", "10 mail.example.org.", `"account": "web"`)
	m.settled()

	t.Run("drift is mended", func(t *testing.T) {
		p.api("PATCH", "/zones/example.org.", `{"rrsets":[{"name":"www.example.org.","type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.99","disabled":false}]}]}`)
		wantText(t, m.run(2, "plan", "-detailed-exitcode"), "192.0.2.99", "ttl = 60 -> 300", "drift")
		p.api("PUT", "/zones/example.org.", `{"account":"somebody"}`)
		wantText(t, m.run(2, "plan", "-detailed-exitcode"), `"somebody" -> "web"`, "drift")
		m.run(0, "apply", "-auto-approve")
		if got := p.changes(); !slices.Equal(got, []string{"PUT /api/v1/servers/localhost/zones/example.org.", patch}) {
			t.Errorf("requests %v", got)
		}
		wantText(t, p.api("GET", "/zones/example.org.", ""), "192.0.2.10", `"account": "web"`)
		m.settled()
	})
	t.Run("what is not ours is left alone", func(t *testing.T) {
		p.api("PATCH", "/zones/example.org.", `{"rrsets":[{"name":"theirs.example.org.","type":"A","ttl":60,"changetype":"REPLACE","records":[{"content":"192.0.2.50","disabled":false}]}]}`)
		wantText(t, m.run(0, "plan", "-detailed-exitcode"), `object "theirs.example.org. A" is not ours and is left alone`)
	})
	t.Run("undeclared is deleted", func(t *testing.T) {
		source := m.source()
		from, to := strings.Index(source, `  object "example.org. MX"`), strings.LastIndex(source, "}")
		zone := strings.Index(source, `  object "example.net."`)
		m.write(source[:zone] + source[zone+strings.Index(source[zone:], "  }\n")+4:from] + source[to:])
		wantText(t, m.run(0, "plan"), `- object "example.net."  will be DELETED`)
		p.changes()
		m.run(0, "apply", "-auto-approve")
		if got := p.changes(); !slices.Equal(got, []string{"DELETE /api/v1/servers/localhost/zones/example.net.", patch}) {
			t.Errorf("requests %v", got)
		}
		left := p.api("GET", "/zones", "") + p.api("GET", "/zones/example.org.", "")
		if strings.Contains(left, "example.net.") || strings.Contains(left, "10 mail.") || !strings.Contains(left, "theirs.") {
			t.Errorf("left is %s", left)
		}
		m.settled()
	})

	if len(p.keyless) > 0 {
		t.Errorf("without the key: %v", p.keyless)
	}
	if len(control) == 0 && runtime.GOOS == "linux" {
		t.Error("no worker's memory was looked at")
	}
	if len(leaks) > 0 {
		t.Errorf("workers hold the key: %v", leaks)
	}
	wantNoSecret(t, m)
}

// A server that goes away and comes back is waited for, and nothing is made twice.
func TestPowerDNSComesBack(t *testing.T) {
	p := startPowerDNS(t)
	m := exampleModule(t, p)
	var posts atomic.Int32
	var away sync.Mutex // the requests come on several connections
	p.onRequest(func(r *http.Request) bool {
		away.Lock()
		defer away.Unlock()
		switch {
		case r.Method == http.MethodPost:
			if posts.Add(1) == 2 {
				p.stop()
			}
		case p.cmd == nil:
			p.start()
		}
		return true
	})
	out := m.run(0, "apply", "-auto-approve")
	wantText(t, out, "status 502", "trying again in 1.0 s (attempt 2 of 5)", "Applied")
	if posts.Load() != 3 {
		t.Errorf("%d zones were posted, want 3: two that succeeded and one that did not", posts.Load())
	}
	m.settled()
	wantNoSecret(t, m)
}

// What others made is taken over: exported into the module, adopted, and then there
// is nothing to change, with the declared fields alone and with all of them.
func TestPowerDNSTakenOver(t *testing.T) {
	p := startPowerDNS(t)
	for _, name := range []string{"one.example.", "two.example.", "three.example."} {
		p.api("POST", "/zones", `{"name": "`+name+`", "kind": "Native", "account": "web", "nameservers": ["ns1.`+name+`"]}`)
	}
	p.api("PATCH", "/zones/one.example.", `{"rrsets": [{"name": "www.one.example.", "type": "A", "ttl": 60, "changetype": "REPLACE",
		"records": [{"content": "192.0.2.1"}]}]}`)
	for name, declared := range map[string]string{
		"with the declared fields": `object "one.example." { body = { kind = "Native" } }`,
		"with all fields":          "",
	} {
		t.Run(name, func(t *testing.T) {
			m := exampleModule(t, p)
			source := m.source()
			m.write(source[:strings.Index(source, "locals {")] + `resource "rest" "zones" {
  collection = "/zones"
  item       = "/zones/{id}"
  ` + declared + `
}

resource "rest" "records" {
  collection = "/zones/one.example."
  items      = "/rrsets"
  name       = "{name} {type}"
  unordered  = ["records"]
}
`)
			m.run(0, "fmt", "main.hcl")
			out := m.run(0, "export", "-write", "rest.zones")
			if all := strings.Contains(out, "all fields of the items are exported"); all != (declared == "") {
				t.Errorf("the warning about all fields: %v\n%s", all, out)
			}
			wantText(t, out, "added to rest.zones")
			m.run(0, "export", "-write", "rest.records")
			wantText(t, m.source(), `object "two.example."`, `object "www.one.example. A"`, `content  = "192.0.2.1"`)
			if strings.Contains(m.source(), `"three.example."`) && strings.Contains(m.source(), "serial") != (declared == "") {
				t.Errorf("the fields are not those that were wanted:\n%s", m.source())
			}
			p.changes()
			m.settled()
			m.run(0, "apply", "-auto-approve")
			m.run(0, "import", `rest.zones.object["two.example."]`, "two.example.")
			m.settled()
			if changed := p.changes(); len(changed) != 0 {
				t.Errorf("taking over changed %v", changed)
			}
			wantText(t, m.run(0, "state", "show", "rest.zones"), "three.example.")
			wantNoSecret(t, m)
		})
	}
}

// A plan is made again without the server and without the key, byte for byte.
func TestPowerDNSReplayed(t *testing.T) {
	p := startPowerDNS(t)
	m := exampleModule(t, p)
	m.run(0, "apply", "-auto-approve")
	p.api("PUT", "/zones/example.org.", `{"account": "somebody"}`)
	planned := m.output("plan", "-record", "rec")
	wantText(t, planned, `~ object "example.org."`)
	p.stop()
	p.proxy.Close()
	m.env = nil
	if err := os.Remove(filepath.Join(m.dir, "main.hcl")); err != nil {
		t.Fatal(err)
	}
	if replayed := m.output("replay", "rec"); replayed != planned {
		t.Errorf("planned\n%s\nreplayed\n%s", planned, replayed)
	}
	wantNoSecret(t, m)
}

// output is what a command writes to standard output.
func (m *module) output(args ...string) string {
	m.t.Helper()
	cmd := exec.Command(cmp.Or(m.program, "cogplan"), args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), append(m.env, "COGPLAN_ACTOR=tester")...)
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("%v: %v", args, err)
	}
	return string(out)
}

// An apply waits until a field of each item says that it is healthy.
func TestPowerDNSHealth(t *testing.T) {
	p := startPowerDNS(t)
	m := exampleModule(t, p)
	m.write(strings.Replace(m.source(), "  create {\n    # Only", `  health {
    field    = "/account"
    healthy  = ["web", "ready"]
    degraded = ["broken"]
  }
  timeouts { health = "30s" }
  create {
    # Only`, 1))
	account := func(name string) { p.api("PUT", "/zones/example.net.", `{"account": "`+name+`"}`) }
	var posts, asked atomic.Int32
	p.onRequest(func(r *http.Request) bool {
		switch {
		case r.Method == http.MethodPost:
			posts.Add(1)
		case posts.Load() == 2 && strings.HasSuffix(r.URL.Path, "/zones"):
			if asked.Add(1) == 3 {
				account("ready")
			}
		}
		return true
	})
	m.run(0, "apply", "-auto-approve")
	if asked.Load() < 3 {
		t.Errorf("the zones were listed %d times: nothing was waited for", asked.Load())
	}
	wantText(t, m.run(0, "status"), "rest.zones    Synced  Healthy")
	m.settled()

	account("broken")
	wantText(t, m.run(0, "status"), "Degraded", `object "example.net." has /account = broken`)
	m.settled()
	out := m.run(1, "apply", "-auto-approve")
	wantText(t, out, "Not healthy", "It is as declared, and Degraded after", `object "example.net." has /account = broken`)

	m.write(strings.Replace(m.source(), `health = "30s"`, `health = "0s"`, 1))
	m.run(0, "apply", "-auto-approve")
	m.write(strings.Replace(m.source(), `health = "0s"`, `health = "1500ms"`, 1))
	account("starting")
	wantText(t, m.run(1, "apply", "-auto-approve"), "It is as declared, and Progressing after 1.5 s")
}

// A server that goes away half-way for good costs what was left, and nothing twice.
func TestPowerDNSRestartedHalfWay(t *testing.T) {
	p := startPowerDNS(t)
	p.away = http.StatusInternalServerError
	m := exampleModule(t, p)
	posts := 0
	p.onRequest(func(r *http.Request) bool {
		if r.Method == http.MethodPost {
			if posts++; posts == 2 {
				p.stop()
			}
		}
		return true
	})
	out := m.run(6, "apply", "-auto-approve")
	wantText(t, out, "status 500", `object "example.org."`)
	p.start()
	if left := p.api("GET", "/zones", ""); !strings.Contains(left, "example.net.") || strings.Contains(left, "example.org.") {
		t.Fatalf("half-way there is %s", left)
	}
	m.run(0, "apply", "-auto-approve")
	if posts != 3 {
		t.Errorf("%d zones were posted, want 3: two that succeeded and one that did not", posts)
	}
	m.settled()
	wantNoSecret(t, m)
}

// A key that cannot be read is said before anything is asked of the server.
func TestPowerDNSWithoutKey(t *testing.T) {
	p := startPowerDNS(t)
	m := exampleModule(t, p)
	m.env = nil
	m.run(0, "validate")
	wantText(t, m.run(1, "plan"), `credential "pdns"`, "PDNS_API_KEY is not set")
	m.env = []string{"PDNS_API_KEY=wrong"}
	wantText(t, m.run(1, "plan"), "status 401")
	if got := p.changes(); len(got) != 0 {
		t.Errorf("requests %v", got)
	}
}

// wantNoSecret looks for the key in everything that cogplan said and kept.
func wantNoSecret(t *testing.T, m *module) {
	t.Helper()
	if strings.Contains(m.said.String(), apiKey) {
		t.Error("cogplan said the key")
	}
	for _, dir := range []string{m.dir, os.Getenv("COGPLAN_CACHE_DIR")} {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(apiKey)) {
				t.Errorf("the key is in %s", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
