package wasm

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

const (
	// maxSockets bounds those of one call, closed ones that still send included.
	maxSockets = 4 * abi.MaxTCPHandles
	// drainTime is how long what a guest gave to connections that it closed is
	// still being sent after its call.
	drainTime = 2 * time.Second
	// readPiece is how much is read from a connection at once.
	readPiece = 64 << 10
)

// socket is one connection of a guest. Two goroutines carry its bytes.
type socket struct {
	flow
	scope  *scope
	cancel context.CancelFunc
	// gone is closed when nothing more happens to it.
	gone chan struct{}

	// The flow's mutex guards them. up says that the connection is there.
	up, closed bool
}

// connectTo begins a connection that the worker wants.
func (w *wire) connectTo(m pipe.StreamMessage) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.scope
	if s == nil || s.sockets[m.Handle] != nil || len(m.Data) > maxMessage {
		return errors.New("a connection that cannot be")
	}
	w.turn.end() // from here on the call waits more than it computes
	if len(s.sockets) >= maxSockets {
		w.tell(m.Handle, pipe.StreamFail, 0, down(&abi.HTTPHead{Fault: abi.HTTPLimit, Message: "too many connections at a time"}))
		return nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	c := &socket{scope: s, cancel: cancel, gone: make(chan struct{})}
	c.start(w, m.Handle, abi.TCPWindow)
	s.sockets[m.Handle] = c
	s.all.Go(func() {
		defer close(c.gone)
		defer cancel()
		c.live(ctx, string(m.Data))
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(s.sockets, c.handle)
	})
	return nil
}

func (w *wire) tell(handle uint32, verb pipe.StreamVerb, count int, data []byte) {
	message := pipe.StreamMessage{Handle: handle, Verb: verb, Count: uint32(count)}
	// A failure shows in the reader: the process is gone.
	_ = w.out.Send(pipe.StreamAnswer, w.instance, message.AppendHead(nil), data)
}

// want is one wish of the worker.
func (c *socket) want(m pipe.StreamMessage) error {
	if m.Verb != pipe.StreamClose {
		return c.flow.want(m)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut, c.closed = true, true; !c.up {
		c.cancel() // nobody waits for it any more
	}
	wake(c.toWrite)
	return nil
}

// live is the connection from its beginning to its end.
func (c *socket) live(ctx context.Context, address string) {
	conn, err := c.dial(ctx, address)
	if err != nil {
		c.fail(err)
		return
	}
	defer conn.Close() //nolint:errcheck // what was to be sent is sent
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c.mu.Lock()
	c.up = true
	c.mu.Unlock()
	c.tell(pipe.StreamUp, 0, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.end(ctx, c.receive(ctx, conn))
	}()
	c.end(ctx, c.send(ctx, conn))
	c.untilClosed(ctx, ended)
	_ = conn.Close()
	<-ended
}

// untilClosed waits for the guest to hang up, as long as the server may send.
func (c *socket) untilClosed(ctx context.Context, ended <-chan struct{}) {
	for !c.isClosed() {
		select {
		case <-c.toWrite:
		case <-ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (c *socket) dial(ctx context.Context, address string) (*broker.Conn, error) {
	switch {
	case c.wire.stopped(c.scope):
		return nil, &broker.ViolationError{What: tcpAttempt(address), Why: "nothing more is permitted after a violation"}
	case c.scope.session == nil:
		return nil, &broker.ViolationError{What: tcpAttempt(address), Why: "nothing is permitted before it has been asked for something"}
	}
	return c.scope.session.Connect(ctx, address)
}

func tcpAttempt(address string) string {
	return "connect to " + clip(sanitize(address), 300) + " over tcp"
}

func (c *socket) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// end tells the guest of an error, unless it has hung up or the call is over.
func (c *socket) end(ctx context.Context, err error) {
	if err == nil {
		return
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		c.fail(ctx.Err())
	case ctx.Err() == nil && (!c.isClosed() || errors.Is(err, broker.ErrLimit)):
		c.fail(err)
	}
	c.cancel()
}

func (c *socket) fail(err error) {
	c.tell(pipe.StreamFail, 0, down(c.wire.failed(c.scope, err)))
}

// down is a state with the reason of a failed request.
func down(why *abi.HTTPHead) []byte {
	data, err := (&abi.TCPState{State: abi.TCPDown, Fault: why.Fault, Message: why.Message}).Append(nil)
	if err != nil {
		return nil
	}
	return data
}

// send carries what the guest gave, until it gives no more.
func (c *socket) send(ctx context.Context, conn *broker.Conn) error {
	for {
		piece, shut := c.next()
		if len(piece) > 0 {
			if _, err := conn.Write(piece); err != nil {
				return err
			}
			c.sent(len(piece))
			continue
		}
		if shut {
			if c.isClosed() {
				return nil
			}
			return conn.CloseWrite()
		}
		select {
		case <-c.toWrite:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// receive carries what the server sends, as far as the guest has room.
func (c *socket) receive(ctx context.Context, conn *broker.Conn) error {
	buf := make([]byte, readPiece)
	for {
		room := c.room()
		if room == 0 {
			select {
			case <-c.toRead:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		n, err := conn.Read(buf[:min(room, len(buf))])
		if n > 0 {
			c.spend(n)
			c.tell(pipe.StreamData, 0, buf[:n])
		}
		if errors.Is(err, io.EOF) {
			c.tell(pipe.StreamEnd, 0, nil)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// drain waits until what the guest gave to connections that it closed is sent,
// for a while.
func (s *scope) drain(sockets []*socket) {
	limit := time.NewTimer(drainTime)
	defer limit.Stop()
	for _, c := range sockets {
		if !c.isClosed() {
			continue
		}
		select {
		case <-c.gone:
		case <-limit.C:
			return
		case <-s.ctx.Done():
			return
		}
	}
}
