package wasm

import (
	"errors"
	"sync"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// flow is what goes in both directions of one stream: a connection, or the body of
// a request over HTTP and that of its response. The goroutine that reads the pipe
// tells it what the worker wants and never waits for it; others carry the bytes.
// Neither side may give more than the other has room for, and the worker, which may
// have been broken out of, is held to it.
type flow struct {
	wire   *wire
	handle uint32
	// window is how much the worker may give that is not sent yet.
	window int
	// news wake the one who writes, and the one who reads.
	toWrite, toRead chan struct{}

	mu sync.Mutex
	// out waits to be sent; owed is how much the worker was not told is sent.
	out  []byte
	owed int
	// credit is how much the worker has room for.
	credit int
	// shut says that the worker will give no more.
	shut bool
}

// start makes it ready for use.
func (f *flow) start(w *wire, handle uint32, window int) {
	f.wire, f.handle, f.window, f.credit = w, handle, window, abi.TCPWindow
	f.toWrite, f.toRead = make(chan struct{}, 1), make(chan struct{}, 1)
}

// want is one wish of the worker, which is bound by the windows.
func (f *flow) want(m pipe.StreamMessage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch m.Verb {
	case pipe.StreamData:
		if f.owed += len(m.Data); f.owed > f.window || f.shut {
			return errors.New("more bytes of a stream than there is room for")
		}
		f.out = append(f.out, m.Data...)
		wake(f.toWrite)
	case pipe.StreamRoom:
		if m.Count > abi.TCPWindow || f.credit+int(m.Count) > abi.TCPWindow {
			return errors.New("more room for a stream than there can be")
		}
		f.credit += int(m.Count)
		wake(f.toRead)
	case pipe.StreamShut:
		f.shut = true
		wake(f.toWrite)
	default:
		return errors.New("a stream that is asked for something unknown")
	}
	return nil
}

func wake(news chan struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}

// next is what waits to be sent, and whether nothing will follow.
func (f *flow) next() (piece []byte, shut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	piece, f.out = f.out, nil
	return piece, f.shut
}

func (f *flow) sent(n int) {
	f.mu.Lock()
	f.owed -= n
	f.mu.Unlock()
	f.tell(pipe.StreamRoom, n, nil)
}

func (f *flow) room() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.credit
}

func (f *flow) spend(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.credit -= n
}

func (f *flow) tell(verb pipe.StreamVerb, count int, data []byte) {
	f.wire.tell(f.handle, verb, count, data)
}
