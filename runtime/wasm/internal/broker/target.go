package broker

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// place is a URL in the one form in which it is judged and sent.
type place struct {
	scheme, host, port string
	// path is escaped, starts with a slash and has no dot segments.
	path  string
	query string
}

func (p place) origin() string {
	return p.scheme + "://" + net.JoinHostPort(p.host, p.port)
}

func (p place) url() string {
	s := p.scheme + "://" + p.hostPort() + p.path
	if p.query != "" {
		s += "?" + p.query
	}
	return s
}

// hostPort leaves the default port out, as servers and signatures expect it.
func (p place) hostPort() string {
	host := p.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p.port == defaultPort(p.scheme) {
		return host
	}
	return host + ":" + p.port
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// parsePlace reads a URL strictly: what two parsers could read in two ways is
// refused, because the server is the second parser.
func parsePlace(raw string) (place, error) {
	for _, r := range raw {
		if r <= ' ' || r >= 0x7f || r == '\\' {
			return place{}, fmt.Errorf("the URL has the character %q; it has to be percent-encoded", r)
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return place{}, errors.New("the URL cannot be read")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return place{}, fmt.Errorf("the scheme %q is neither http nor https", u.Scheme)
	case u.User != nil:
		return place{}, errors.New("the URL names a user; credentials belong to the host")
	case u.Opaque != "" || u.Hostname() == "":
		return place{}, errors.New("the URL names no host")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return place{}, errors.New("the URL has a fragment, which is not sent")
	}
	p := place{scheme: u.Scheme, host: strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port: u.Port(), query: u.RawQuery}
	if !validHost(p.host) {
		return place{}, fmt.Errorf("the host %q is neither a name nor an address", p.host)
	}
	if p.port == "" {
		p.port = defaultPort(p.scheme)
	}
	p.path, err = cleanPath(u.EscapedPath())
	return p, err
}

func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return !strings.Contains(host, "%")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func cleanPath(escaped string) (string, error) {
	if escaped == "" {
		return "/", nil
	}
	// Decoded until nothing changes: proxies decode once, servers once more.
	decoded := escaped
	for range 5 {
		next, err := url.PathUnescape(decoded)
		if err != nil {
			return "", errors.New("the path has a broken percent-encoding")
		}
		if next == decoded {
			break
		}
		decoded = next
	}
	segments := strings.FieldsFunc(decoded, func(r rune) bool { return r == '/' || r == '\\' })
	if slices.Contains(segments, "..") || slices.Contains(segments, ".") {
		return "", errors.New("the path has a dot segment")
	}
	if strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("the path has a control character")
	}
	if strings.Contains(escaped, "//") {
		return "", errors.New("the path has an empty segment")
	}
	return escaped, nil
}

// under reports whether the path is the prefix or lies below it, by whole
// segments: /api is above /api/x and not above /apix.
func under(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/") || prefix == ""
}
