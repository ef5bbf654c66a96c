package tcp_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/cogplan/cogplan/sdk/tcp"
)

// A provider speaks to a server, says that it is done, and listens on. Outside of a sandbox, where this
// example runs, the dialer connects by itself.
func ExampleDialer() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close() //nolint:errcheck // an example
	go func() {
		conn, err := server.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()

	conn, err := tcp.Dialer{}.DialContext(context.Background(), "tcp", server.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close() //nolint:errcheck // an example
	_, _ = fmt.Fprintln(conn, "hello")
	// That is all; the server may still speak.
	if err := conn.(*tcp.Conn).CloseWrite(); err != nil {
		fmt.Println(err)
		return
	}
	said, _ := io.ReadAll(conn)
	fmt.Print(string(said))
	// Output: hello
}
