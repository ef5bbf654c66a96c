package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// listener is a server that sends back what it gets.
func listener(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	met := &atomic.Int64{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			met.Add(1)
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String(), met
}

func connectTo(address string) []reconcile.Effect {
	return []reconcile.Effect{{Capability: "tcp", Operation: "connect", Target: address}}
}

func applying(t *testing.T, b *Broker, effects []reconcile.Effect) *Session {
	t.Helper()
	s, err := b.Apply(effects)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTCPPhases(t *testing.T) {
	address, met := listener(t)
	other, _ := listener(t)
	quiet := reconcile.TCPGrant{Address: address, Private: true}
	reads := quiet
	reads.Read = true
	b := open(t, Options{TCP: []reconcile.TCPGrant{quiet, {Address: other, Private: true}}})
	r := open(t, Options{TCP: []reconcile.TCPGrant{reads}})
	refused := []struct {
		name    string
		session *Session
		part    string
	}{
		{"planning", b.Read(), "nothing may change while a plan is made"},
		{"no effect", applying(t, b, nil), "the plan that was reviewed does not say"},
		{"no effect, and a grant that reads", applying(t, r, nil), "the plan that was reviewed does not say"},
		{"effect elsewhere", applying(t, b, connectTo(other)), "the plan that was reviewed does not say"},
	}
	for _, tt := range refused {
		_, err := tt.session.Connect(t.Context(), address)
		wantViolation(t, err, tt.part)
	}
	if n := met.Load(); n != 0 {
		t.Fatalf("%d connections were made", n)
	}
	unbounded := []reconcile.Effect{{Capability: reconcile.CapabilityUnbounded}}
	for _, s := range []*Session{r.Read(), applying(t, b, connectTo(address)), applying(t, b, unbounded)} {
		for range 2 { // a connection that broke is made again
			conn, err := s.Connect(t.Context(), strings.ToUpper(address))
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		}
	}
}

func TestTCPAddressesNeedAGrant(t *testing.T) {
	address, met := listener(t)
	_, port, _ := net.SplitHostPort(address)
	var answers []netip.Addr
	calls := 0
	resolve := func(context.Context, string, string) ([]netip.Addr, error) {
		calls++
		return answers, nil
	}
	grant := reconcile.TCPGrant{Address: "name.test:" + port, Read: true}
	for _, addr := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "169.254.169.254", "fe80::1", "0.0.0.0", "64:ff9b::7f00:1"} {
		answers = []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr(addr)}
		b := open(t, Options{TCP: []reconcile.TCPGrant{grant}, Resolve: resolve})
		_, err := b.Read().Connect(t.Context(), grant.Address)
		wantViolation(t, err, "`private = true`")
	}
	if n := met.Load(); n != 0 {
		t.Fatalf("%d connections were made", n)
	}
	// A name that changes its address in the middle of a run keeps the first.
	grant.Private = true
	answers, calls = []netip.Addr{netip.MustParseAddr("127.0.0.1")}, 0
	s := open(t, Options{TCP: []reconcile.TCPGrant{grant}, Resolve: resolve}).Read()
	for range 3 {
		conn, err := s.Connect(t.Context(), "Name.Test.:"+port)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		answers = []netip.Addr{netip.MustParseAddr("127.0.0.2")}
	}
	if calls != 1 {
		t.Errorf("the name was resolved %d times in a run, want once", calls)
	}
}

func TestTCPAddresses(t *testing.T) {
	b := open(t, Options{TCP: []reconcile.TCPGrant{{Address: "db.test:5432", Read: true}}})
	for _, address := range []string{
		"", "db.test", "db.test:", "db.test:0", "db.test:05432", "db.test:65536", "db.test:postgres", ":5432", "[db.test:5432", "a b:5432",
		"[fe80::1%eth0]:5432", "db.test:5432:1", "/run/postgresql", "db.test:5433", "evil.db.test:5432", "db.test\x00:5432",
	} {
		_, err := b.Read().Connect(t.Context(), address)
		wantViolation(t, err, "over tcp")
	}
	known := map[string]Credential{"web": {Kind: CredentialBearer}, "db": {Kind: CredentialPostgres}}
	for _, grant := range []reconcile.TCPGrant{
		{Address: "db.test"},
		{Address: "*:5432"},
		{Address: "db.test:5432", Credential: "none"},
		{Address: "db.test:5432", Credential: "web"},
		{Address: "db.test:5432", Credential: "db"},
		{Address: "db.test:5432", TLS: true, ReadCredential: "db"},
	} {
		if _, err := New(Options{TCP: []reconcile.TCPGrant{grant}, Credentials: known}); err == nil || !strings.Contains(err.Error(), "grant for") {
			t.Errorf("%+v: %v", grant, err)
		}
	}
	for _, grant := range []reconcile.TCPGrant{
		{Address: "db.test:5432", TLS: true, Credential: "db"}, {Address: "db.test:5432", Private: true, Read: true, ReadCredential: "db"},
	} {
		if _, err := New(Options{TCP: []reconcile.TCPGrant{grant}, Credentials: known}); err != nil {
			t.Errorf("%+v: %v", grant, err)
		}
	}
	got, err := CoveredTCP([]reconcile.TCPGrant{{Address: "DB.test:5432"}}, connectTo("db.test.:5432")[0])
	if err != nil || got.Target != "DB.test:5432" {
		t.Errorf("%v, %v", got, err)
	}
	for _, e := range []reconcile.Effect{{Operation: "listen", Target: "db.test:5432"}, {Operation: "connect", Target: "db.test:1"}, {Operation: "connect", Target: "{host}:5432"}} {
		if _, err := CoveredTCP([]reconcile.TCPGrant{{Address: "db.test:5432"}}, e); err == nil {
			t.Errorf("%v is covered", e)
		}
	}
}

func TestTCPLimits(t *testing.T) {
	address, _ := listener(t)
	var uses []Use
	s := open(t, Options{
		TCP:    []reconcile.TCPGrant{{Address: address, Private: true, Read: true}},
		Limits: reconcile.Limits{Connections: 2, Traffic: 1000}, Audit: func(u Use) { uses = append(uses, u) },
	}).Read()
	conn, err := s.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test
	if _, err := conn.Write(make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 400)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, 200)); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "more than 1000 bytes over tcp") {
		t.Errorf("error is %v", err)
	}
	second, err := s.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
	if _, err = s.Connect(t.Context(), address); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "more than 2 connections") {
		t.Errorf("error is %v", err)
	}
	if len(uses) != 3 || !uses[0].Allowed || uses[2].Allowed || uses[0].Effect.String() != "tcp connect "+address {
		t.Errorf("audit: %+v", uses)
	}
}

// An end of one direction reaches the server, and leaves the other open.
func TestTCPHalfClose(t *testing.T) {
	address, _ := listener(t)
	conn, err := open(t, Options{TCP: []reconcile.TCPGrant{{Address: address, Private: true, Read: true}}}).Read().Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test
	_, _ = conn.Write([]byte("hello"))
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, []byte("hello")) {
		t.Errorf("%q, %v", got, err)
	}
}

// selfMade is a certificate for 127.0.0.1 and the pool that vouches for it.
func selfMade(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// The host speaks TLS where the grant says so: with the server of that name, and
// with a certificate of its own where there is one.
func TestTCPOverTLS(t *testing.T) {
	server, roots := selfMade(t, "server")
	client, clients := selfMade(t, "robot")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	grant := reconcile.TCPGrant{Address: l.Addr().String(), Private: true, Read: true, TLS: true, Credential: "client", CA: "ca.pem"}
	nobody := grant
	nobody.Credential = ""
	plain := grant
	plain.TLS = false
	byName := grant
	byName.Address = strings.Replace(grant.Address, "127.0.0.1", "localhost", 1)
	tests := []struct {
		name  string
		grant reconcile.TCPGrant
		roots *x509.CertPool
		want  string
	}{
		{"with a certificate", grant, roots, ""},
		{"without one", nobody, roots, "certificate required"},
		{"nobody vouches for the server", grant, clients, "unknown authority"},
		{"a server of another name", byName, roots, "certificate is"},
		{"a certificate without TLS", plain, roots, "over TLS alone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := open(t, Options{
				TCP: []reconcile.TCPGrant{tt.grant}, Authorities: map[string]*x509.CertPool{"ca.pem": tt.roots},
				Credentials: map[string]Credential{"client": {Kind: CredentialTLS, Certificate: &client}},
			})
			conn, err := b.Read().Connect(t.Context(), tt.grant.Address)
			got := make([]byte, 5)
			if err == nil {
				defer conn.Close() //nolint:errcheck // a test
				_, _ = conn.Write([]byte("hello"))
				_, err = io.ReadFull(conn, got) // with TLS 1.3 a server refuses late
			}
			if tt.want == "" && (err != nil || string(got) != "hello") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// A name that is not granted is not even looked up: a lookup alone would carry
// data out.
func TestNamesAreNotLookedUp(t *testing.T) {
	var asked []string
	b := open(t, Options{
		Grants: []reconcile.HTTPGrant{{Origin: "https://api.test", Methods: []string{"GET", "PUT"}}},
		TCP:    []reconcile.TCPGrant{{Address: "db.test:5432", Read: true}, {Address: "quiet.test:5432"}},
		Resolve: func(_ context.Context, _, host string) ([]netip.Addr, error) {
			asked = append(asked, host)
			return nil, errors.New("no such host")
		},
	})
	for _, host := range []string{"c2VjcmV0.evil.test", "c2VjcmV0.api.test", "c2VjcmV0.db.test", "api.test.evil.test"} {
		_, err := b.Read().Do(t.Context(), Request{Method: "GET", URL: "https://" + host + "/"})
		wantViolation(t, err, "no grant names the origin")
		_, err = b.Read().Connect(t.Context(), host+":5432")
		wantViolation(t, err, "no tcp grant names this address")
	}
	_, err := b.Read().Do(t.Context(), Request{Method: "PUT", URL: "https://api.test/"})
	wantViolation(t, err, "nothing may change while a plan is made")
	_, err = b.Read().Connect(t.Context(), "quiet.test:5432")
	wantViolation(t, err, "nothing may change while a plan is made")
	if len(asked) > 0 {
		t.Errorf("names were looked up: %v", asked)
	}
	// The control: those that are granted are.
	_, _ = b.Read().Do(t.Context(), Request{Method: "GET", URL: "https://api.test/"})
	_, _ = b.Read().Connect(t.Context(), "db.test:5432")
	if !slices.Equal(asked, []string{"api.test", "db.test"}) {
		t.Errorf("looked up: %v", asked)
	}
}
