package wasm

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// Credential is a secret that the host adds to requests. It never enters a
// guest, and its methods print nothing of it.
type Credential = broker.Credential

// CredentialKind says how a secret is used.
type CredentialKind = broker.CredentialKind

// The kinds of credentials.
const (
	CredentialBearer = broker.CredentialBearer
	CredentialBasic  = broker.CredentialBasic
	CredentialHeader = broker.CredentialHeader
	CredentialQuery  = broker.CredentialQuery
	// CredentialTLS shows a certificate, and proves with its key.
	CredentialTLS = broker.CredentialTLS
	// CredentialPostgres logs in to PostgreSQL, over TCP.
	CredentialPostgres = broker.CredentialPostgres
)

// online is a provider's way into the network: made when it runs for the first
// time, because secrets are not read before.
type online struct {
	mu      sync.Mutex
	broker  *broker.Broker
	secrets []string
}

// networked reports whether the provider may use the network.
func (p *Provider) networked() bool { return len(p.info.Grants.HTTP)+len(p.info.Grants.TCP) > 0 }

// checkNetwork refuses grants that cannot be kept, without reading a secret.
func checkNetwork(spec *ProviderSpec, authorities map[string]*x509.CertPool) error {
	names := map[string]broker.Credential{}
	for _, grant := range spec.Info.Grants.HTTP {
		if grant.Credential != "" && spec.Credential == nil {
			return fmt.Errorf("grant for %q: there is no credential %q", grant.Origin, grant.Credential)
		}
		names[grant.Credential] = broker.Credential{}
	}
	for _, grant := range spec.Info.Grants.TCP {
		for _, name := range []string{grant.Credential, grant.ReadCredential} {
			if name != "" && spec.Credential == nil {
				return fmt.Errorf("grant for %q: there is no credential %q", grant.Address, name)
			}
			names[name] = broker.Credential{}
		}
	}
	b, err := broker.New(broker.Options{
		Grants: spec.Info.Grants.HTTP, TCP: spec.Info.Grants.TCP, Credentials: names, Authorities: authorities,
	})
	if err != nil {
		return err
	}
	b.Close()
	return nil
}

// network returns the provider's broker. The first call reads the secrets of
// the credentials that its grants name.
func (p *Provider) network(ctx context.Context) (*broker.Broker, error) {
	p.online.mu.Lock()
	defer p.online.mu.Unlock()
	if p.online.broker != nil {
		return p.online.broker, nil
	}
	credentials := map[string]broker.Credential{}
	var secrets []string
	for _, name := range credentialNames(p.info.Grants) {
		if _, known := credentials[name]; known || name == "" {
			continue
		}
		c, err := p.credential(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("credential %q: %w", name, err)
		}
		credentials[name] = c
		secrets = append(secrets, c.Secret)
	}
	b, err := broker.New(broker.Options{
		Grants: p.info.Grants.HTTP, TCP: p.info.Grants.TCP, Limits: p.info.Limits, Credentials: credentials, Authorities: p.authorities,
		Now: time.Now, //nolint:forbidigo // measures a use for the audit
	})
	if err != nil {
		return nil, err
	}
	p.online.broker, p.online.secrets = b, secrets
	p.host.keep(b)
	return b, nil
}

// credentialNames are those that the grants name, or empty.
func credentialNames(grants reconcile.Grants) []string {
	var names []string
	for i := range grants.HTTP {
		names = append(names, grants.HTTP[i].Credential)
	}
	for i := range grants.TCP {
		names = append(names, grants.TCP[i].Credential, grants.TCP[i].ReadCredential)
	}
	return names
}

// secretsOf are the values that no text may show for a resource.
func (p *Provider) secretsOf(ctx context.Context) ([]string, error) {
	if p.host.opts.Replay != nil {
		return nil, nil // what was recorded holds none
	}
	if _, err := p.network(ctx); err != nil {
		return nil, err
	}
	return p.online.secrets, nil
}

// checkTCPEffect refuses what no grant covers.
func (p *Provider) checkTCPEffect(e reconcile.Effect) (reconcile.Effect, error) {
	judged, err := broker.CoveredTCP(p.info.Grants.TCP, e)
	if err != nil {
		return e, fmt.Errorf("it declares the effect %q, and %s", p.redactor.show(e.String()), p.redactor.show(err.Error()))
	}
	return judged, nil
}

// checkHTTPEffect refuses what no grant covers.
func (p *Provider) checkHTTPEffect(e reconcile.Effect) (reconcile.Effect, error) {
	judged, err := broker.Covered(p.info.Grants.HTTP, e)
	if err != nil {
		return e, fmt.Errorf("it declares the effect %q, and %s", p.redactor.show(e.String()), p.redactor.show(err.Error()))
	}
	return judged, nil
}

// wire carries the requests of one instance. What they may do is decided by
// the call that the host is making, never by what the worker says.
type wire struct {
	prov *Provider
	out  *pipe.Writer
	// instance is the number of the instance.
	instance uint32

	mu sync.Mutex
	// scope is that of the running call; nil between calls.
	scope *scope
	// turn is what the running call gives back when it uses the network.
	turn *turn
}

// lend lets the next call give its turn back early.
func (w *wire) lend(t *turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn = t
}

// scope is what one call may do over the network, and what it did.
type scope struct {
	//nolint:containedctx // it bounds the requests of one call, which begin elsewhere
	ctx     context.Context
	cancel  context.CancelFunc
	session *broker.Session // nil permits nothing
	// exchanges are the requests that are not over, by handle.
	exchanges map[uint32]*exchange
	// sockets are the connections, by handle.
	sockets map[uint32]*socket
	all     sync.WaitGroup
	report  guestfs.Report
}

// begin opens a scope for a call; end has to follow.
func (w *wire) begin(ctx context.Context, session *broker.Session, limit time.Duration) {
	// A little less than the call may take: the guest shall hear of a server
	// that does not answer, and not be ended with it.
	ctx, cancel := context.WithTimeout(ctx, limit-limit/20)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scope = &scope{ctx: ctx, cancel: cancel, session: session, exchanges: map[uint32]*exchange{}, sockets: map[uint32]*socket{}}
}

// end closes the scope: requests under way are given up, and what was tried
// against the rules is added to the report.
func (w *wire) end(report *guestfs.Report) {
	w.mu.Lock()
	s := w.scope
	w.scope = nil
	var sockets []*socket
	if s != nil {
		sockets = slices.Collect(maps.Values(s.sockets))
	}
	w.mu.Unlock()
	if s == nil {
		return
	}
	s.drain(sockets)
	s.cancel()
	s.all.Wait()
	report.Violations = append(report.Violations, s.report.Violations...)
	report.Problems = append(report.Problems, s.report.Problems...)
	report.Limited = report.Limited || s.report.Limited
}

// stopped reports whether the guest has tried what it must not do: then it
// gets nothing more.
func (w *wire) stopped(s *scope) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(s.report.Violations) > 0
}

const maxViolations = 8

// failed notes what the guest must not hide.
func (w *wire) failed(s *scope, err error) *abi.HTTPHead {
	w.mu.Lock()
	defer w.mu.Unlock()
	message := clip(sanitize(err.Error()), maxMessage)
	var violation *broker.ViolationError
	switch {
	case errors.As(err, &violation):
		if len(s.report.Violations) < maxViolations {
			verb, what := "send", violation.What
			if !strings.HasPrefix(what, "http ") {
				verb, what, _ = strings.Cut(what, " ")
			}
			s.report.Violations = append(s.report.Violations, guestfs.Violation{Op: verb, Path: what, Why: violation.Why})
		}
		return &abi.HTTPHead{Fault: abi.HTTPViolation, Message: message}
	case errors.Is(err, broker.ErrLimit):
		s.report.Limited = true
		if len(s.report.Problems) < maxViolations {
			s.report.Problems = append(s.report.Problems, message)
		}
		return &abi.HTTPHead{Fault: abi.HTTPLimit, Message: message}
	default:
		return &abi.HTTPHead{Fault: abi.HTTPFailed, Message: message}
	}
}

// carry hands a frame about the network to the session whose instance sent it.
func (p *process) carry(f pipe.Frame) {
	p.mu.Lock()
	s := p.sessions[f.ID]
	p.mu.Unlock()
	if s == nil {
		return // it was given up meanwhile
	}
	if err := s.wire.take(f); err != nil {
		p.kill("the worker process broke the protocol: " + err.Error())
	}
}

func (w *wire) take(f pipe.Frame) error {
	if f.Kind == pipe.HTTPRequest {
		m, err := pipe.ParseHTTP(f.Payload)
		if err != nil {
			return err
		}
		return w.request(m)
	}
	m, err := pipe.ParseStream(f.Payload)
	switch {
	case err != nil:
		return err
	case m.Verb == pipe.StreamConnect:
		return w.connectTo(m)
	}
	return w.want(m)
}

// want tells a stream what the worker wants of it. What comes late for one that is
// over is no breach.
func (w *wire) want(m pipe.StreamMessage) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.scope == nil {
		return nil
	}
	if c := w.scope.sockets[m.Handle]; c != nil {
		return c.want(m)
	}
	if e := w.scope.exchanges[m.Handle]; e != nil {
		return e.want(m)
	}
	return nil
}

// permissions of a call that reads, or that opens a session which will write.
func (s *session) reads(ctx context.Context) (*broker.Session, error) {
	b, err := s.prov.network(ctx)
	if err != nil {
		return nil, err
	}
	if s.write {
		session, err := b.Apply(nil)
		if err != nil {
			return nil, err
		}
		return session.Audited(s.hear("")), nil
	}
	return b.Read().Audited(s.hear("")), nil
}

// applies is what one action may do.
func (s *session) applies(ctx context.Context, st *step) (*broker.Session, error) {
	b, err := s.prov.network(ctx)
	if err != nil {
		return nil, err
	}
	session, err := b.Apply(st.planned.effects)
	if err != nil {
		return nil, err
	}
	return session.Audited(s.hear(st.what())), nil
}
