package pipe

// TCPVerb says what a [TCPMessage] is about.
type TCPVerb byte

// From the worker.
const (
	// TCPConnect wants a connection: Data is the address.
	TCPConnect TCPVerb = 1 + iota
	// TCPShut says that the guest will give no more bytes.
	TCPShut
	// TCPClose says that the guest wants nothing more of the connection.
	TCPClose
)

// From either side.
const (
	// TCPData are bytes of the connection, never more than the other side has
	// room for.
	TCPData TCPVerb = 16 + iota
	// TCPRoom says that there is room for Count bytes more.
	TCPRoom
)

// From the parent.
const (
	// TCPUp says that the connection is there.
	TCPUp TCPVerb = 32 + iota
	// TCPEnd says that the server will send no more bytes.
	TCPEnd
	// TCPFail says that there is no connection, or none any more: Data is a
	// message of the protocol.
	TCPFail
)

// TCPMessage is about one connection of one instance.
type TCPMessage struct {
	// Handle is the worker's number of the connection.
	Handle uint32
	Verb   TCPVerb
	Count  uint32
	Data   []byte
}

// AppendHead encodes the message without its data, which follow as they are.
func (m *TCPMessage) AppendHead(b []byte) []byte {
	return appendUint(append(appendUint(b, m.Handle), byte(m.Verb)), m.Count)
}

// ParseTCP decodes a [TCPMessage].
func ParseTCP(data []byte) (m TCPMessage, err error) {
	p := parser{data: data}
	m.Handle = p.uint()
	if verb := p.take(1); verb != nil {
		m.Verb = TCPVerb(verb[0])
	}
	m.Count = p.uint()
	if p.err == nil {
		m.Data = p.data
	}
	return m, p.err
}
