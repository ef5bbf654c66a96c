package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The defaults of the limits on connections.
const (
	DefaultConnections = 1_000
	DefaultTraffic     = 1 << 30
	connectTime        = 30 * time.Second
)

// endpoint is one granted address. What goes over a connection to it nobody can
// judge, so all that is decided is whether there is one.
type endpoint struct {
	// address is in the words of the grant.
	address            string
	host, port         string
	private, read, tls bool
	// login is what the host logs in or shows itself with while an action is
	// applied, and reader while a plan is made; nil leaves that to the guest.
	login, reader *Credential
	// roots vouch for the server; nil are the system's.
	roots *x509.CertPool
}

func newEndpoint(grant reconcile.TCPGrant, opts *Options) (endpoint, error) {
	host, port, err := parseAddress(grant.Address)
	if err != nil {
		return endpoint{}, fmt.Errorf("grant for %q: %w", grant.Address, err)
	}
	e := endpoint{address: grant.Address, host: host, port: port, private: grant.Private, read: grant.Read, tls: grant.TLS}
	if e.login, err = loginOf(grant.Credential, opts.Credentials); err == nil {
		e.reader, err = loginOf(grant.ReadCredential, opts.Credentials)
	}
	if err == nil {
		e.roots, err = opts.authorities(grant.CA)
	}
	if err != nil {
		return endpoint{}, fmt.Errorf("grant for %q: %w", grant.Address, err)
	}
	switch {
	case (e.login != nil || e.reader != nil) && !e.tls && !e.private:
		return endpoint{}, fmt.Errorf("grant for %q: without TLS a session that is logged in can be taken over on the way; "+
			"add `tls = true`, or `private = true` where the way is your own", grant.Address)
	case e.reader == nil:
		e.reader = e.login
	case !e.read:
		return endpoint{}, fmt.Errorf("grant for %q: `read_credential` is for while a plan is made, and that takes `read = true`", grant.Address)
	}
	return e, nil
}

func loginOf(name string, credentials map[string]Credential) (*Credential, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // without a credential there is no login
	}
	c, ok := credentials[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no credential %q", name)
	case c.Kind != CredentialPostgres && c.Kind != CredentialTLS && c.Kind != "": // empty where nobody has read it yet
		return nil, fmt.Errorf("the credential %q is of kind %s, and a connection takes one of kind %s or %s",
			name, c.Kind, CredentialPostgres, CredentialTLS)
	}
	return &c, nil
}

// dress puts on a connection what the grant says that the host does itself.
func (e *endpoint) dress(ctx context.Context, conn net.Conn, login *Credential) (net.Conn, error) {
	database := login != nil && login.Kind == CredentialPostgres
	if login != nil && login.Certificate != nil && !e.tls {
		return nil, errors.New("a certificate is shown over TLS alone, and the grant does not say `tls = true`")
	}
	if e.tls {
		config := &tls.Config{ServerName: e.host, RootCAs: e.roots, MinVersion: tls.VersionTLS12}
		if login != nil && login.Certificate != nil {
			config.Certificates = []tls.Certificate{*login.Certificate}
		}
		if database {
			if err := startPostgresTLS(ctx, conn); err != nil {
				return nil, err
			}
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("speak TLS with %s: %w", e.address, err)
		}
		conn = secure
	}
	if database {
		return newPostgresConn(conn, *login), nil
	}
	return conn, nil
}

// parseAddress reads host:port in the one form in which it is judged.
func parseAddress(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", errors.New("an address is host:port")
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if !validHost(host) {
		return "", "", fmt.Errorf("the host %q is neither a name nor an address", printable(host))
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", "", fmt.Errorf("the port %q is no number from 1 to 65535", printable(port))
	}
	return host, port, nil
}

func (b *Broker) endpoint(host, port string) *endpoint {
	for i := range b.endpoints {
		if e := &b.endpoints[i]; e.host == host && e.port == port {
			return e
		}
	}
	return nil
}

// Connect judges the address and connects to it. A refusal is a
// [*ViolationError]. The caller closes the connection; the context bounds only
// how it comes about.
func (s *Session) Connect(ctx context.Context, address string) (*Conn, error) {
	began := s.broker.now()
	conn, err := s.connect(ctx, &address)
	s.note(reconcile.Effect{Capability: reconcile.CapabilityTCP, Operation: "connect", Target: address}, err, 0, began)
	return conn, err
}

func (s *Session) connect(ctx context.Context, address *string) (*Conn, error) {
	e, err := s.judgeAddress(address)
	if err != nil {
		return nil, err
	}
	b := s.broker
	if n := b.connections.Add(1); n > b.limits.Connections {
		return nil, fmt.Errorf("%w: the provider made more than %d connections in this run (limits { connections })", ErrLimit, b.limits.Connections)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	raw, err := b.pins.dial(ctx, "tcp", e.host, e.port, e.private)
	if err != nil {
		if violation, ok := errors.AsType[*ViolationError](err); ok {
			violation.Phase = s.phase
		}
		return nil, err
	}
	login := e.reader
	if s.phase == PhaseApply {
		login = e.login
	}
	conn, err := e.dress(ctx, raw, login)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return &Conn{conn: conn, broker: b}, nil
}

// judgeAddress also brings the address into the words of the grant.
func (s *Session) judgeAddress(address *string) (*endpoint, error) {
	what := "connect to " + printable(*address) + " over tcp"
	refuse := func(why string) error { return &ViolationError{Phase: s.phase, What: what, Why: why} }
	host, port, err := parseAddress(*address)
	if err != nil {
		return nil, refuse(err.Error())
	}
	e := s.broker.endpoint(host, port)
	if e == nil {
		return nil, refuse("no tcp grant names this address")
	}
	*address = e.address
	switch {
	case s.phase == PhaseApply:
		if err := s.ledger.connect(e); err != nil {
			return nil, refuse(err.Error())
		}
	case !e.read:
		return nil, refuse("nothing may change while a plan is made, and nobody can see what is sent over tcp; " +
			"if the provider only reads there, as with a role that cannot write, grant it with `read = true`")
	}
	return e, nil
}

// connect permits what the action declares, as often as it is done: a
// connection that broke is made again.
func (l *ledger) connect(e *endpoint) error {
	if l.unbounded || slices.Contains(l.connects, e.host+" "+e.port) {
		return nil
	}
	return errors.New("the plan that was reviewed does not say that this action connects there")
}

func (l *ledger) addConnect(effect reconcile.Effect) error {
	host, port, err := parseAddress(effect.Target)
	if err != nil {
		return fmt.Errorf("effect %s: %w", effect, err)
	}
	l.connects = append(l.connects, host+" "+port)
	return nil
}

// CoveredTCP brings the effect of a connection into the words of the grant, and
// refuses what no grant permits.
func CoveredTCP(grants []reconcile.TCPGrant, effect reconcile.Effect) (reconcile.Effect, error) {
	if effect.Operation != "connect" {
		return effect, errors.New("the only operation over tcp is connect")
	}
	host, port, err := parseAddress(effect.Target)
	if err != nil {
		return effect, err
	}
	for _, grant := range grants {
		if h, p, err := parseAddress(grant.Address); err == nil && h == host && p == port {
			effect.Target = grant.Address
			return effect, nil
		}
	}
	return effect, errors.New("no tcp grant names this address")
}

// Conn is a connection whose bytes count towards the limit of the run. It is
// safe for one reader and one writer at a time.
type Conn struct {
	conn   net.Conn
	broker *Broker
}

// Read reads what has arrived.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.conn.Read(p)
	if full := c.broker.carried(n); full != nil {
		return 0, full
	}
	return n, err
}

// Write writes all of it, or fails.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.broker.carried(len(p)); err != nil {
		return 0, err
	}
	return c.conn.Write(p)
}

// CloseWrite tells the other side that nothing more will come.
func (c *Conn) CloseWrite() error {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return io.ErrClosedPipe
}

// Close ends both directions. It may be called more than once.
func (c *Conn) Close() error { return c.conn.Close() }

func (b *Broker) carried(n int) error {
	if b.traffic.Add(int64(n)) > b.limits.Traffic {
		return fmt.Errorf("%w: the provider moved more than %d bytes over tcp in this run (limits { traffic })", ErrLimit, b.limits.Traffic)
	}
	return nil
}
