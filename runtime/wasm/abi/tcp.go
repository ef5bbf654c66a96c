package abi

// Bounds of TCP host calls.
const (
	// MaxTCPHandles is how many connections an instance may have that are not
	// closed yet.
	MaxTCPHandles = 16
	// TCPWindow is how many bytes may be on their way in each direction of a
	// connection: given by one side and not yet taken by the other.
	TCPWindow = 256 << 10
)

// TCPConnectRequest begins a connection.
type TCPConnectRequest struct {
	// Address is host:port, in the words of the grant.
	Address string
}

var tcpConnectKeys = []string{"address"}

// Append encodes the message.
func (m *TCPConnectRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true)
	w.str("address", m.Address)
	return w.done()
}

// DecodeTCPConnectRequest decodes the request of [HostTCPConnect].
func DecodeTCPConnectRequest(data []byte, limits Limits) (*TCPConnectRequest, error) {
	d := NewDecoder(data, limits)
	m := &TCPConnectRequest{}
	for range d.fields(tcpConnectKeys, 0) {
		m.Address = d.required("address")
	}
	return m, d.Finish()
}

// TCPConnectAnswer names the connection.
type TCPConnectAnswer struct {
	Handle uint32
}

var tcpConnectAnswerKeys = []string{"handle"}

// Append encodes the message.
func (m *TCPConnectAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true)
	w.int("handle", int64(m.Handle))
	return w.done()
}

// DecodeTCPConnectAnswer decodes the answer of [HostTCPConnect].
func DecodeTCPConnectAnswer(data []byte, limits Limits) (*TCPConnectAnswer, error) {
	d := NewDecoder(data, limits)
	m := &TCPConnectAnswer{}
	for range d.fields(tcpConnectAnswerKeys, 0) {
		m.Handle = d.handle()
	}
	return m, d.Finish()
}

// TCPPhase says where a connection is.
type TCPPhase string

// The phases of a connection.
const (
	// TCPConnecting: nobody knows yet.
	TCPConnecting TCPPhase = "connecting"
	// TCPOpen: bytes may go in both directions, as far as neither was ended.
	TCPOpen TCPPhase = "open"
	// TCPDown: it never came about, or it broke; Fault says why.
	TCPDown TCPPhase = "down"
)

// TCPFault says why a connection is down. Its values are those of [HTTPFault].
type TCPFault = HTTPFault

// TCPState is what is known of a connection.
type TCPState struct {
	State TCPPhase
	// Fault and Message are set where it is down.
	Fault   TCPFault
	Message string
}

var (
	tcpStateKeys = []string{"state", "fault", "message"}
	tcpPhases    = []string{string(TCPConnecting), string(TCPOpen), string(TCPDown)}
)

// Append encodes the message.
func (m *TCPState) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, m.Fault != "", m.Message != "")
	w.str("state", string(m.State))
	w.optional("fault", string(m.Fault))
	w.optional("message", m.Message)
	return w.done()
}

// DecodeTCPState decodes the answer of [HostTCPState].
func DecodeTCPState(data []byte, limits Limits) (*TCPState, error) {
	d := NewDecoder(data, limits)
	m := &TCPState{}
	for i := range d.fields(tcpStateKeys, 0) {
		switch i {
		case 0:
			m.State = TCPPhase(d.oneOf(tcpPhases))
		case 1:
			m.Fault = TCPFault(d.oneOf(httpFaults))
		case 2:
			m.Message = d.String()
		}
	}
	if (m.State == TCPDown) != (m.Fault != "") {
		d.fail("a fault stands with the state down, and with no other")
	}
	return m, d.Finish()
}
