package worker

import (
	"slices"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// exchange is one request and its response. A body that is small enough is held
// until it is whole, so that the parent can send it more than once; of a larger
// one there is never more here than a window.
type exchange struct {
	// Of the guest's thread alone: the request, what is held of its body, and how
	// many bytes of it are still missing, or [abi.SizeUnknown].
	head    []byte
	held    []byte
	missing int64

	// The mailbox's mutex guards the rest.
	sent bool // the parent knows of it
	shut bool // the body is whole
	room int  // how many bytes of the body the parent has room for
	// answer is the head of the response, and fault why its body broke off.
	answer, fault []byte
	inflow
}

func (e *exchange) over() bool { return e.ended || e.fault != nil }

func (e *exchange) readable() bool { return len(e.in) > 0 || e.over() }

// writable says also that nobody wants the rest of the body.
func (e *exchange) writable() bool {
	return e.over() || !e.shut && (!e.sent || e.room > 0)
}

func (e *exchange) hopeless() bool { return !e.sent }

// deliver takes an answer of the parent. One for a request that the guest has
// forgotten is dropped.
func (m *mailbox) deliver(answer pipe.HTTPMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.requests[answer.Handle]; e != nil && e.sent && e.answer == nil {
		e.answer, e.in, e.ended = answer.Head, answer.Body, answer.Whole
		m.wake()
	}
}

func (e *exchange) hear(answer pipe.StreamMessage) {
	switch answer.Verb {
	case pipe.StreamData:
		e.in = append(e.in, answer.Data...)
	case pipe.StreamRoom:
		e.room += int(answer.Count)
	case pipe.StreamEnd:
		e.ended = true
	case pipe.StreamFail:
		e.fault = answer.Data
	default:
	}
}

func (m *mailbox) find(handle uint32) *exchange {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests[handle]
}

func (m *mailbox) start(head []byte, size int64) (handle uint32, err int64) {
	m.mu.Lock()
	if len(m.requests) >= abi.MaxHTTPHandles {
		m.mu.Unlock()
		return 0, int64(abi.HostTooLarge)
	}
	m.last++
	e := &exchange{head: slices.Clone(head), missing: size}
	handle = m.last
	m.requests[handle] = e
	m.mu.Unlock()
	if size == 0 {
		m.send(handle, e, true)
	}
	return handle, 0
}

// send lets the parent know of a request, with what is held of its body.
func (m *mailbox) send(handle uint32, e *exchange, whole bool) {
	m.mu.Lock()
	e.sent, e.shut, e.room = true, whole, abi.HTTPWindow-len(e.held)
	m.mu.Unlock()
	message := pipe.HTTPMessage{Handle: handle, Whole: whole, Head: e.head}
	// Where the parent is gone, so is this process in a moment.
	_ = m.out.Send(pipe.HTTPRequest, m.instance, message.AppendHead(nil), e.held)
	e.head, e.held = nil, nil
}

// write takes as much of a body as there is room for.
func (m *mailbox) write(handle uint32, piece []byte) int64 {
	e := m.find(handle)
	switch {
	case e == nil:
		return int64(abi.HostBadRequest)
	case e.missing == 0:
		return int64(abi.HostBadRequest) // it is whole
	case e.missing > 0 && int64(len(piece)) > e.missing:
		return int64(abi.HostTooLarge)
	case !e.sent && len(e.held)+len(piece) <= abi.HTTPWindow:
		e.held = append(e.held, piece...)
		if m.given(e, len(piece)) {
			m.send(handle, e, true)
		}
		return int64(len(piece))
	case !e.sent:
		m.send(handle, e, false)
	}
	return m.pass(handle, e, piece)
}

// given counts what the guest gave, and reports whether the body is whole. No
// bytes are the end of a body of unknown size.
func (m *mailbox) given(e *exchange, n int) (whole bool) {
	switch {
	case e.missing > 0:
		e.missing -= int64(n)
	case n == 0:
		e.missing = 0
	}
	return e.missing == 0
}

// pass hands a piece of a body to the parent. When the response is over, nobody
// wants it.
func (m *mailbox) pass(handle uint32, e *exchange, piece []byte) int64 {
	m.mu.Lock()
	over := e.over()
	end := len(piece) == 0
	if !over {
		piece = piece[:min(len(piece), e.room)]
		e.room -= len(piece)
	}
	m.mu.Unlock()
	if len(piece) == 0 && !end {
		return 0
	}
	whole := m.given(e, len(piece))
	m.mu.Lock()
	e.shut = e.shut || whole
	m.mu.Unlock()
	if over {
		return int64(len(piece))
	}
	if len(piece) > 0 {
		m.tell(handle, pipe.StreamData, 0, piece)
	}
	if whole {
		m.tell(handle, pipe.StreamShut, 0, nil)
	}
	return int64(len(piece))
}

// head is that of the response, or why there is none; once a body that broke off
// is read, why it did. Nil says that there is none yet.
func (m *mailbox) head(handle uint32) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := m.requests[handle]; {
	case e == nil:
		return nil
	case e.fault != nil && len(e.in) == 0:
		return e.fault
	default:
		return e.answer
	}
}

// read hands over what has arrived of the body.
func (m *mailbox) read(handle uint32, room int) (piece []byte, err int64) {
	m.mu.Lock()
	e := m.requests[handle]
	switch {
	case e == nil || e.answer == nil || room <= 0:
		err = int64(abi.HostBadRequest)
	case len(e.in) == 0 && e.fault != nil:
		err = int64(abi.HostBroken)
	case len(e.in) == 0 && !e.ended:
		err = int64(abi.HostNotYet)
	}
	if err != 0 {
		m.mu.Unlock()
		return nil, err
	}
	piece, told := e.take(room)
	m.mu.Unlock()
	if told > 0 {
		m.tell(handle, pipe.StreamRoom, told, nil)
	}
	return piece, 0
}

// forget closes a request. The parent gives up on one that is under way.
func (m *mailbox) forget(handle uint32) {
	m.mu.Lock()
	e := m.requests[handle]
	delete(m.requests, handle)
	cancel := e != nil && e.sent && !e.over()
	m.mu.Unlock()
	if cancel {
		m.tell(handle, pipe.StreamClose, 0, nil)
	}
}
