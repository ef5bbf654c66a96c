package worker

import (
	"sync"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

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

func newMailbox(out *pipe.Writer, instance uint32) *mailbox {
	return &mailbox{out: out, instance: instance, requests: map[uint32]*exchange{}, connections: map[uint32]*connection{}, arrived: make(chan struct{}, 1)}
}

// inflow is what has arrived of a stream. The mailbox's mutex guards it.
type inflow struct {
	// in has arrived and was not taken yet; taken bytes the parent has not been
	// told of yet.
	in    []byte
	taken int
	ended bool // nothing more will arrive
}

// take hands over what has arrived, and how many bytes the parent is to be told
// there is room for: before it runs out of room.
func (f *inflow) take(room int) (piece []byte, told int) {
	piece = f.in[:min(len(f.in), room)]
	if f.in = f.in[len(piece):]; len(f.in) == 0 {
		f.in = nil
	}
	f.taken += len(piece)
	if f.taken >= abi.TCPWindow/2 && !f.ended {
		told, f.taken = f.taken, 0
	}
	return piece, told
}

// flow is a request or a connection, as those see it who wait for it.
type flow interface {
	readable() bool
	writable() bool
	// hopeless says that it will never be one of them.
	hopeless() bool
	// hear takes what the parent says.
	hear(answer pipe.StreamMessage)
}

// flow is the one of that handle, or nil. The mutex is held.
func (m *mailbox) flow(handle uint32) flow {
	if s := m.connections[handle]; s != nil {
		return s
	}
	if e := m.requests[handle]; e != nil {
		return e
	}
	return nil
}

// hear takes what the parent says of a stream. What it says of one that the guest
// has closed is dropped.
func (m *mailbox) hear(answer pipe.StreamMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.flow(answer.Handle); s != nil {
		s.hear(answer)
		m.wake()
	}
}

func (m *mailbox) tell(handle uint32, verb pipe.StreamVerb, count int, data []byte) {
	message := pipe.StreamMessage{Handle: handle, Verb: verb, Count: uint32(count)}
	// Where the parent is gone, so is this process in a moment.
	_ = m.out.Send(pipe.StreamRequest, m.instance, message.AppendHead(nil), data)
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

// wait returns the requests that are answered, and what can go on, as soon as
// there is one. The parent's deadline ends the process, so it needs none of its
// own.
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
	answer.Read, reads = m.among(want.Read, flow.readable)
	answer.Write, writes = m.among(want.Write, flow.writable)
	return answer, (possible || reads || writes) && !m.closed
}

// among are the handles of the list that are ready, and whether one of the
// others may become so.
func (m *mailbox) among(handles []uint32, ready func(flow) bool) (list []uint32, possible bool) {
	for _, h := range handles {
		switch s := m.flow(h); {
		case s == nil:
		case ready(s):
			list = append(list, h)
		default:
			possible = possible || !s.hopeless()
		}
	}
	return list, possible
}
