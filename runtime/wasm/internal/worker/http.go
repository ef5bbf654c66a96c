package worker

import (
	"slices"
	"sync"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// maxPiece is the largest piece of a body that one host call hands over.
const maxPiece = 1 << 20

// mailbox holds the requests and connections of one instance. The worker judges nothing and
// reaches nothing: it passes requests on to the parent, and answers to the
// guest. The guest's thread uses it, and the one that reads the pipe delivers.
type mailbox struct {
	out      *pipe.Writer
	instance uint32
	last     uint32

	mu          sync.Mutex
	requests    map[uint32]*exchange
	connections map[uint32]*connection
	// arrived wakes the one who waits.
	arrived chan struct{}
	closed  bool
}

// exchange is one request and its answer.
type exchange struct {
	head    []byte // the request's
	body    []byte
	missing int // bytes of the body that the guest has not given yet
	sent    bool
	answer  *pipe.HTTPMessage
	read    int
}

func newMailbox(out *pipe.Writer, instance uint32) *mailbox {
	return &mailbox{out: out, instance: instance, requests: map[uint32]*exchange{}, connections: map[uint32]*connection{}, arrived: make(chan struct{}, 1)}
}

// deliver takes an answer of the parent. One for a request that the guest has
// forgotten is dropped.
func (m *mailbox) deliver(answer pipe.HTTPMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.requests[answer.Handle]; e != nil && e.sent && e.answer == nil {
		e.answer = &answer
		m.wake()
	}
}

func (m *mailbox) wake() {
	select {
	case m.arrived <- struct{}{}:
	default:
	}
}

// close lets go of whoever waits.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.wake()
}

// reset forgets all requests and connections: none outlives the call that began
// it. Handles are not used again, so that late answers find nobody.
func (m *mailbox) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.requests)
	clear(m.connections)
}

func (m *mailbox) find(handle uint32) *exchange {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests[handle]
}

func (m *mailbox) start(head []byte, size int) (handle uint32, err int64) {
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
	m.sendIfWhole(handle, e)
	return handle, 0
}

func (m *mailbox) sendIfWhole(handle uint32, e *exchange) {
	if e.missing > 0 {
		return
	}
	m.mu.Lock()
	e.sent = true
	m.mu.Unlock()
	message := pipe.HTTPMessage{Handle: handle, Head: e.head}
	// Where the parent is gone, so is this process in a moment.
	_ = m.out.Send(pipe.HTTPRequest, m.instance, message.AppendHead(nil), e.body)
	e.head, e.body = nil, nil
}

func (m *mailbox) write(handle uint32, piece []byte) int64 {
	e := m.find(handle)
	switch {
	case e == nil || e.sent:
		return int64(abi.HostBadRequest)
	case len(piece) > e.missing:
		return int64(abi.HostTooLarge)
	}
	e.body = append(e.body, piece...)
	e.missing -= len(piece)
	m.sendIfWhole(handle, e)
	return 0
}

// wait returns the requests that are answered and the connections that can go
// on, as soon as there is one. The parent's deadline ends the process, so it
// needs none of its own.
func (m *mailbox) wait(want *abi.HTTPWaitRequest) (answer *abi.HTTPWaitAnswer, ok bool) {
	var expired <-chan time.Time
	if want.Timeout > 0 {
		timer := time.NewTimer(time.Duration(want.Timeout) * time.Millisecond)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		answer, possible := m.ready(want)
		if len(answer.Ready)+len(answer.Read)+len(answer.Write) > 0 || want.Timeout < 0 {
			return answer, true
		}
		if !possible {
			return nil, false
		}
		select {
		case <-m.arrived:
		case <-expired:
			return answer, true
		}
	}
}

// ready also tells whether one of the others may still be answered.
func (m *mailbox) ready(want *abi.HTTPWaitRequest) (answer *abi.HTTPWaitAnswer, possible bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer = &abi.HTTPWaitAnswer{}
	for _, h := range want.Handles {
		e := m.requests[h]
		switch {
		case e == nil:
		case e.answer != nil:
			answer.Ready = append(answer.Ready, h)
		case e.sent:
			possible = true
		}
	}
	var reads, writes bool
	answer.Read, reads = m.among(want.Read, (*connection).readable)
	answer.Write, writes = m.among(want.Write, (*connection).writable)
	return answer, (possible || reads || writes) && !m.closed
}

func (m *mailbox) answered(handle uint32) *exchange {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.requests[handle]; e != nil && e.answer != nil {
		return e
	}
	return nil
}

// forget closes a request. The parent gives up on one that is under way.
func (m *mailbox) forget(handle uint32) {
	m.mu.Lock()
	e := m.requests[handle]
	delete(m.requests, handle)
	cancel := e != nil && e.sent && e.answer == nil
	m.mu.Unlock()
	if cancel {
		message := pipe.HTTPMessage{Handle: handle}
		_ = m.out.Send(pipe.HTTPCancel, m.instance, message.AppendHead(nil))
	}
}

// httpCall carries out a host call for HTTP.
func (inst *instance) httpCall(op abi.HostOp, data []byte) int64 {
	switch op {
	case abi.HostHTTPStart:
		return inst.httpStart(data)
	case abi.HostHTTPWait:
		return inst.httpWait(data)
	default:
	}
	handle, rest, ok := abi.CutHandle(data)
	if !ok {
		return int64(abi.HostBadRequest)
	}
	switch op {
	case abi.HostHTTPWrite:
		return inst.http.write(handle, rest)
	case abi.HostHTTPClose:
		inst.http.forget(handle)
		return 0
	case abi.HostHTTPHead:
		if e := inst.http.answered(handle); e != nil && len(rest) == 0 {
			inst.pending = e.answer.Head
			return int64(len(e.answer.Head))
		}
	case abi.HostHTTPRead:
		if e := inst.http.answered(handle); e != nil && len(rest) == 4 {
			room, _, _ := abi.CutHandle(rest)
			return inst.httpRead(e, int(min(room, maxPiece)))
		}
	default:
		return int64(abi.HostUnknownOp)
	}
	return int64(abi.HostBadRequest)
}

func (inst *instance) httpStart(data []byte) int64 {
	request, err := abi.DecodeHTTPStartRequest(data, abi.DefaultLimits())
	if err != nil {
		return int64(abi.HostBadRequest)
	}
	handle, refused := inst.http.start(data, request.Size)
	if refused != 0 {
		return refused
	}
	return inst.answer(&abi.HTTPStartAnswer{Handle: handle})
}

func (inst *instance) httpWait(data []byte) int64 {
	request, err := abi.DecodeHTTPWaitRequest(data, abi.DefaultLimits())
	if err != nil {
		return int64(abi.HostBadRequest)
	}
	answer, ok := inst.http.wait(request)
	if !ok {
		return int64(abi.HostBadRequest)
	}
	return inst.answer(answer)
}

func (inst *instance) httpRead(e *exchange, room int) int64 {
	piece := e.answer.Body[e.read:]
	piece = piece[:min(len(piece), room)]
	e.read += len(piece)
	if len(piece) > 0 {
		inst.pending = piece
	}
	return int64(len(piece))
}
