// Package broker carries out for guests, on the host, what crosses the network.
// It judges each request against the grant, the phase and the effects of the
// action that is applied, adds credentials that the guest never sees, and takes
// them out of whatever comes back.
//
// It refuses to follow redirects, to talk to an address that was not resolved
// for the granted name when the run began, to reach loopback, link-local or
// private addresses without a grant that says so, and to pass on a header that
// would change what it has judged.
package broker

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Phase says what a guest is being asked to do.
type Phase int

// The phases. In PhaseRead nothing may change the world.
const (
	PhaseRead Phase = iota
	PhaseApply
)

// String is the phase as messages name it.
func (p Phase) String() string {
	if p == PhaseApply {
		return "apply"
	}
	return "plan"
}

// Request is what a guest asks for. Only the broker decides what of it is sent.
type Request struct {
	Method string
	URL    string
	// Header as the guest wrote it; names are not canonical.
	Header map[string][]string
	// Body, where all of it is known. It may be sent more than once.
	Body []byte
	// Stream is a body that is not, of Size bytes or [abi.SizeUnknown]; nil is
	// none. It is read once, and not after the context of [Session.Do] has ended.
	Stream io.Reader
	Size   int64
}

// size of the body in bytes, or [abi.SizeUnknown].
func (r *Request) size() int64 {
	if r.Stream != nil {
		return r.Size
	}
	return int64(len(r.Body))
}

// Response is what the guest gets: never a secret, never more than the limit.
type Response struct {
	Status int
	Header http.Header
	// Size of the body in bytes, or [abi.SizeUnknown].
	Size int64
	// Body is read while the server sends it, unless it is small and was read. Its errors are those of [Session.Do].
	Body io.ReadCloser
}

// ViolationError is about a request that the sandbox does not permit. The run says so.
type ViolationError struct {
	Phase Phase
	// What the guest tried: "http PUT https://api.example.org/x".
	What string
	// Why it is not permitted, and what would permit it.
	Why string
}

// Error names what was tried and why it was stopped.
func (v *ViolationError) Error() string {
	return fmt.Sprintf("%s while in phase %s: %s", v.What, v.Phase, v.Why)
}

// ErrLimit marks errors about an exhausted limit.
var ErrLimit = errors.New("limit reached")

// Use is one use of a capability, for the audit.
type Use struct {
	Effect reconcile.Effect
	Phase  Phase
	// Allowed is the verdict; Reason says why not.
	Allowed bool
	Reason  string
	Status  int
	Elapsed time.Duration
}

// Options configure a [Broker]. The zero value of each has a safe default.
type Options struct {
	Grants []reconcile.HTTPGrant
	TCP    []reconcile.TCPGrant
	Limits reconcile.Limits
	// Credentials by name; a grant refers to one.
	Credentials map[string]Credential
	// Authorities vouch for servers, by the path in a grant; where a grant names
	// none, the system's do.
	Authorities map[string]*x509.CertPool
	// Resolve looks a host name up; nil is the system's resolver.
	Resolve Resolver
	// Audit hears of each use; nil drops it. It is called from several
	// goroutines.
	Audit func(Use)
	// Now is the clock of the audit; nil leaves times out of it.
	Now func() time.Time
}

// The defaults of the limits on requests.
const (
	DefaultRequests = 10_000
	DefaultResponse = 32 << 20
	maxRequestBody  = abi.MaxHTTPBody
	maxHeaderBytes  = 64 << 10
)

// Broker serves one provider during one run. It is safe for concurrent use.
type Broker struct {
	origins   []origin
	endpoints []endpoint
	limits    reconcile.Limits
	requests  atomic.Int64
	// connections and traffic are those of the run over TCP.
	connections, traffic atomic.Int64
	audit                func(Use)
	now                  func() time.Time
	pins                 *pins
}

// New checks the grants and returns a broker for them.
func New(opts Options) (*Broker, error) {
	b := &Broker{limits: withDefaults(opts.Limits), audit: opts.Audit, now: opts.Now, pins: newPins(opts.Resolve)}
	if b.now == nil {
		b.now = func() time.Time { return time.Time{} }
	}
	paces := map[string]*pace{}
	for _, grant := range opts.Grants {
		o, err := newOrigin(grant, &opts, b.pins)
		if err != nil {
			return nil, err
		}
		if paces[o.key] == nil {
			paces[o.key] = newPace(b.limits.Rate)
		}
		o.pace = paces[o.key]
		b.origins = append(b.origins, o)
	}
	for _, grant := range opts.TCP {
		e, err := newEndpoint(grant, &opts)
		if err != nil {
			return nil, err
		}
		b.endpoints = append(b.endpoints, e)
	}
	return b, nil
}

// authorities are those that a grant names by their path; nil are the system's.
func (o *Options) authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // the system's
	}
	if pool := o.Authorities[path]; pool != nil {
		return pool, nil
	}
	return nil, fmt.Errorf("the authorities %q: nobody has read them", path)
}

func withDefaults(l reconcile.Limits) reconcile.Limits {
	if l.Requests <= 0 {
		l.Requests = DefaultRequests
	}
	if l.Response <= 0 {
		l.Response = DefaultResponse
	}
	if l.Connections <= 0 {
		l.Connections = DefaultConnections
	}
	if l.Traffic <= 0 {
		l.Traffic = DefaultTraffic
	}
	return l
}

// Close ends all idle connections.
func (b *Broker) Close() {
	for i := range b.origins {
		b.origins[i].transport.CloseIdleConnections()
	}
}

// Session is one phase of one resource, or one action of an apply. What is
// permitted in it does not leak into another.
type Session struct {
	broker *Broker
	phase  Phase
	ledger *ledger
	// audit hears of the uses of this session; nil leaves them to the broker's.
	audit func(Use)
}

// Audited has the uses of the session told to somebody who knows what it is about.
// It changes the session, before its first request.
func (s *Session) Audited(audit func(Use)) *Session {
	s.audit = audit
	return s
}

// Read returns a session in which nothing may change the world.
func (b *Broker) Read() *Session { return &Session{broker: b, phase: PhaseRead} }

// Apply returns a session that permits reads within the grant, and of changes
// exactly the effects. An unbounded effect permits what the grant permits.
func (b *Broker) Apply(effects []reconcile.Effect) (*Session, error) {
	l, err := newLedger(effects)
	if err != nil {
		return nil, err
	}
	return &Session{broker: b, phase: PhaseApply, ledger: l}, nil
}

// Do judges the request and carries it out. A refusal is a [*ViolationError]; the
// context bounds all attempts together, and the reading of the response, which the
// caller closes. The use is audited when it is over.
func (s *Session) Do(ctx context.Context, req Request) (*Response, error) {
	began := s.broker.now()
	target, err := s.judge(&req)
	if err != nil {
		s.record(req, err, 0, began)
		return nil, err
	}
	resp, err := target.send(ctx, req, s.broker.limits)
	if err != nil {
		s.record(req, err, 0, began)
		return nil, err
	}
	resp.Body = &audited{ReadCloser: resp.Body, done: func(err error) { s.record(req, err, resp.Status, began) }}
	return resp, nil
}

func (s *Session) record(req Request, err error, status int, began time.Time) {
	s.note(reconcile.Effect{Capability: reconcile.CapabilityHTTP, Operation: req.Method, Target: req.URL}, err, status, began)
}

func (s *Session) note(effect reconcile.Effect, err error, status int, began time.Time) {
	audit := s.audit
	if audit == nil {
		audit = s.broker.audit
	}
	if audit == nil {
		return
	}
	use := Use{
		Effect: effect, Phase: s.phase, Allowed: err == nil, Status: status, Elapsed: s.broker.now().Sub(began),
	}
	if err != nil {
		use.Reason = err.Error()
	}
	audit(use)
}
