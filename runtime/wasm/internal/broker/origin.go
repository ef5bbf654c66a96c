package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// origin is one granted origin, with a connection pool of its own: connections
// that carry one provider's credentials are never used for another.
type origin struct {
	key        string
	methods    []string
	paths      []string
	readRoutes []string
	credential *Credential
	redact     *redactor
	transport  *http.Transport
	pace       *pace
}

func newOrigin(grant reconcile.HTTPGrant, opts *Options, p *pins) (origin, error) {
	at, err := parsePlace(grant.Origin)
	if err != nil {
		return origin{}, fmt.Errorf("grant for %q: %w", grant.Origin, err)
	}
	if at.path != "/" || at.query != "" {
		return origin{}, fmt.Errorf("grant for %q: an origin is scheme, host and port; paths stand in `paths`", grant.Origin)
	}
	o := origin{key: at.origin(), methods: grant.Methods, paths: grant.Paths, readRoutes: grant.ReadRoutes}
	if len(o.methods) == 0 {
		o.methods = []string{http.MethodGet, http.MethodHead}
	}
	for _, method := range o.methods {
		if !validMethod(method) {
			return origin{}, fmt.Errorf("grant for %q: %q is not an HTTP method", grant.Origin, method)
		}
	}
	if len(o.paths) == 0 {
		o.paths = []string{"/"}
	}
	if i := slices.IndexFunc(o.paths, func(p string) bool { return !strings.HasPrefix(p, "/") }); i >= 0 {
		return origin{}, fmt.Errorf("grant for %q: the path %q does not start with a slash", grant.Origin, o.paths[i])
	}
	if err := o.bind(grant, opts.Credentials); err != nil {
		return origin{}, err
	}
	roots, err := opts.authorities(grant.CA)
	if err != nil {
		return origin{}, fmt.Errorf("grant for %q: %w", grant.Origin, err)
	}
	o.transport = newTransport(at, grant.Private, o.credential, p)
	o.transport.TLSClientConfig.RootCAs = roots
	return o, nil
}

func (o *origin) bind(grant reconcile.HTTPGrant, credentials map[string]Credential) error {
	if grant.Credential != "" {
		c, ok := credentials[grant.Credential]
		if !ok {
			return fmt.Errorf("grant for %q: there is no credential %q", grant.Origin, grant.Credential)
		}
		if c.Kind == CredentialPostgres {
			return fmt.Errorf("grant for %q: the credential %q is for connections to PostgreSQL", grant.Origin, grant.Credential)
		}
		o.credential = &c
	}
	o.redact = newRedactor(o.credential)
	return nil
}

func newTransport(at place, private bool, credential *Credential, p *pins) *http.Transport {
	t := &http.Transport{
		// No proxy of the environment: the address that was judged is the one
		// that is talked to.
		Proxy: nil,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return p.dial(ctx, network, at.host, at.port, private)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  60 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    16,
		MaxConnsPerHost:        16,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	if credential != nil && credential.Certificate != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*credential.Certificate}
	}
	return t
}

// maxPatience bounds one wait that a server asks for.
const maxPatience = 30 * time.Second

func patience(resp *Response, attempt int) (time.Duration, bool) {
	if resp.Status != http.StatusTooManyRequests && resp.Status != http.StatusServiceUnavailable {
		return 0, false
	}
	after := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, maxPatience), true
	}
	if at, err := http.ParseTime(after); err == nil {
		return min(max(time.Until(at), 0), maxPatience), true
	}
	// Without the header only a 429 says for certain that nothing was done.
	return time.Duration(attempt*attempt) * 100 * time.Millisecond, resp.Status == http.StatusTooManyRequests
}

// sleep reports whether the whole time passed.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
