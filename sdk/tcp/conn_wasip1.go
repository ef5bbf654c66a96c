package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk/internal/hostcall"
)

// piece is how much crosses the boundary at once.
const piece = 64 << 10

// Conn is a connection that the host has made.
type Conn struct {
	handle      uint32
	address     string
	closed      bool
	read, write time.Time
}

var _ net.Conn = (*Conn)(nil)

func dial(ctx context.Context, address string) (net.Conn, error) {
	data, err := hostcall.Ask(abi.HostTCPConnect, &abi.TCPConnectRequest{Address: address})
	if errors.Is(err, abi.HostTooLarge) {
		err = &Error{Address: address, Limit: true, Message: fmt.Sprintf("more than %d connections at a time", abi.MaxTCPHandles)}
	}
	if err != nil {
		return nil, failed("dial", address, err)
	}
	answer, err := abi.DecodeTCPConnectAnswer(data, abi.DefaultLimits())
	if err != nil {
		return nil, failed("dial", address, err)
	}
	c := &Conn{handle: answer.Handle, address: address}
	stop := context.AfterFunc(ctx, hostcall.Wake)
	defer stop()
	err = hostcall.Wait(hostcall.ForWrite, c.handle, func() time.Time {
		if ctx.Err() != nil {
			return past()
		}
		at, _ := ctx.Deadline()
		return at
	})
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = context.DeadlineExceeded
	case err == nil:
		err = c.fault()
	}
	if err != nil {
		_ = c.Close()
		return nil, failed("dial", address, err)
	}
	return c, nil
}

func past() time.Time { return time.Unix(1, 0) }

// fault is why the connection is down; nil where it is not.
func (c *Conn) fault() error {
	data, err := hostcall.Raw(abi.HostTCPState, abi.AppendHandle(nil, c.handle))
	if err != nil {
		return err
	}
	state, err := abi.DecodeTCPState(data, abi.DefaultLimits())
	if err != nil || state.State != abi.TCPDown {
		return err
	}
	return &Error{
		Address: c.address, Message: state.Message,
		Violation: state.Fault == abi.HTTPViolation, Limit: state.Fault == abi.HTTPLimit,
	}
}

// Read reads what has arrived, and waits where nothing has.
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		if err := c.usable(c.read); err != nil {
			return 0, failed("read", c.address, err)
		}
		room := uint32(min(len(b), piece))
		data, err := hostcall.Raw(abi.HostTCPRead, abi.AppendHandle(abi.AppendHandle(nil, c.handle), room))
		switch {
		case err == nil && len(data) > 0:
			return copy(b, data), nil
		case err == nil:
			if err = c.fault(); err == nil {
				return 0, io.EOF
			}
		case errors.Is(err, abi.HostNotYet):
			if err = c.await(hostcall.ForRead, &c.read); err == nil {
				continue
			}
		}
		return 0, failed("read", c.address, err)
	}
}

// Write gives all of it to the host, and waits where there is no room. The host
// sends it, also after Close.
func (c *Conn) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		if err := c.usable(c.write); err != nil {
			return written, failed("write", c.address, err)
		}
		chunk := b[written:min(len(b), written+piece)]
		n, err := hostcall.Give(abi.HostTCPWrite, append(abi.AppendHandle(nil, c.handle), chunk...))
		written += n
		switch {
		case err == nil && n > 0:
			continue
		case err == nil:
			if err = c.await(hostcall.ForWrite, &c.write); err == nil {
				continue
			}
		default:
			if fault := c.fault(); fault != nil {
				err = fault
			}
		}
		return written, failed("write", c.address, err)
	}
	return written, nil
}

func (c *Conn) usable(deadline time.Time) error {
	switch {
	case c.closed:
		return net.ErrClosed
	case hostcall.Late(deadline):
		return os.ErrDeadlineExceeded
	}
	return nil
}

// await waits until the connection can go on, it is closed, or it is too late.
func (c *Conn) await(what hostcall.For, deadline *time.Time) error {
	err := hostcall.Wait(what, c.handle, func() time.Time {
		if c.closed {
			return past()
		}
		return *deadline
	})
	if c.closed {
		return net.ErrClosed
	}
	return err
}

// CloseWrite tells the other side that nothing more will come.
func (c *Conn) CloseWrite() error {
	if c.closed {
		return failed("close", c.address, net.ErrClosed)
	}
	if _, err := hostcall.Raw(abi.HostTCPShut, abi.AppendHandle(nil, c.handle)); err != nil {
		return failed("close", c.address, err)
	}
	return nil
}

// Close ends the connection. What was written is sent.
func (c *Conn) Close() error {
	if c.closed {
		return failed("close", c.address, net.ErrClosed)
	}
	c.closed = true
	hostcall.Wake()
	_, err := hostcall.Raw(abi.HostTCPClose, abi.AppendHandle(nil, c.handle))
	return err
}

// LocalAddr has no meaning in a guest.
func (c *Conn) LocalAddr() net.Addr { return Address("guest:0") }

// RemoteAddr is the address that was dialed.
func (c *Conn) RemoteAddr() net.Addr { return Address(c.address) }

// SetDeadline bounds reading and writing, also what is under way.
func (c *Conn) SetDeadline(t time.Time) error {
	c.read, c.write = t, t
	hostcall.Wake()
	return nil
}

// SetReadDeadline bounds reading.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.read = t
	hostcall.Wake()
	return nil
}

// SetWriteDeadline bounds writing.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.write = t
	hostcall.Wake()
	return nil
}
