package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// databasePassword opens the database, for the roles app and reader.
const databasePassword = "p4ssw0rd/of+the=database"

// postgres is a real server, which takes passwords by SCRAM and over TLS alone.
type postgres struct {
	t    *testing.T
	dir  string
	bin  string
	port int
	// ca is the certificate of the authority, in PEM.
	ca        string
	authority *authority
	cmd       *exec.Cmd
}

// startPostgres makes a cluster of databases and starts it on a free port of
// the loopback interface.
func startPostgres(t *testing.T) *postgres {
	t.Helper()
	p := &postgres{t: t, bin: postgresDir(), port: freePort(t)}
	if p.bin == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("PostgreSQL is missing: run scripts/deps.sh")
		}
		t.Skip("NOT TESTED against PostgreSQL: it is missing; `make deps` installs it")
	}
	// Not t.TempDir, whose parent the server's user may not enter.
	dir, err := os.MkdirTemp("", "cogplan-postgres") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	p.dir = filepath.Join(dir, "data")
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(databasePassword), 0o644); err != nil {
		t.Fatal(err)
	}
	own(t, dir)
	p.do(p.as("initdb", "-D", p.dir, "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "-A", "scram-sha-256", "--pwfile="+filepath.Join(dir, "password")))
	p.certify()
	p.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
	p.start()
	t.Cleanup(p.stop)
	p.sql(`CREATE ROLE app LOGIN PASSWORD '` + databasePassword + `'; CREATE ROLE reader LOGIN PASSWORD '` + databasePassword + `';
		CREATE TABLE settings (key text PRIMARY KEY, value text NOT NULL);
		GRANT SELECT, INSERT, UPDATE, DELETE ON settings TO app; GRANT SELECT ON settings TO reader`)
	return p
}

// postgresDir is where the programs of PostgreSQL are; Debian keeps them off the path.
func postgresDir() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil && len(found) == 0 {
		path, _ = filepath.EvalSymlinks(path)
		found = append(found, path)
	}
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// own gives a directory to the user that the server runs as: it does not run as
// root.
func own(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if _, err := user.Lookup("postgres"); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "-R", "postgres", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// as is a program of PostgreSQL, run as a user that is not root.
func (p *postgres) as(name string, args ...string) *exec.Cmd {
	args = append([]string{filepath.Join(p.bin, name)}, args...)
	if os.Geteuid() == 0 {
		args = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	return cmd
}

func (p *postgres) do(cmd *exec.Cmd) string {
	p.t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (p *postgres) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	own(p.t, filepath.Join(p.dir, name))
}

// certify gives the server a certificate of a new authority.
func (p *postgres) certify() {
	p.t.Helper()
	p.authority = newAuthority(p.t)
	p.ca = p.authority.pem
	cert, key := p.authority.issue("server")
	p.write("server.crt", cert)
	p.write("server.key", key)
}

func (p *postgres) start() {
	p.t.Helper()
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the server has its own
	p.cmd = p.as("postgres", "-D", p.dir, "-h", "127.0.0.1", "-p", fmt.Sprint(p.port), "-k", p.dir,
		"-c", "fsync=off", "-c", "ssl=on", "-c", "log_connections=on", "-c", "log_statement=all", "-c", "max_wal_senders=0")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for range 400 {
		if p.as("pg_isready", "-q", "-h", p.dir, "-p", fmt.Sprint(p.port)).Run() == nil {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	p.t.Fatalf("PostgreSQL does not answer:\n%s", p.log())
}

func (p *postgres) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(os.Interrupt) // the fast shutdown
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

func (p *postgres) log() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return string(text)
}

// sql asks the server itself, beside cogplan.
func (p *postgres) sql(text string) string {
	p.t.Helper()
	return p.do(p.query(text))
}

func (p *postgres) query(text string) *exec.Cmd {
	return p.as("psql", "-h", p.dir, "-p", fmt.Sprint(p.port), "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-Atqc", text)
}

func (p *postgres) rows() string {
	p.t.Helper()
	return strings.ReplaceAll(p.sql("SELECT key || '=' || value FROM settings ORDER BY key"), "\n", " ")
}

func (p *postgres) address() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

// pgxGuest is built with pgx, a module of its own.
var pgxGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "cogplan-guest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	out := filepath.Join(dir, "pgx.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = "../../testdata/guests/pgx"
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return os.ReadFile(out)
})

// plainCogplan is cogplan without the race detector, under which the 18 MB of
// that guest would be compiled for a minute. It stays until the tests end.
var plainCogplan = sync.OnceValues(func() (string, error) {
	out := filepath.Join(os.Getenv("COGPLAN_CACHE_DIR"), "plain-cogplan")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", out, ".")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return out, nil
})

const (
	// named accepts the connection to the database.
	named = `policy "cogplan.builtin.deny_opaque" {
  parameters { allowed = ["ADDRESS"] }
}
`
	databaseModule = `variable "password" {
  type      = string
  sensitive = true
  default   = env("DATABASE_PASSWORD")
}
provider "pgx" {
  source = "./pgx.wasm"
  allow {
    tcp {
      address = "ADDRESS"
      private = true
      read    = true
    }
  }
}
resource "pgx" "settings" {
  prune    = true
  url      = "postgres://app@ADDRESS/postgres?sslmode=verify-full"
  password = var.password
  ca       = file("ca.pem")
  table    = "settings"
  rows     = { colour = "blue", size = "10" }
}
`
)

func databaseIn(t *testing.T, p *postgres) *module {
	t.Helper()
	guest, err := pgxGuest()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("NOT TESTED with pgx, which cannot be had here: %v", err)
	}
	program, err := plainCogplan()
	if err != nil {
		t.Fatal(err)
	}
	m := &module{t: t, program: program, dir: t.TempDir(), env: []string{"DATABASE_PASSWORD=" + databasePassword, "COGPLAN_LOG=warn"}}
	for name, data := range map[string][]byte{"pgx.wasm": guest, "ca.pem": []byte(p.ca)} {
		if err := os.WriteFile(filepath.Join(m.dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (p *postgres) module(parts ...string) string {
	return strings.ReplaceAll(strings.Join(parts, ""), "ADDRESS", p.address())
}

// TestPostgres takes the rows of a table through their life, with pgx as it is
// in a sandbox, against a real server.
func TestPostgres(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	m := databaseIn(t, p)

	// Nobody can see what goes over a connection, so it has to be named.
	m.write(p.module(databaseModule))
	wantText(t, m.run(3, "plan"), "cogplan.builtin.deny_opaque", "opaque: provider \"pgx\" may say anything to "+p.address(),
		`allowed = ["`+p.address()+`"] in the parameters of policy "cogplan.builtin.deny_opaque"`)
	m.run(3, "apply", "-auto-approve")
	if got := p.rows(); got != "" {
		t.Fatalf("planning changed the table: %s", got)
	}

	m.write(p.module(databaseModule, named))
	wantText(t, m.run(0, "plan", "-effects"), `+ row "colour"`, "effect: tcp connect "+p.address()+" (opaque)", "opaque: provider")
	m.run(0, "apply", "-auto-approve", "-audit", "audit.jsonl")
	if got := p.rows(); got != "colour=blue size=10" {
		t.Errorf("rows %s", got)
	}
	m.settled()
	if log := p.log(); !strings.Contains(log, "SSL enabled") || strings.Count(log, "authorized: user=app") != strings.Count(log, "SSL enabled (protocol=TLSv1.3") {
		t.Errorf("not all connections were over TLS:\n%s", log)
	}
	audit, err := os.ReadFile(filepath.Join(m.dir, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"phase":"read","capability":"tcp","operation":"connect","target":"` + p.address() + `","verdict":"allowed"`,
		`"action":"create row \"size\"","phase":"apply","capability":"tcp"`,
	} {
		wantText(t, regexp.MustCompile(`": +`).ReplaceAllString(string(audit), `":`), want)
	}

	t.Run("drift is mended", func(t *testing.T) {
		p.sql("UPDATE settings SET value = 'red' WHERE key = 'colour'")
		wantText(t, m.run(2, "plan", "-detailed-exitcode"), `"red" -> "blue"`, "drift")
		m.run(0, "apply", "-auto-approve")
		m.settled()
	})
	t.Run("undeclared is deleted", func(t *testing.T) {
		m.write(strings.Replace(m.source(), `, size = "10"`, "", 1))
		m.run(0, "apply", "-auto-approve")
		if got := p.rows(); got != "colour=blue" {
			t.Errorf("rows %s", got)
		}
		m.settled()
	})
	t.Run("the server is gone and comes back", func(t *testing.T) {
		m.write(strings.Replace(m.source(), `"blue"`, `"green"`, 1))
		m.run(0, "plan", "-out", "kept.plan")
		p.stop()
		wantText(t, m.run(1, "plan"), "connection refused")
		p.start()
		m.run(0, "apply", "kept.plan")
		if got := p.rows(); got != "colour=green" {
			t.Errorf("rows %s", got)
		}
	})
	wantNoPassword(t, m)
}

// What a database is told while a plan is made is the provider's word, where the
// grant says read: a role that cannot write keeps it. Where it does not say so,
// nothing is said at all.
func TestPostgresWhilePlanning(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	m := databaseIn(t, p)
	hostile := strings.Replace(databaseModule, `table    =`, `hostile  = "INSERT INTO settings VALUES ('hacked', '1')"`+"\n  table    =", 1)

	t.Run("without read", func(t *testing.T) {
		before := strings.Count(p.log(), "connection received")
		m.write(p.module(strings.Replace(hostile, "read    = true", "", 1), named))
		wantText(t, m.run(1, "plan"), `Provider "pgx", while reading the world`, "connect to "+p.address()+" over tcp", "nothing may change while a plan is made")
		if after := strings.Count(p.log(), "connection received"); after != before {
			t.Errorf("%d connections reached the server", after-before)
		}
	})
	t.Run("a role that cannot write", func(t *testing.T) {
		m.write(p.module(strings.Replace(hostile, "//app@", "//reader@", 1), named))
		wantText(t, m.run(0, "plan"), "permission denied for table settings")
		if got := p.rows(); got != "" {
			t.Errorf("planning changed the table: %s", got)
		}
	})
	t.Run("a query that is given up", func(t *testing.T) {
		m.write(p.module(strings.Replace(databaseModule, "table    =", "slow     = \"SELECT pg_sleep(60)\"\n  table    =", 1), named))
		began := time.Now()
		wantText(t, m.run(0, "plan"), "slow: given up true, true")
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("a certificate of somebody else", func(t *testing.T) {
		ours := p.ca
		p.certify() // another one, and the server has not heard of it
		if err := os.WriteFile(filepath.Join(m.dir, "ca.pem"), []byte(p.ca), 0o644); err != nil {
			t.Fatal(err)
		}
		m.write(p.module(databaseModule, named))
		wantText(t, m.run(1, "plan"), "certificate")
		p.ca = ours
	})
	wantNoPassword(t, m)
}

// credentialModule has cogplan log in, and speak TLS.
const credentialModule = `provider "pgx" {
  source = "./pgx.wasm"
  allow {
    tcp {
      address    = "ADDRESS"
      private    = true
      read       = true
      tls        = true
      ca         = "ca.pem"
      credential = "database"
    }
  }
}
credential "database" {
  origin   = "tcp://ADDRESS"
  kind     = "postgres"
  username = "app"
  env      = "DATABASE_PASSWORD"
}
resource "pgx" "settings" {
  prune = true
  url   = "postgres://nobody@ADDRESS/postgres?sslmode=disable"
  table = "settings"
  rows  = { colour = "blue", size = "10" }
}
`

// With a credential cogplan logs in for the provider, which gets a connection
// that is ready, and never the password: not in the memory of its worker either.
// It is not parallel: it looks into workers, and those of other tests hold the
// password.
func TestPostgresCredential(t *testing.T) {
	p := startPostgres(t)
	m := databaseIn(t, p)
	slow := strings.Replace(credentialModule, "table =", "slow  = \"SELECT pg_sleep(60)\"\n  table =", 1)
	m.write(p.module(slow, named))
	leaks, control := p.watched(m, "plan")
	if len(leaks) > 0 {
		t.Errorf("workers hold the password: %v", leaks)
	}
	if control == 0 && runtime.GOOS == "linux" {
		t.Error("no worker's memory was looked at")
	}
	m.write(p.module(credentialModule, named))
	m.run(0, "apply", "-auto-approve", "-audit", "audit.jsonl")
	if got := p.rows(); got != "colour=blue size=10" {
		t.Errorf("rows %s", got)
	}
	m.settled()
	if log := p.log(); strings.Count(log, "authorized: user=app") != strings.Count(log, "SSL enabled (protocol=TLSv1.3") || strings.Contains(log, "nobody") {
		t.Errorf("not all connections were app's and over TLS:\n%s", log)
	}

	t.Run("made again without the server and the password", func(t *testing.T) {
		p.sql("UPDATE settings SET value = 'red' WHERE key = 'colour'")
		planned := m.output("plan", "-record", "rec")
		wantText(t, planned, `"red" -> "blue"`)
		p.stop()
		defer p.start()
		env := m.env
		defer func() { m.env = env }()
		m.env = nil
		if replayed := m.output("replay", "rec"); replayed != planned {
			t.Errorf("planned\n%s\nreplayed\n%s", planned, replayed)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		m.env = append(m.env, "DATABASE_PASSWORD=wrong")
		wantText(t, m.run(1, "plan"), `password authentication failed for user "app"`)
		m.env = m.env[:len(m.env)-1]
	})
	t.Run("without TLS", func(t *testing.T) {
		m.write(p.module(strings.Replace(credentialModule, "tls        = true\n      ca         = \"ca.pem\"", "", 1), named))
		wantText(t, m.run(1, "plan"), "no pg_hba.conf entry", "no encryption")
		m.write(p.module(credentialModule, named))
	})
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		m.write(strings.Replace(m.source(), `ca         = "ca.pem"`, "", 1))
		wantText(t, m.run(1, "plan"), "speak TLS with "+p.address(), "certificate signed by unknown authority")
		m.write(strings.Replace(p.module(credentialModule, named), "ca.pem", "no.pem", 1))
		wantText(t, m.run(1, "plan"), `the authorities "no.pem"`, "no such file")
		m.write(strings.Replace(p.module(credentialModule, named), "ca.pem", "pgx.wasm", 1))
		wantText(t, m.run(1, "plan"), "it holds no certificates in PEM")
		m.write(p.module(credentialModule, named))
	})
	t.Run("a server that wants the password itself", func(t *testing.T) {
		p.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 password\n")
		p.sql("SELECT pg_reload_conf()")
		wantText(t, m.run(1, "plan"), "would give it away", "scram-sha-256")
	})
	wantNoPassword(t, m)
}

// With a credential for reading, a provider is a user who cannot write while a
// plan is made, whatever it tries; while a change is applied it is the other one.
func TestPostgresReadCredential(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	m := databaseIn(t, p)
	source := strings.Replace(credentialModule, `credential = "database"`, `credential = "database"
      read_credential = "reader"`, 1) + `credential "reader" {
  origin   = "tcp://ADDRESS"
  kind     = "postgres"
  username = "reader"
  env      = "DATABASE_PASSWORD"
}
`
	for name, statement := range map[string]string{
		"a write":                 "INSERT INTO settings VALUES ('hacked', '1')",
		"by another role":         "SET ROLE app",
		"a program of the server": "COPY settings TO PROGRAM 'cat > /tmp/hacked'",
	} {
		t.Run(name, func(t *testing.T) {
			m.write(p.module(strings.Replace(source, "table =", fmt.Sprintf("hostile = %q\n  table =", statement), 1), named))
			wantText(t, m.run(0, "plan"), "hostile: ERROR: ", "SQLSTATE 42501")
			if got := p.rows(); got != "" {
				t.Errorf("planning changed the table: %s", got)
			}
		})
	}
	m.write(p.module(source, named))
	m.run(0, "apply", "-auto-approve")
	if got := p.rows(); got != "colour=blue size=10" {
		t.Errorf("rows %s", got)
	}
	m.settled()
	if log := p.log(); !strings.Contains(log, "authorized: user=reader") || strings.Count(log, "authorized: user=app") != 2 {
		t.Errorf("app did more than two changes:\n%s", log)
	}
}

// watched runs cogplan, and looks for the password in the memory of its workers
// while the database is busy with their query, and for what has to be there: the
// control.
func (p *postgres) watched(m *module, args ...string) ([]string, int) {
	p.t.Helper()
	var leaks []string
	control := 0
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for control == 0 {
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
			busy, err := p.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND query LIKE '%pg_sleep%'").Output()
			if err != nil || string(busy) == "0\n" {
				continue
			}
			leaks = append(leaks, workersThatHold(p.t, databasePassword)...)
			control += len(workersThatHold(p.t, "SELECT pg_sleep(60)"))
		}
	}()
	m.run(0, args...)
	close(over)
	<-done
	return leaks, control
}

// wantNoPassword looks for the password in everything that cogplan said and
// kept.
func wantNoPassword(t *testing.T, m *module) {
	t.Helper()
	wantNone(t, m, databasePassword)
}

func wantNone(t *testing.T, m *module, secret string) {
	t.Helper()
	if strings.Contains(m.said.String(), secret) {
		t.Error("cogplan said the secret")
	}
	err := filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the secret is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
