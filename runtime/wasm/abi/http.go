package abi

import (
	"encoding/binary"
	"maps"
	"slices"
)

// Bounds of HTTP host calls.
const (
	// MaxHTTPHandles is how many requests an instance may have under way or not
	// closed yet.
	MaxHTTPHandles = 64
	// MaxHTTPBody is the largest body of a request.
	MaxHTTPBody = 1 << 30
	// HTTPWindow is how many bytes of a request's body may be on their way: given
	// by the guest and not yet sent. A body of which the size is told and that is
	// not larger is held until it is whole, and may be sent more than once.
	HTTPWindow = 1 << 20
	// SizeUnknown is that of a body whose end nobody knows yet.
	SizeUnknown = -1
	// MaxHTTPHeaders is how many names of headers a request may have.
	MaxHTTPHeaders = 256
	// maxHTTPWait is the longest wait in milliseconds: a day.
	maxHTTPWait = 24 * 60 * 60 * 1000
)

// HTTPStartRequest begins a request. Its body is written afterwards.
type HTTPStartRequest struct {
	Method string
	URL    string
	// Header holds the values of each name.
	Header map[string][]string
	// Size of the body in bytes, or [SizeUnknown].
	Size int64
}

var httpStartKeys = []string{"method", "url", "headers", "size"}

// Append encodes the message.
func (m *HTTPStartRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, true, len(m.Header) > 0, m.Size != 0)
	w.str("method", m.Method)
	w.str("url", m.URL)
	w.httpHeader(m.Header)
	if m.Size != 0 {
		w.int("size", m.Size)
	}
	return w.done()
}

// DecodeHTTPStartRequest decodes the request of [HostHTTPStart].
func DecodeHTTPStartRequest(data []byte, limits Limits) (*HTTPStartRequest, error) {
	d := NewDecoder(data, limits)
	m := &HTTPStartRequest{}
	for i := range d.fields(httpStartKeys, 0, 1) {
		switch i {
		case 0:
			m.Method = d.required("method")
		case 1:
			m.URL = d.required("url")
		case 2:
			m.Header = d.httpHeader()
		case 3:
			if m.Size = d.Int(); m.Size < SizeUnknown {
				d.fail("a size below zero")
			}
		}
	}
	return m, d.Finish()
}

func (e *encoder) httpHeader(header map[string][]string) {
	if len(header) == 0 {
		return
	}
	e.key("headers")
	e.b = AppendMap(e.b, len(header))
	for _, name := range slices.Sorted(maps.Keys(header)) {
		e.text(name)
		e.b = AppendArray(e.b, len(header[name]))
		for _, value := range header[name] {
			e.text(value)
		}
	}
}

func (d *Decoder) httpHeader() map[string][]string {
	if !d.enter() {
		return nil
	}
	defer d.leave()
	n := d.Map()
	if n > MaxHTTPHeaders {
		d.fail("more headers than the limit")
		return nil
	}
	out := make(map[string][]string, n)
	for range n {
		name := d.Key()
		if _, twice := out[name]; twice || d.err != nil {
			d.fail("a header twice")
			return nil
		}
		out[name] = nil
		for range d.elements(MaxHTTPHeaders) {
			out[name] = append(out[name], d.String())
		}
	}
	return out
}

// HTTPStartAnswer names the request.
type HTTPStartAnswer struct {
	Handle uint32
}

var httpStartAnswerKeys = []string{"handle"}

// Append encodes the message.
func (m *HTTPStartAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true)
	w.int("handle", int64(m.Handle))
	return w.done()
}

// DecodeHTTPStartAnswer decodes the answer of [HostHTTPStart].
func DecodeHTTPStartAnswer(data []byte, limits Limits) (*HTTPStartAnswer, error) {
	d := NewDecoder(data, limits)
	m := &HTTPStartAnswer{}
	for range d.fields(httpStartAnswerKeys, 0) {
		m.Handle = d.handle()
	}
	return m, d.Finish()
}

func (d *Decoder) handle() uint32 { return uint32(d.Size(1<<31 - 1)) }

// HTTPWaitRequest waits until one of the requests has been answered, or one of
// the bodies or connections can go on.
type HTTPWaitRequest struct {
	Handles []uint32
	// Read and Write are requests and connections: until there are bytes to read
	// or their end, and until there is room to write. What is over can do both.
	Read, Write []uint32
	// Timeout in milliseconds; 0 waits as long as the call may last, and less
	// than 0 not at all.
	Timeout int64
}

var httpWaitKeys = []string{"handles", "timeout", "read", "write"}

// Append encodes the message.
func (m *HTTPWaitRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, m.Timeout != 0, len(m.Read) > 0, len(m.Write) > 0)
	w.handles("handles", m.Handles)
	if m.Timeout != 0 {
		w.int("timeout", m.Timeout)
	}
	w.optionalHandles("read", m.Read)
	w.optionalHandles("write", m.Write)
	return w.done()
}

// DecodeHTTPWaitRequest decodes the request of [HostHTTPWait].
func DecodeHTTPWaitRequest(data []byte, limits Limits) (*HTTPWaitRequest, error) {
	d := NewDecoder(data, limits)
	m := &HTTPWaitRequest{}
	for i := range d.fields(httpWaitKeys, 0) {
		switch i {
		case 0:
			m.Handles = d.handles()
		case 1:
			if m.Timeout = d.Int(); m.Timeout > maxHTTPWait {
				d.fail("a wait of more than a day")
			}
		case 2:
			m.Read = d.handles()
		case 3:
			m.Write = d.handles()
		}
	}
	return m, d.Finish()
}

func (e *encoder) handles(k string, list []uint32) {
	e.batch(len(list))
	e.key(k)
	e.b = AppendArray(e.b, len(list))
	for _, h := range list {
		e.b = AppendInt(e.b, int64(h))
	}
}

func (e *encoder) optionalHandles(k string, list []uint32) {
	if len(list) > 0 {
		e.handles(k, list)
	}
}

func (d *Decoder) handles() []uint32 {
	var list []uint32
	for range d.elements(MaxHTTPHandles) {
		list = append(list, d.handle())
	}
	return list
}

// HTTPWaitAnswer names the requests that have been answered and the connections
// that can go on: one at least, unless the time was up.
type HTTPWaitAnswer struct {
	Ready       []uint32
	Read, Write []uint32
}

var httpWaitAnswerKeys = []string{"ready", "read", "write"}

// Append encodes the message.
func (m *HTTPWaitAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, len(m.Read) > 0, len(m.Write) > 0)
	w.handles("ready", m.Ready)
	w.optionalHandles("read", m.Read)
	w.optionalHandles("write", m.Write)
	return w.done()
}

// DecodeHTTPWaitAnswer decodes the answer of [HostHTTPWait].
func DecodeHTTPWaitAnswer(data []byte, limits Limits) (*HTTPWaitAnswer, error) {
	d := NewDecoder(data, limits)
	m := &HTTPWaitAnswer{}
	for i := range d.fields(httpWaitAnswerKeys, 0) {
		switch i {
		case 0:
			m.Ready = d.handles()
		case 1:
			m.Read = d.handles()
		case 2:
			m.Write = d.handles()
		}
	}
	return m, d.Finish()
}

// HTTPFault says why a request has no response.
type HTTPFault string

// The faults.
const (
	// HTTPViolation: the request is not permitted. The call fails whatever the
	// guest does now.
	HTTPViolation HTTPFault = "violation"
	// HTTPLimit: a limit of the provider is reached.
	HTTPLimit HTTPFault = "limit"
	// HTTPFailed: the server could not be reached, or broke off.
	HTTPFailed HTTPFault = "failed"
)

// HTTPHead is a response without its body, or why there is none.
type HTTPHead struct {
	Status int
	Header map[string][]string
	// Size of the body in bytes, or [SizeUnknown].
	Size int64
	// Fault and Message are set where there is no response, or where its body broke
	// off.
	Fault   HTTPFault
	Message string
}

var (
	httpHeadKeys = []string{"status", "headers", "size", "fault", "message"}
	httpFaults   = []string{string(HTTPViolation), string(HTTPLimit), string(HTTPFailed)}
)

// Append encodes the message.
func (m *HTTPHead) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(m.Status != 0, len(m.Header) > 0, m.Fault == "" && m.Size >= 0, m.Fault != "", m.Message != "")
	if m.Status != 0 {
		w.int("status", int64(m.Status))
	}
	w.httpHeader(m.Header)
	if m.Fault == "" && m.Size >= 0 {
		w.int("size", m.Size)
	}
	w.optional("fault", string(m.Fault))
	w.optional("message", m.Message)
	return w.done()
}

// DecodeHTTPHead decodes the answer of [HostHTTPHead].
func DecodeHTTPHead(data []byte, limits Limits) (*HTTPHead, error) {
	d := NewDecoder(data, limits)
	m := &HTTPHead{Size: SizeUnknown}
	for i := range d.fields(httpHeadKeys) {
		switch i {
		case 0:
			m.Status = d.Size(999)
		case 1:
			m.Header = d.httpHeader()
		case 2:
			m.Size = d.Int()
		case 3:
			m.Fault = HTTPFault(d.oneOf(httpFaults))
		case 4:
			m.Message = d.String()
		}
	}
	d.need(m.Status != 0 || m.Fault != "", "status")
	return m, d.Finish()
}

// AppendHandle writes a handle as the raw host calls take it: four bytes, the
// lowest first.
func AppendHandle(b []byte, handle uint32) []byte {
	return binary.LittleEndian.AppendUint32(b, handle)
}

// CutHandle takes a handle from the front of the bytes of a raw host call.
func CutHandle(data []byte) (handle uint32, rest []byte, ok bool) {
	if len(data) < 4 {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint32(data), data[4:], true
}
