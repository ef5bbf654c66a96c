package http

import (
	"context"
	"io"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk/internal/hostcall"
)

// piece is how much of a body crosses the boundary at once.
const piece = 1 << 20

// slots bound the requests that are not closed yet, below the host's bound.
var slots = make(chan struct{}, abi.MaxHTTPHandles-8)

func open(_ context.Context, req *Request) (*Stream, error) {
	slots <- struct{}{}
	handle, err := start(req)
	if err != nil {
		<-slots
		return nil, &Error{Method: req.Method, URL: req.URL, Message: err.Error()}
	}
	body := &body{handle: handle}
	head, err := await(handle)
	if err != nil || head.Fault != "" {
		_ = body.Close()
	}
	if err != nil {
		return nil, &Error{Method: req.Method, URL: req.URL, Message: err.Error()}
	}
	if head.Fault != "" {
		return nil, &Error{
			Method: req.Method, URL: req.URL, Message: head.Message,
			Violation: head.Fault == abi.HTTPViolation, Limit: head.Fault == abi.HTTPLimit,
		}
	}
	return &Stream{Status: head.Status, Header: head.Header, Size: head.Size, Body: body}, nil
}

func start(req *Request) (uint32, error) {
	data, err := hostcall.Ask(abi.HostHTTPStart, &abi.HTTPStartRequest{
		Method: req.Method, URL: req.URL, Header: req.Header, Size: len(req.Body),
	})
	if err != nil {
		return 0, err
	}
	answer, err := abi.DecodeHTTPStartAnswer(data, abi.DefaultLimits())
	if err != nil {
		return 0, err
	}
	for rest := req.Body; len(rest) > 0; {
		n := min(len(rest), piece)
		if _, err := hostcall.Raw(abi.HostHTTPWrite, append(abi.AppendHandle(nil, answer.Handle), rest[:n]...)); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return answer.Handle, nil
}

func await(handle uint32) (*abi.HTTPHead, error) {
	if err := hostcall.Wait(hostcall.ForAnswer, handle, nil); err != nil {
		return nil, err
	}
	data, err := hostcall.Raw(abi.HostHTTPHead, abi.AppendHandle(nil, handle))
	if err != nil {
		return nil, err
	}
	return abi.DecodeHTTPHead(data, abi.DefaultLimits())
}

// body pulls the pieces of a response's body.
type body struct {
	handle uint32
	closed bool
}

// Read reads the next piece.
func (b *body) Read(buf []byte) (int, error) {
	if b.closed {
		return 0, io.EOF
	}
	if len(buf) == 0 {
		return 0, nil
	}
	room := uint32(min(len(buf), piece))
	data, err := hostcall.Raw(abi.HostHTTPRead, abi.AppendHandle(abi.AppendHandle(nil, b.handle), room))
	if err != nil {
		return 0, err
	}
	if len(data) == 0 {
		_ = b.Close()
		return 0, io.EOF
	}
	return copy(buf, data), nil
}

// Close forgets the response.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	<-slots
	_, err := hostcall.Raw(abi.HostHTTPClose, abi.AppendHandle(nil, b.handle))
	return err
}
