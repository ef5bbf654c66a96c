package pipe

// StreamVerb says what a [StreamMessage] is about.
type StreamVerb byte

// From the worker.
const (
	// StreamConnect wants a connection: Data is the address.
	StreamConnect StreamVerb = 1 + iota
	// StreamShut says that the guest will give no more bytes.
	StreamShut
	// StreamClose says that the guest wants nothing more of the stream.
	StreamClose
)

// From either side.
const (
	// StreamData are bytes, never more than the other side has room for.
	StreamData StreamVerb = 16 + iota
	// StreamRoom says that there is room for Count bytes more.
	StreamRoom
)

// From the parent.
const (
	// StreamUp says that the connection is there.
	StreamUp StreamVerb = 32 + iota
	// StreamEnd says that the server will send no more bytes.
	StreamEnd
	// StreamFail says that there is no connection, or none any more, or that the
	// body of a response broke off: Data is a message of the protocol.
	StreamFail
)

// StreamMessage is about one stream of one instance: a connection, or the body of
// a request over HTTP in one direction and of its response in the other.
type StreamMessage struct {
	// Handle is the worker's number of the connection or request.
	Handle uint32
	Verb   StreamVerb
	Count  uint32
	Data   []byte
}

// AppendHead encodes the message without its data, which follow as they are.
func (m *StreamMessage) AppendHead(b []byte) []byte {
	return appendUint(append(appendUint(b, m.Handle), byte(m.Verb)), m.Count)
}

// ParseStream decodes a [StreamMessage].
func ParseStream(data []byte) (m StreamMessage, err error) {
	p := parser{data: data}
	m.Handle = p.uint()
	if verb := p.take(1); verb != nil {
		m.Verb = StreamVerb(verb[0])
	}
	m.Count = p.uint()
	if p.err == nil {
		m.Data = p.data
	}
	return m, p.err
}
