package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority signs certificates for servers and clients of 127.0.0.1.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// pem is its certificate.
	pem string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	var der []byte
	der, a.key = a.sign("cogplan test")
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

func (a *authority) sign(name string) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: a.cert == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// issue is a certificate and its key, both in PEM.
func (a *authority) issue(name string) (cert, key string) {
	a.t.Helper()
	der, secret := a.sign(name)
	data, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: data}))
}

// guarded is an API that lets in who shows a certificate of the authority.
type guarded struct {
	*httptest.Server
	mu     sync.Mutex
	people []string
	things string
	// onChange is called while the provider waits for the answer to a change.
	onChange func()
}

func newGuarded(t *testing.T, a *authority) *guarded {
	t.Helper()
	g := &guarded{things: "[]"}
	g.Server = httptest.NewUnstartedServer(g)
	cert, key := a.issue("server")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	g.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.people = append(g.people, r.TLS.PeerCertificates[0].Subject.CommonName)
	if r.Method == http.MethodPost {
		g.onChange()
		body, _ := io.ReadAll(r.Body)
		g.things = "[" + strings.Replace(string(body), "{", `{"id":"1",`, 1) + "]"
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, strings.Trim(g.things, "[]"))
		return
	}
	_, _ = io.WriteString(w, g.things)
}

const certificateModule = `provider "rest" {
  source = "rest"
  allow {
    http {
      origin     = "ORIGIN"
      methods    = ["GET", "POST"]
      private    = true
      ca         = "ca.pem"
      credential = "client"
    }
  }
  config {
    base_url = "ORIGIN"
  }
}
credential "client" {
  origin      = "ORIGIN"
  kind        = "tls"
  certificate = "client.pem"
  env         = "CLIENT_KEY"
}
resource "rest" "things" {
  collection = "/things"
  item       = "/things/{id}"
  object "lamp" {
    body = { colour = "green" }
  }
}
`

// A client certificate is shown by cogplan. The provider sees neither it nor its
// key, and nothing that is kept or said holds the key.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	g := newGuarded(t, a)
	cert, key := a.issue("robot")
	secret := strings.Split(key, "\n")[1] // of the key's lines the one that tells it apart
	m := &module{t: t, dir: t.TempDir(), env: []string{"CLIENT_KEY=" + key}}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("ca.pem", a.pem)
	put("client.pem", cert)
	m.write(strings.ReplaceAll(certificateModule, "ORIGIN", g.URL))
	var leaks, control []string
	g.mu.Lock()
	g.onChange = func() {
		leaks = workersThatHold(t, secret)
		control = workersThatHold(t, "rest.things") // this has to be there
	}
	g.mu.Unlock()
	m.run(0, "apply", "-auto-approve")
	g.mu.Lock()
	if len(leaks) > 0 || len(control) == 0 && runtime.GOOS == "linux" {
		t.Errorf("workers that hold the key: %v; that were looked at: %v", leaks, control)
	}
	g.mu.Unlock()
	m.settled()
	g.mu.Lock()
	if !strings.Contains(g.things, "green") || len(g.people) < 3 {
		t.Errorf("things %s, people %v", g.things, g.people)
	}
	for _, name := range g.people {
		if name != "robot" {
			t.Errorf("%s was let in", name)
		}
	}
	g.mu.Unlock()
	t.Run("without it nobody is let in", func(t *testing.T) {
		m.write(strings.Replace(m.source(), `credential = "client"`, "", 1))
		wantText(t, m.run(1, "plan"), "certificate required")
		m.write(strings.ReplaceAll(certificateModule, "ORIGIN", g.URL))
	})
	t.Run("another key", func(t *testing.T) {
		_, other := a.issue("robot")
		m.env = append(m.env, "CLIENT_KEY="+other)
		wantText(t, m.run(1, "plan"), `credential "client"`, "client.pem and its secret do not belong together")
		m.env = append(m.env, "CLIENT_KEY=hunter2")
		wantText(t, m.run(1, "plan"), "the environment variable CLIENT_KEY gives no private key in PEM")
		m.env = m.env[:len(m.env)-2]
	})
	t.Run("nobody vouches for the server", func(t *testing.T) {
		m.write(strings.Replace(m.source(), `ca         = "ca.pem"`, "", 1))
		wantText(t, m.run(1, "plan"), "certificate signed by unknown authority")
		m.write(strings.ReplaceAll(certificateModule, "ORIGIN", g.URL))
	})
	t.Run("no certificate", func(t *testing.T) {
		put("client.pem", "hello")
		wantText(t, m.run(1, "plan"), "client.pem: it holds no certificate in PEM")
		put("client.pem", cert)
	})
	wantNone(t, m, secret)
	if strings.Contains(m.said.String(), "hunter2") {
		t.Error("cogplan said what it was given for a key")
	}
}

// With a certificate and a key in place of a password, cogplan logs in to
// PostgreSQL by them.
func TestPostgresCertificate(t *testing.T) {
	t.Parallel()
	p := startPostgres(t)
	m := databaseIn(t, p)
	cert, key := p.authority.issue("app")
	for name, text := range map[string]string{"client.pem": cert, "client.key": key} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.write("root.crt", p.ca)
	p.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 cert\n")
	p.sql("ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
	p.sql("SELECT pg_reload_conf()")
	m.write(p.module(strings.Replace(credentialModule, `env      = "DATABASE_PASSWORD"`, `certificate = "client.pem"
  file        = "client.key"`, 1), named))
	m.run(0, "apply", "-auto-approve")
	if got := p.rows(); got != "colour=blue size=10" {
		t.Errorf("rows %s", got)
	}
	m.settled()
	t.Run("a server that wants a password", func(t *testing.T) {
		p.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
		p.sql("SELECT pg_reload_conf()")
		wantText(t, m.run(1, "plan"), "the server asks for a password, and the credential is a certificate")
	})
}
