//go:build !wasip1

package tcp

import (
	"context"
	"net"
)

// Conn is what a dialer gives: outside of a sandbox that of the system, so that
// what ends one direction of a connection compiles there too.
type Conn = net.TCPConn

// dial connects by itself: outside of a sandbox, where providers are tested
// natively, nobody judges.
func dial(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}
