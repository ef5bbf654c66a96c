package broker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Resolver looks a host name up. *net.Resolver's LookupNetIP has this shape.
type Resolver func(ctx context.Context, network, host string) ([]netip.Addr, error)

// pins keeps the addresses of a name as they were first resolved in a run, so
// that a name cannot come to mean another machine between two requests.
type pins struct {
	resolve Resolver
	mu      sync.Mutex
	byHost  map[string][]netip.Addr
}

func newPins(resolve Resolver) *pins {
	if resolve == nil {
		resolve = net.DefaultResolver.LookupNetIP
	}
	return &pins{resolve: resolve, byHost: map[string][]netip.Addr{}}
}

// lookup returns the pinned addresses of a host that may be talked to.
func (p *pins) lookup(ctx context.Context, host string, private bool) ([]netip.Addr, error) {
	addrs, err := p.pinned(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, addr := range addrs {
		// One address out of bounds taints the name: which of them a
		// connection takes is not ours to say.
		if !private && !public(addr) {
			return nil, &ViolationError{
				What: "connect to " + host + " at " + addr.String(),
				Why:  "the address is loopback, link-local, private or reserved; the grant needs `private = true` for it",
			}
		}
	}
	return addrs, nil
}

func (p *pins) pinned(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr.Unmap()}, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if addrs, ok := p.byHost[host]; ok {
		return addrs, nil
	}
	addrs, err := p.resolve(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("resolve %s: the name has no address", host)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	p.byHost[host] = addrs
	return addrs, nil
}

// dial connects to a pinned address of the host, in order.
func (p *pins) dial(ctx context.Context, network, host, port string, private bool) (net.Conn, error) {
	addrs, err := p.lookup(ctx, host, private)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	var last error
	for _, addr := range addrs {
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

// public reports whether an address is a machine on the public internet.
func public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Zone() != "" {
		return false
	}
	for _, prefix := range reserved {
		if prefix.Contains(addr) {
			return false
		}
	}
	return true
}

// reserved are the blocks of the IANA special-purpose registries that
// netip's predicates leave out, and the prefixes that embed an IPv4 address.
//
//nolint:gochecknoglobals // a constant table
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
}
