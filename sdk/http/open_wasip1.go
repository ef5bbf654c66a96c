package http

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk/internal/hostcall"
)

// piece is how much of a body crosses the boundary at once.
const piece = 256 << 10

// slots bound the requests that are not closed yet, below the host's bound.
var slots = make(chan struct{}, abi.MaxHTTPHandles-8)

var errClosed = errors.New("it was closed")

// exchange is a request and its response, which is its own body.
type exchange struct {
	req    *Request
	handle uint32
	closed bool
	// broken is why the body of the request could not be read.
	broken error
}

func open(_ context.Context, req *Request) (*Stream, error) {
	slots <- struct{}{}
	e := &exchange{req: req}
	if err := e.start(); err != nil {
		<-slots
		return nil, e.fail(err)
	}
	head, err := e.await()
	if err == nil && head.Fault != "" {
		err = e.fault(head)
	}
	if err != nil {
		_ = e.Close()
		return nil, e.fail(err)
	}
	return &Stream{Status: head.Status, Header: head.Header, Size: head.Size, Body: e}, nil
}

// fail is an error about the request.
func (e *exchange) fail(err error) error {
	var known *Error
	switch {
	case e.broken != nil:
		return &Error{Method: e.req.Method, URL: e.req.URL, Message: "read the body: " + e.broken.Error()}
	case errors.As(err, &known):
		return known
	}
	return &Error{Method: e.req.Method, URL: e.req.URL, Message: err.Error()}
}

func (e *exchange) fault(head *abi.HTTPHead) error {
	return &Error{
		Method: e.req.Method, URL: e.req.URL, Message: head.Message,
		Violation: head.Fault == abi.HTTPViolation, Limit: head.Fault == abi.HTTPLimit,
	}
}

func (e *exchange) start() error {
	size := int64(len(e.req.Body))
	if e.req.Stream != nil {
		if size = e.req.Size; size <= 0 {
			size = abi.SizeUnknown
		}
	}
	data, err := hostcall.Ask(abi.HostHTTPStart, &abi.HTTPStartRequest{
		Method: e.req.Method, URL: e.req.URL, Header: e.req.Header, Size: size,
	})
	if err != nil {
		return err
	}
	answer, err := abi.DecodeHTTPStartAnswer(data, abi.DefaultLimits())
	if err != nil {
		return err
	}
	e.handle = answer.Handle
	switch {
	case e.req.Stream != nil:
		// The server may answer before it has all of it.
		go e.send(e.req.Stream, size)
	case len(e.req.Body) <= abi.HTTPWindow:
		return e.give(bytes.NewReader(e.req.Body), size)
	default:
		go e.send(bytes.NewReader(e.req.Body), size)
	}
	return nil
}

// send gives a body to the host while others wait for the answer. Where it cannot
// be had there is nothing to wait for.
func (e *exchange) send(from io.Reader, size int64) {
	if c, ok := from.(io.Closer); ok {
		defer c.Close() //nolint:errcheck // only read
	}
	if err := e.give(from, size); err != nil && !e.closed {
		e.broken = err
		_ = e.Close()
	}
}

// give writes a body, and waits where there is no room.
func (e *exchange) give(from io.Reader, size int64) error {
	buf := make([]byte, 4+min(piece, max(size, 0)), 4+piece)
	if size < 0 {
		buf = buf[:4+piece]
	}
	_ = abi.AppendHandle(buf[:0], e.handle)
	for size != 0 && !e.closed {
		n, err := from.Read(buf[4:])
		if size > 0 && int64(n) > size {
			return errors.New("it is larger than was said")
		}
		if n > 0 {
			if err := e.push(buf[:4+n]); err != nil {
				return err
			}
		}
		if size > 0 {
			size -= int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) && size > 0:
			return io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF) && size < 0:
			_, err = hostcall.Give(abi.HostHTTPWrite, buf[:4])
			return err
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// push gives the bytes behind the handle.
func (e *exchange) push(buf []byte) error {
	for len(buf) > 4 && !e.closed {
		n, err := hostcall.Give(abi.HostHTTPWrite, buf)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := e.wait(hostcall.ForWrite); err != nil {
				return err
			}
			continue
		}
		buf = append(buf[:4], buf[4+n:]...)
	}
	return nil
}

// wait returns when the host is ready for it, or somebody has closed the exchange.
func (e *exchange) wait(what hostcall.For) error {
	err := hostcall.Wait(what, e.handle, func() time.Time {
		if e.closed {
			return time.Unix(1, 0)
		}
		return time.Time{}
	})
	if e.closed {
		return errClosed
	}
	return err
}

func (e *exchange) await() (*abi.HTTPHead, error) {
	if err := e.wait(hostcall.ForAnswer); err != nil {
		return nil, err
	}
	return e.head()
}

func (e *exchange) head() (*abi.HTTPHead, error) {
	data, err := hostcall.Raw(abi.HostHTTPHead, abi.AppendHandle(nil, e.handle))
	if err != nil {
		return nil, err
	}
	return abi.DecodeHTTPHead(data, abi.DefaultLimits())
}

// Read reads the next piece of the response, and waits where none has arrived.
func (e *exchange) Read(buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	for !e.closed {
		room := uint32(min(len(buf), piece))
		data, err := hostcall.Raw(abi.HostHTTPRead, abi.AppendHandle(abi.AppendHandle(nil, e.handle), room))
		switch {
		case err == nil && len(data) > 0:
			return copy(buf, data), nil
		case err == nil:
			_ = e.Close()
			return 0, io.EOF
		case errors.Is(err, abi.HostNotYet):
			if err = e.wait(hostcall.ForRead); err == nil {
				continue
			}
		case errors.Is(err, abi.HostBroken):
			if head, failed := e.head(); failed == nil {
				err = e.fault(head)
			}
		}
		return 0, e.fail(err)
	}
	if e.broken != nil {
		return 0, e.fail(nil)
	}
	return 0, io.EOF
}

// Close forgets the response.
func (e *exchange) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	hostcall.Wake()
	<-slots
	_, err := hostcall.Raw(abi.HostHTTPClose, abi.AppendHandle(nil, e.handle))
	return err
}
