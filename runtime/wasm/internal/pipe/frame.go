// Package pipe is what cogplan and its worker processes say to each other:
// length-prefixed frames over two pipes, matched by number, bounded on both
// sides.
//
// The worker runs what nobody trusts, so the parent believes no length, count
// or number that comes from it. The package refuses frames beyond the limit of
// the reader, and messages that do not parse to their last byte.
package pipe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Kind says what a frame holds.
type Kind byte

// From the parent to the worker.
const (
	// Setup is the first frame: a [Config].
	Setup Kind = 1 + iota
	// Code is the second: the bytes of the module.
	Code
	// Open makes an instance: an [OpenRequest], answered by Answer.
	Open
	// Call calls an instance: a [CallRequest], answered by Answer.
	Call
	// Apply carries out actions: an [ApplyRequest], answered by one Applied for
	// each action that was reached, and Answer at the end.
	Apply
	// Drop ends the session of an instance: its number is the frame's. No answer.
	Drop
	// HTTPAnswer answers an HTTPRequest: an [HTTPMessage]. The frame's number is
	// the instance's.
	HTTPAnswer
	// StreamAnswer tells about a connection, or about the body of a response: a
	// [StreamMessage]. The frame's number is the instance's.
	StreamAnswer
)

// From the worker to the parent.
const (
	// Ready says that the module is compiled and instances can be made.
	Ready Kind = 64 + iota
	// Compiling says that the module is being compiled for the first time.
	Compiling
	// Failed says in words why the worker cannot work. It ends afterwards.
	Failed
	// Answer ends a request: an [Outcome].
	Answer
	// Applied is the outcome of one action: its index and an [Outcome].
	Applied
	// Log is a line of a guest: the frame's number is the instance's.
	Log
	// HTTPRequest is a request that a guest wants to be made: an [HTTPMessage].
	// The frame's number is the instance's.
	HTTPRequest
	// StreamRequest is what a guest wants of a connection, or of a request after it
	// was begun: a [StreamMessage]. The frame's number is the instance's.
	StreamRequest
)

// Frame is one message.
type Frame struct {
	Kind Kind
	// ID is the number of the request that the frame belongs to.
	ID uint32
	// Payload belongs to the receiver.
	Payload []byte
}

const headerSize = 9

// ErrTooLarge is returned for a frame that is larger than the reader allows.
var ErrTooLarge = errors.New("message is larger than the limit")

// A Writer writes frames. It is safe for concurrent use.
type Writer struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// NewWriter returns a writer with a buffer.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 64<<10)} }

// Send writes a frame, its payload in pieces, and flushes it.
func (w *Writer) Send(kind Kind, id uint32, payload ...[]byte) error {
	return w.SendBehind(nil, kind, id, payload...)
}

// SendBehind writes frames and the one behind them, all in one go.
func (w *Writer) SendBehind(before []Frame, kind Kind, id uint32, payload ...[]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range before {
		if err := w.write(before[i].Kind, before[i].ID, before[i].Payload); err != nil {
			return err
		}
	}
	if err := w.write(kind, id, payload...); err != nil {
		return err
	}
	return w.w.Flush()
}

// Queue writes a frame that goes out with the next one that is sent, or when
// the buffer is full.
func (w *Writer) Queue(kind Kind, id uint32, payload ...[]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.write(kind, id, payload...)
}

func (w *Writer) write(kind Kind, id uint32, payload ...[]byte) error {
	total := 0
	for _, p := range payload {
		total += len(p)
	}
	if total > 1<<30 {
		return ErrTooLarge
	}
	var head [headerSize]byte
	head[0] = byte(kind)
	binary.LittleEndian.PutUint32(head[1:], id)
	binary.LittleEndian.PutUint32(head[5:], uint32(total))
	if _, err := w.w.Write(head[:]); err != nil {
		return err
	}
	for _, p := range payload {
		if _, err := w.w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// A Reader reads frames of at most Limit bytes.
type Reader struct {
	r     *bufio.Reader
	limit int64
}

// NewReader returns a reader that refuses payloads above the limit.
func NewReader(r io.Reader, limit int64) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// Next returns the next frame; [io.EOF] when the other side has closed.
func (r *Reader) Next() (Frame, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return Frame{}, err
	}
	size := binary.LittleEndian.Uint32(head[5:])
	if int64(size) > r.limit {
		return Frame{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
	}
	payload, err := readPayload(r.r, int(size))
	if err != nil {
		return Frame{}, err
	}
	return Frame{Kind: Kind(head[0]), ID: binary.LittleEndian.Uint32(head[1:]), Payload: payload}, nil
}

// readPayload allocates as bytes arrive, not as they are promised.
func readPayload(r io.Reader, size int) ([]byte, error) {
	const step = 1 << 20
	buf := make([]byte, 0, min(size, step))
	for len(buf) < size {
		n := min(size-len(buf), max(step, len(buf)))
		if cap(buf)-len(buf) < n {
			grown := make([]byte, len(buf), len(buf)+n)
			copy(grown, buf)
			buf = grown
		}
		if _, err := io.ReadFull(r, buf[len(buf):len(buf)+n]); err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		buf = buf[:len(buf)+n]
	}
	return buf, nil
}

// Flush sends what was queued.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Flush()
}
