// Package tcp makes TCP connections from a guest. The host makes them: it
// judges the address against the grants, the phase and the effects of the
// action, and counts connections and bytes. Connections of several goroutines
// go on at the same time, and none outlives the call in which it was made.
//
// What it gives is a [net.Conn] and a dialer of the usual shape, so that a
// client library works as it is, TLS included:
//
//	config.DialFunc = tcp.Dialer{}.DialContext // pgx, and its
//	config.LookupFunc = tcp.LookupHost
//
// An action that connects says so in its effects: the capability tcp, the
// operation connect, and the address in the words of the grant. While a plan is
// made the grant has to say read = true.
//
// It refuses to listen, to resolve names, and to speak any network but tcp.
// Timeouts and deadlines are kept to about a tenth of a second: the guest's
// clock moves only when the host lets it.
package tcp

import (
	"context"
	"net"
	"time"
)

// Dialer connects through the host. Its zero value is ready.
type Dialer struct {
	// Timeout bounds connecting. Zero leaves it to the context and the host.
	Timeout time.Duration
}

// DialContext connects to host:port. The network is tcp, tcp4 or tcp6, and
// means tcp: the host chooses among the addresses of the name.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	if err := ctx.Err(); err != nil {
		return nil, failed("dial", address, err)
	}
	return dial(ctx, address)
}

// Dial is [Dialer.DialContext] for libraries that pass no context.
func (d Dialer) Dial(network, address string) (net.Conn, error) {
	//nolint:forbidigo // the shape that libraries ask for has no context
	return d.DialContext(context.Background(), network, address)
}

// LookupHost is for libraries that resolve a name before they dial. The host
// resolves names, once in a run, so the name stands for itself.
func LookupHost(_ context.Context, host string) ([]string, error) { return []string{host}, nil }

// Error is a connection that did not come about, or broke.
type Error struct {
	Address string
	// Violation says that the host does not permit the connection. The run fails
	// whatever the provider does now.
	Violation bool
	// Limit says that a limit of the provider is reached.
	Limit   bool
	Message string
}

// Error is the address and what happened.
func (e *Error) Error() string { return e.Address + ": " + e.Message }

// Address is that of a connection, as the guest knows it: host:port in its own
// words, because the host tells nothing of the network.
type Address string

// Network is tcp.
func (Address) Network() string { return "tcp" }

// String is host:port.
func (a Address) String() string { return string(a) }

func failed(op, address string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: Address(address), Err: err}
}
