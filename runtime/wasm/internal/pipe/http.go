package pipe

// HTTPMessage is a request on its way to the parent, or its answer on the way
// back: a message of the protocol, and the beginning of a body as it is. The rest
// of the body follows as a stream.
type HTTPMessage struct {
	// Handle is the worker's number of the request.
	Handle uint32
	// Whole says that the body is all there is of it.
	Whole bool
	Head  []byte
	Body  []byte
}

// AppendHead encodes the message without its body, which follows as it is.
func (m *HTTPMessage) AppendHead(b []byte) []byte {
	return appendBytes(appendBool(appendUint(b, m.Handle), m.Whole), m.Head)
}

// ParseHTTP decodes an [HTTPMessage].
func ParseHTTP(data []byte) (m HTTPMessage, err error) {
	p := parser{data: data}
	m.Handle, m.Whole, m.Head = p.uint(), p.bool(), p.bytes()
	if p.err == nil {
		m.Body = p.data
	}
	return m, p.err
}
