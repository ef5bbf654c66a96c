package wasm

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// exchange is one request of a guest and its response. A goroutine passes the
// response on as it comes, as far as the worker has room; the broker reads the
// body of the request where that is a stream.
type exchange struct {
	flow
	scope *scope
	//nolint:containedctx // it bounds the reading of a body, which has no context of its own
	ctx    context.Context
	cancel context.CancelFunc
	// rest of a piece of the request's body, of the one who reads it.
	rest []byte
}

// request carries out a request of the worker, and answers when it is done. It
// does not block: it runs in the goroutine that reads the pipe.
func (w *wire) request(m pipe.HTTPMessage) error {
	head, err := abi.DecodeHTTPStartRequest(m.Head, abi.DefaultLimits())
	if err != nil || len(m.Body) > abi.HTTPWindow || !m.Whole && head.Size == 0 ||
		m.Whole && head.Size >= 0 && int64(len(m.Body)) != head.Size {
		return errors.New("a malformed request")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.scope
	if s == nil || s.exchanges[m.Handle] != nil || len(s.exchanges) >= abi.MaxHTTPHandles {
		return errors.New("a request that cannot be")
	}
	w.turn.end() // from here on the call waits more than it computes
	e := &exchange{scope: s}
	e.start(w, m.Handle, abi.HTTPWindow)
	e.ctx, e.cancel = context.WithCancel(s.ctx)
	req := broker.Request{Method: head.Method, URL: head.URL, Header: head.Header, Body: m.Body}
	if !m.Whole {
		req.Body, req.Stream, req.Size = nil, e, head.Size
		e.out, e.owed = m.Body, len(m.Body)
	}
	s.exchanges[m.Handle] = e
	s.all.Go(func() {
		defer e.cancel()
		e.carry(req)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(s.exchanges, m.Handle)
	})
	return nil
}

// want is one wish of the worker. The goroutine of an exchange that nobody wants
// any more ends by itself.
func (e *exchange) want(m pipe.StreamMessage) error {
	if m.Verb == pipe.StreamClose {
		e.cancel()
		return nil
	}
	return e.flow.want(m)
}

// Read gives the body of the request to the broker, as the guest gives it.
func (e *exchange) Read(b []byte) (int, error) {
	for len(e.rest) == 0 {
		piece, shut := e.next()
		e.rest = piece
		if len(piece) > 0 {
			break
		}
		if shut {
			return 0, io.EOF
		}
		select {
		case <-e.toWrite:
		case <-e.ctx.Done():
			return 0, e.ctx.Err()
		}
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	e.sent(n)
	return n, nil
}

func (e *exchange) carry(req broker.Request) {
	resp, err := e.do(req)
	if err != nil {
		e.answer(e.wire.failed(e.scope, err), nil, true)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	head := &abi.HTTPHead{Status: resp.Status, Header: responseHeader(resp), Size: resp.Size}
	if resp.Size >= 0 && resp.Size <= readPiece {
		e.whole(head, resp.Body)
		return
	}
	e.answer(head, nil, false)
	if err := e.pass(resp.Body); err != nil {
		e.broke(err)
	}
}

// whole passes a small response on in one message.
func (e *exchange) whole(head *abi.HTTPHead, from io.Reader) {
	body := make([]byte, head.Size)
	if _, err := io.ReadFull(from, body); err != nil {
		e.answer(e.wire.failed(e.scope, err), nil, true)
		return
	}
	e.answer(head, body, true)
}

// broke tells that the response broke off, unless nobody wants it any more.
func (e *exchange) broke(err error) {
	if errors.Is(e.ctx.Err(), context.Canceled) && !errors.Is(err, broker.ErrLimit) {
		return
	}
	data, _ := e.wire.failed(e.scope, err).Append(nil)
	e.tell(pipe.StreamFail, 0, data)
}

func (e *exchange) do(req broker.Request) (*broker.Response, error) {
	what := "http " + req.Method + " " + req.URL
	switch {
	case e.wire.stopped(e.scope):
		return nil, &broker.ViolationError{What: what, Why: "nothing more is permitted after a violation"}
	case e.scope.session == nil:
		return nil, &broker.ViolationError{What: what, Why: "nothing is permitted before it has been asked for something"}
	}
	return e.scope.session.Do(e.ctx, req)
}

func responseHeader(resp *broker.Response) map[string][]string {
	header := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		if len(header) >= abi.MaxHTTPHeaders {
			break
		}
		for _, value := range resp.Header[name][:min(len(resp.Header[name]), abi.MaxHTTPHeaders)] {
			key := strings.ToValidUTF8(name, "\uFFFD")
			header[key] = append(header[key], strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	return header
}

// pass hands the body of the response on, as far as the worker has room.
func (e *exchange) pass(body io.Reader) error {
	buf := make([]byte, readPiece)
	for {
		room := e.room()
		if room == 0 {
			select {
			case <-e.toRead:
				continue
			case <-e.ctx.Done():
				return e.ctx.Err()
			}
		}
		n, err := body.Read(buf[:min(room, len(buf))])
		if n > 0 {
			e.spend(n)
			e.tell(pipe.StreamData, 0, buf[:n])
		}
		if errors.Is(err, io.EOF) {
			e.tell(pipe.StreamEnd, 0, nil)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (e *exchange) answer(head *abi.HTTPHead, body []byte, whole bool) {
	data, err := head.Append(nil)
	if err != nil {
		data, _ = (&abi.HTTPHead{Fault: abi.HTTPFailed, Message: "the response cannot be passed on"}).Append(nil)
		body, whole = nil, true
	}
	message := pipe.HTTPMessage{Handle: e.handle, Whole: whole, Head: data}
	// A failure shows in the reader: the process is gone.
	_ = e.wire.out.Send(pipe.HTTPAnswer, e.wire.instance, message.AppendHead(nil), body)
}
