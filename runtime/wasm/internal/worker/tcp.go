package worker

import (
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// maxAddress is longer than any name and port.
const maxAddress = 300

// connection is one connection, as far as the worker knows of it. The parent has
// the socket. The mailbox's mutex guards it.
type connection struct {
	state abi.TCPState
	inflow
	// room is how many bytes the parent has room for.
	room int
	shut bool
}

func (s *connection) down() bool { return s.state.State == abi.TCPDown }

func (s *connection) readable() bool { return len(s.in) > 0 || s.ended || s.down() }

func (s *connection) writable() bool {
	return s.down() || s.state.State == abi.TCPOpen && s.room > 0 && !s.shut
}

func (s *connection) hopeless() bool { return false }

func (s *connection) hear(answer pipe.StreamMessage) {
	switch answer.Verb {
	case pipe.StreamUp:
		s.state = abi.TCPState{State: abi.TCPOpen}
		s.room = abi.TCPWindow
	case pipe.StreamData:
		s.in = append(s.in, answer.Data...)
	case pipe.StreamRoom:
		s.room += int(answer.Count)
	case pipe.StreamEnd:
		s.ended = true
	case pipe.StreamFail:
		s.fail(answer.Data)
	default:
	}
}

func (s *connection) fail(data []byte) {
	state, err := abi.DecodeTCPState(data, abi.DefaultLimits())
	if err != nil || state.State != abi.TCPDown {
		state = &abi.TCPState{State: abi.TCPDown, Fault: abi.HTTPFailed, Message: "the connection is gone"}
	}
	s.state = *state
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
	m.tell(handle, pipe.StreamConnect, 0, []byte(address))
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
		m.tell(handle, pipe.StreamData, 0, data)
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
	piece, told := s.take(room)
	m.mu.Unlock()
	if told > 0 {
		m.tell(handle, pipe.StreamRoom, told, nil)
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
		m.tell(handle, pipe.StreamShut, 0, nil)
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
		m.tell(handle, pipe.StreamClose, 0, nil)
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
	return inst.gives(inst.http.take(handle, int(min(room, maxPiece))))
}
