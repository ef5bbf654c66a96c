package worker

import (
	"slices"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// maxAddress is longer than any name and port.
const maxAddress = 300

// connection is one connection, as far as the worker knows of it. The parent has
// the socket. The mailbox's mutex guards it.
type connection struct {
	state abi.TCPState
	// in has arrived and was not taken yet; taken bytes the parent has not been
	// told of yet.
	in    []byte
	taken int
	ended bool // nothing more will arrive
	// room is how many bytes the parent has room for.
	room int
	shut bool
}

func (s *connection) down() bool { return s.state.State == abi.TCPDown }

func (s *connection) readable() bool { return len(s.in) > 0 || s.ended || s.down() }

func (s *connection) writable() bool {
	return s.down() || s.state.State == abi.TCPOpen && s.room > 0 && !s.shut
}

// among are the handles of the list that are ready, and whether one of the
// others may become so.
func (m *mailbox) among(handles []uint32, ready func(*connection) bool) (list []uint32, possible bool) {
	for _, h := range handles {
		switch s := m.connections[h]; {
		case s == nil:
		case ready(s):
			list = append(list, h)
		default:
			possible = true
		}
	}
	return list, possible
}

// hear takes what the parent says of a connection. What it says of one that the
// guest has closed is dropped.
func (m *mailbox) hear(answer pipe.TCPMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.connections[answer.Handle]
	if s == nil {
		return
	}
	switch answer.Verb {
	case pipe.TCPUp:
		s.state = abi.TCPState{State: abi.TCPOpen}
		s.room = abi.TCPWindow
	case pipe.TCPData:
		s.in = append(s.in, answer.Data...)
	case pipe.TCPRoom:
		s.room += int(answer.Count)
	case pipe.TCPEnd:
		s.ended = true
	case pipe.TCPFail:
		s.fail(answer.Data)
	default:
	}
	m.wake()
}

func (s *connection) fail(data []byte) {
	state, err := abi.DecodeTCPState(data, abi.DefaultLimits())
	if err != nil || state.State != abi.TCPDown {
		state = &abi.TCPState{State: abi.TCPDown, Fault: abi.HTTPFailed, Message: "the connection is gone"}
	}
	s.state = *state
}

func (m *mailbox) tell(handle uint32, verb pipe.TCPVerb, count int, data []byte) {
	message := pipe.TCPMessage{Handle: handle, Verb: verb, Count: uint32(count)}
	// Where the parent is gone, so is this process in a moment.
	_ = m.out.Send(pipe.TCPRequest, m.instance, message.AppendHead(nil), data)
}

func (m *mailbox) connect(address string) (handle uint32, err int64) {
	m.mu.Lock()
	if len(m.connections) >= abi.MaxTCPHandles {
		m.mu.Unlock()
		return 0, int64(abi.HostTooLarge)
	}
	m.last++
	handle = m.last
	m.connections[handle] = &connection{state: abi.TCPState{State: abi.TCPConnecting}}
	m.mu.Unlock()
	m.tell(handle, pipe.TCPConnect, 0, []byte(address))
	return handle, 0
}

// give passes on as many bytes as there is room for.
func (m *mailbox) give(handle uint32, data []byte) int64 {
	m.mu.Lock()
	s := m.connections[handle]
	if s == nil || s.state.State != abi.TCPOpen || s.shut {
		m.mu.Unlock()
		return int64(abi.HostBadRequest)
	}
	data = data[:min(len(data), s.room)]
	s.room -= len(data)
	m.mu.Unlock()
	if len(data) > 0 {
		m.tell(handle, pipe.TCPData, 0, data)
	}
	return int64(len(data))
}

// take hands over what has arrived. The parent hears of it before it runs out
// of room.
func (m *mailbox) take(handle uint32, room int) (piece []byte, err int64) {
	m.mu.Lock()
	s := m.connections[handle]
	switch {
	case s == nil || room <= 0:
		m.mu.Unlock()
		return nil, int64(abi.HostBadRequest)
	case len(s.in) == 0 && s.readable():
		m.mu.Unlock()
		return nil, 0
	case len(s.in) == 0:
		m.mu.Unlock()
		return nil, int64(abi.HostNotYet)
	}
	piece = slices.Clone(s.in[:min(len(s.in), room)])
	if s.in = s.in[len(piece):]; len(s.in) == 0 {
		s.in = nil
	}
	s.taken += len(piece)
	told := 0
	if s.taken >= abi.TCPWindow/2 {
		told, s.taken = s.taken, 0
	}
	m.mu.Unlock()
	if told > 0 {
		m.tell(handle, pipe.TCPRoom, told, nil)
	}
	return piece, 0
}

func (m *mailbox) shut(handle uint32) int64 {
	m.mu.Lock()
	s := m.connections[handle]
	tell := s != nil && !s.shut && s.state.State == abi.TCPOpen
	if s != nil {
		s.shut = true
	}
	m.mu.Unlock()
	switch {
	case s == nil:
		return int64(abi.HostBadRequest)
	case tell:
		m.tell(handle, pipe.TCPShut, 0, nil)
	}
	return 0
}

// hangUp forgets a connection. What was given before is sent.
func (m *mailbox) hangUp(handle uint32) {
	m.mu.Lock()
	s := m.connections[handle]
	delete(m.connections, handle)
	m.mu.Unlock()
	if s != nil && !s.down() {
		m.tell(handle, pipe.TCPClose, 0, nil)
	}
}

func (m *mailbox) state(handle uint32) *abi.TCPState {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.connections[handle]; s != nil {
		state := s.state
		return &state
	}
	return nil
}

// tcpCall carries out a host call for TCP.
func (inst *instance) tcpCall(op abi.HostOp, data []byte) int64 {
	if op == abi.HostTCPConnect {
		return inst.tcpConnect(data)
	}
	handle, rest, ok := abi.CutHandle(data)
	if !ok || len(rest) > 0 && op != abi.HostTCPWrite && op != abi.HostTCPRead {
		return int64(abi.HostBadRequest)
	}
	switch op {
	case abi.HostTCPWrite:
		return inst.http.give(handle, rest)
	case abi.HostTCPRead:
		return inst.tcpRead(handle, rest)
	case abi.HostTCPShut:
		return inst.http.shut(handle)
	case abi.HostTCPClose:
		inst.http.hangUp(handle)
		return 0
	case abi.HostTCPState:
		if state := inst.http.state(handle); state != nil {
			return inst.answer(state)
		}
	default:
	}
	return int64(abi.HostBadRequest)
}

func (inst *instance) tcpConnect(data []byte) int64 {
	request, err := abi.DecodeTCPConnectRequest(data, abi.DefaultLimits())
	if err != nil || len(request.Address) > maxAddress {
		return int64(abi.HostBadRequest)
	}
	handle, refused := inst.http.connect(request.Address)
	if refused != 0 {
		return refused
	}
	return inst.answer(&abi.TCPConnectAnswer{Handle: handle})
}

func (inst *instance) tcpRead(handle uint32, rest []byte) int64 {
	room, left, ok := abi.CutHandle(rest)
	if !ok || len(left) > 0 {
		return int64(abi.HostBadRequest)
	}
	piece, refused := inst.http.take(handle, int(min(room, maxPiece)))
	if refused != 0 {
		return refused
	}
	if len(piece) > 0 {
		inst.pending = piece
	}
	return int64(len(piece))
}
