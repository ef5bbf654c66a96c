package broker

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// judge brings the request into its one form and decides on it. Everything
// that is sent afterwards is what was judged.
func (s *Session) judge(req *Request) (*origin, error) {
	what := fmt.Sprintf("http %s %s", printable(req.Method), printable(req.URL))
	refuse := func(format string, args ...any) error {
		return &ViolationError{Phase: s.phase, What: what, Why: fmt.Sprintf(format, args...)}
	}
	if !validMethod(req.Method) {
		return nil, refuse("the method is not one of the registered ones in capitals")
	}
	at, err := parsePlace(req.URL)
	if err != nil {
		return nil, refuse("%s", err)
	}
	req.URL = at.url()
	if err := checkHeader(req.Header); err != nil {
		return nil, refuse("%s", err)
	}
	if req.size() > maxRequestBody {
		return nil, refuse("the body is larger than %d MiB", maxRequestBody>>20)
	}
	o, reads, why := s.broker.find(req.Method, at)
	if o == nil {
		return nil, refuse("%s", why)
	}
	if reads && req.size() != 0 && safe(req.Method) {
		return nil, refuse("a %s carries no body", req.Method)
	}
	if err := s.permit(req.Method, at, reads); err != nil {
		return nil, refuse("%s", err)
	}
	if n := s.broker.requests.Add(1); n > s.broker.limits.Requests {
		return nil, fmt.Errorf("%w: the provider made more than %d requests in this run (limits { requests })", ErrLimit, s.broker.limits.Requests)
	}
	return o, nil
}

// permit decides by phase: reads always, changes only as declared effects.
func (s *Session) permit(method string, at place, reads bool) error {
	if reads {
		return nil
	}
	if s.phase == PhaseRead {
		return fmt.Errorf("nothing may change while a plan is made; if this route only reads, grant it with `read_routes = [%q]`", method+" "+at.path)
	}
	return s.ledger.spend(method, at)
}

// find returns the origin that is granted for the request, and whether the
// request only reads.
func (b *Broker) find(method string, at place) (o *origin, reads bool, why string) {
	why = "no grant names the origin " + at.scheme + "://" + at.hostPort()
	for i := range b.origins {
		o := &b.origins[i]
		if o.key != at.origin() {
			continue
		}
		ok, reads, reason := o.allows(method, at)
		if ok {
			return o, reads, ""
		}
		why = reason
	}
	return nil, false, why
}

func (o *origin) allows(method string, at place) (ok, reads bool, why string) {
	if slices.Contains(o.readRoutes, method+" "+at.path) {
		return true, true, ""
	}
	if !slices.ContainsFunc(o.paths, func(p string) bool { return under(at.path, p) }) {
		return false, false, "no path that is granted for this origin leads there"
	}
	if !slices.Contains(o.methods, method) {
		return false, false, fmt.Sprintf("the grant allows %s only", strings.Join(o.methods, ", "))
	}
	return true, safe(method), ""
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func validMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}

// printable cuts and escapes what a guest wrote, for messages.
func printable(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Trim(fmt.Sprintf("%+q", s), `"`)
}

// checkHeader refuses what would change a request after it was judged.
func checkHeader(header map[string][]string) error {
	size := 0
	for name, values := range header {
		if !validHeaderName(name) {
			return fmt.Errorf("the header name %q is not a token", printable(name))
		}
		if forbiddenHeader(http.CanonicalHeaderKey(name)) {
			return fmt.Errorf("a provider may not set the header %s", http.CanonicalHeaderKey(name))
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("the header %s has a control character", http.CanonicalHeaderKey(name))
			}
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	if size > maxHeaderBytes {
		return fmt.Errorf("the headers have more than %d KiB", maxHeaderBytes>>10)
	}
	return nil
}

func validHeaderName(name string) bool {
	const nameChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && strings.Trim(name, nameChars) == ""
}

// forbiddenHeader tells the headers that route, frame or re-interpret a
// request, and those with which a server would take another method or path
// than the one that was judged.
func forbiddenHeader(name string) bool {
	switch name {
	case "Host", "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Te",
		"Trailer", "Upgrade", "Expect", "Proxy-Authorization", "Accept-Encoding", "Forwarded", "Via",
		"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url",
		"X-Original-Method", "Alt-Used", "Http2-Settings":
		return true
	}
	return strings.HasPrefix(name, "Proxy-") || strings.HasPrefix(name, "X-Forwarded-")
}

// ledger is what an action may still do.
type ledger struct {
	unbounded bool
	entries   []entry
	bound     map[string]string
	// connects are the declared addresses of TCP, host and port.
	connects []string
}

type entry struct {
	method string
	at     place
	spent  bool
}

func newLedger(effects []reconcile.Effect) (*ledger, error) {
	l := &ledger{bound: map[string]string{}}
	for _, effect := range effects {
		switch effect.Capability {
		case reconcile.CapabilityUnbounded:
			l.unbounded = true
		case reconcile.CapabilityHTTP:
			e, err := parseEffect(effect)
			if err != nil {
				return nil, err
			}
			l.entries = append(l.entries, e)
		case reconcile.CapabilityTCP:
			if err := l.addConnect(effect); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

func parseEffect(effect reconcile.Effect) (entry, error) {
	if !validMethod(effect.Operation) {
		return entry{}, fmt.Errorf("effect %s: not an HTTP method", effect)
	}
	// A placeholder's braces are no URL characters; the rest is judged as one.
	at, err := parsePlace(effect.Target)
	if err != nil {
		return entry{}, fmt.Errorf("effect %s: %w", effect, err)
	}
	at.path = strings.NewReplacer("%7B", "{", "%7D", "}").Replace(at.path)
	return entry{method: effect.Operation, at: at}, nil
}

// spend uses an effect up. A POST or PATCH is permitted once for each time it
// is declared; PUT and DELETE say the same thing however often they are said.
func (l *ledger) spend(method string, at place) error {
	if l.unbounded {
		return nil
	}
	for i := range l.entries {
		e := &l.entries[i]
		repeats := method == http.MethodPut || method == http.MethodDelete
		if e.method != method || e.spent && !repeats || !l.matches(e.at, at) {
			continue
		}
		e.spent = true
		return nil
	}
	return fmt.Errorf("the plan that was reviewed does not say that this action does that; it says: %s", l)
}

// matches compares origin, path and query. A placeholder stands for one
// segment, and for the same one ever after.
func (l *ledger) matches(effect, at place) bool {
	if effect.origin() != at.origin() || effect.query != at.query {
		return false
	}
	want, got := strings.Split(effect.path, "/"), strings.Split(at.path, "/")
	if len(want) != len(got) {
		return false
	}
	bound := map[string]string{}
	for i := range want {
		if !strings.HasPrefix(want[i], "{") || !strings.HasSuffix(want[i], "}") {
			if want[i] != got[i] {
				return false
			}
			continue
		}
		if known, ok := l.bound[want[i]]; got[i] == "" || ok && known != got[i] {
			return false
		}
		bound[want[i]] = got[i]
	}
	maps.Copy(l.bound, bound)
	return true
}

// String lists what the ledger permits.
func (l *ledger) String() string {
	if len(l.entries) == 0 {
		return "nothing over HTTP"
	}
	lines := make([]string, 0, len(l.entries))
	for _, e := range l.entries {
		lines = append(lines, e.method+" "+e.at.url())
	}
	return strings.Join(lines, ", ")
}
