package policy

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// granted reports whether an effect is inside what the module grants. What it
// does not understand is not granted.
func granted(grants reconcile.Grants, effect reconcile.Effect) bool {
	switch effect.Capability {
	case reconcile.CapabilityFile:
		return fileGranted(grants.Write, effect)
	case reconcile.CapabilityHTTP:
		return slices.ContainsFunc(grants.HTTP, func(g reconcile.HTTPGrant) bool { return httpGranted(g, effect) })
	case reconcile.CapabilityTCP:
		return effect.Operation == "connect" && slices.ContainsFunc(grants.TCP, func(g reconcile.TCPGrant) bool {
			return sameAddress(g.Address, effect.Target)
		})
	case reconcile.CapabilityUnbounded:
		// The grant is its only bound; a rule of its own denies it.
		return true
	default:
		return false
	}
}

// opaque reports whether nobody can see what an effect does: bytes go over a
// connection, or may go over one.
func opaque(grants reconcile.Grants, effect reconcile.Effect) bool {
	return effect.Capability == reconcile.CapabilityTCP ||
		effect.Capability == reconcile.CapabilityUnbounded && len(grants.TCP) > 0
}

// fileGranted compares paths, not text: "outer" is not inside "./out".
func fileGranted(writable []string, effect reconcile.Effect) bool {
	switch effect.Operation {
	case "write", "delete", "mkdir", "rmdir", "chmod":
	default:
		return false
	}
	target := effect.Target
	if !plainPath(strings.TrimPrefix(target, "./")) {
		return false
	}
	return slices.ContainsFunc(writable, func(grant string) bool { return inside(path.Clean(grant), path.Clean(target)) })
}

// plainPath refuses a path that could be written shorter: no "..", no ".", no
// "//", and nothing that another system takes for a separator.
func plainPath(p string) bool {
	return p != "" && path.Clean(p) == p && p != ".." && !strings.HasPrefix(p, "../") && !strings.ContainsAny(p, "\\\x00")
}

func inside(grant, target string) bool {
	switch {
	case strings.HasPrefix(grant, "/") != strings.HasPrefix(target, "/"):
		return false
	case grant == "." || grant == "/" || grant == target:
		return true
	default:
		return strings.HasPrefix(target, grant+"/")
	}
}

func httpGranted(grant reconcile.HTTPGrant, effect reconcile.Effect) bool {
	target, err := url.Parse(effect.Target)
	if err != nil || target.User != nil || target.Opaque != "" || target.Fragment != "" {
		return false
	}
	origin, err := url.Parse(grant.Origin)
	if err != nil || originOf(origin) == "" || originOf(origin) != originOf(target) {
		return false
	}
	methods := grant.Methods
	if len(methods) == 0 {
		methods = []string{"GET", "HEAD"}
	}
	return slices.Contains(methods, effect.Operation) && pathGranted(grant.Paths, target)
}

// originOf is scheme, host and port in one spelling; empty for what is none.
func originOf(u *url.URL) string {
	if u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	scheme := strings.ToLower(u.Scheme)
	switch {
	case port != "":
	case scheme == "https":
		port = "443"
	case scheme == "http":
		port = "80"
	default:
		return ""
	}
	return scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// pathGranted refuses paths that a server may read in another way: escaped
// separators and dots, and dot segments.
func pathGranted(prefixes []string, target *url.URL) bool {
	escaped := strings.ToLower(target.EscapedPath())
	for _, odd := range []string{"%2e", "%2f", "%5c", "%00", "\\", "//"} {
		if strings.Contains(escaped, odd) {
			return false
		}
	}
	p := target.Path
	if p == "" {
		p = "/"
	}
	if clean := path.Clean(p); clean != p && clean+"/" != p {
		return false
	}
	return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(prefix string) bool {
		prefix = strings.TrimSuffix(prefix, "/")
		return p == prefix || strings.HasPrefix(p, prefix+"/")
	})
}

func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && portA == portB && strings.EqualFold(hostA, hostB)
}
