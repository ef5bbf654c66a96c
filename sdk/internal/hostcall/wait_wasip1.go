package hostcall

import (
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// For says what somebody waits for.
type For int

// What can be waited for.
const (
	// ForAnswer waits for the answer of a request over HTTP.
	ForAnswer For = iota
	// ForRead waits for bytes of a connection, or its end.
	ForRead
	// ForWrite waits for room in a connection.
	ForWrite
)

// slice is how long the host is asked to wait at most while somebody has a
// deadline or a connection: in between, timers of the guest may fire.
const slice = 100 * time.Millisecond

type wanted struct {
	what   For
	handle uint32
}

// pump waits on behalf of all goroutines: while one of them is inside the host,
// no other can run.
type pump struct {
	mu      sync.Mutex
	changed sync.Cond
	waiting map[wanted]*waiter
	busy    bool
}

type waiter struct {
	count int
	ready bool
	until time.Time
}

var thePump = newPump()

func newPump() *pump {
	p := &pump{waiting: map[wanted]*waiter{}}
	p.changed.L = &p.mu
	return p
}

// Wait returns when the handle is ready for it. until is asked again whenever
// something has happened; after that time, where it is not zero, the error is
// [os.ErrDeadlineExceeded].
func Wait(what For, handle uint32, until func() time.Time) error {
	return thePump.wait(wanted{what, handle}, until)
}

// Late reports whether a deadline has passed; zero is none.
func Late(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline) //nolint:forbidigo // the guest's own clock, which is the host's
}

// Wake has all who wait look at their deadlines again.
func Wake() { thePump.changed.Broadcast() }

func (p *pump) wait(want wanted, until func() time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.enter(want)
	defer p.leave(want, w)
	for !w.ready {
		if until != nil {
			if w.until = until(); Late(w.until) {
				return os.ErrDeadlineExceeded
			}
		}
		if p.busy {
			p.changed.Wait()
			continue
		}
		if err := p.turn(); err != nil {
			return err
		}
	}
	return nil
}

func (p *pump) enter(want wanted) *waiter {
	w := p.waiting[want]
	if w == nil || w.ready {
		w = &waiter{}
		p.waiting[want] = w
	}
	w.count++
	return w
}

func (p *pump) leave(want wanted, w *waiter) {
	if w.count--; w.count == 0 && p.waiting[want] == w {
		delete(p.waiting, want)
	}
}

// turn lets all others begin what they have to begin, and then waits in the
// host until something is ready.
func (p *pump) turn() error {
	p.busy = true
	defer p.changed.Broadcast()
	p.mu.Unlock()
	for range 4 {
		runtime.Gosched()
	}
	p.mu.Lock()
	request, most := p.request()
	answer, err := ask(request)
	if err == nil && p.mark(answer) == 0 && most > 0 {
		// The guest's clock stands still while the host waits: what waits for a
		// time has to see it pass.
		p.mu.Unlock()
		time.Sleep(most)
		p.mu.Lock()
	}
	p.busy = false
	return err
}

func ask(request *abi.HTTPWaitRequest) (*abi.HTTPWaitAnswer, error) {
	data, err := Ask(abi.HostHTTPWait, request)
	if err != nil {
		return nil, err
	}
	return abi.DecodeHTTPWaitAnswer(data, abi.DefaultLimits())
}

// request names all that is waited for, and for how long at most; 0 is for as
// long as the call may last.
func (p *pump) request() (r *abi.HTTPWaitRequest, most time.Duration) {
	r = &abi.HTTPWaitRequest{}
	now := time.Now() //nolint:forbidigo // the guest's own clock, which is the host's
	for want, w := range p.waiting {
		switch {
		case w.ready:
			continue
		case want.what == ForAnswer:
			r.Handles = append(r.Handles, want.handle)
			continue
		case want.what == ForRead:
			r.Read = append(r.Read, want.handle)
		default:
			r.Write = append(r.Write, want.handle)
		}
		if most == 0 {
			most = slice
		}
		if !w.until.IsZero() {
			most = max(min(most, w.until.Sub(now)), time.Millisecond)
		}
	}
	r.Timeout = int64((most + time.Millisecond - 1) / time.Millisecond)
	return r, most
}

func (p *pump) mark(answer *abi.HTTPWaitAnswer) int {
	n := 0
	for what, handles := range [...][]uint32{ForAnswer: answer.Ready, ForRead: answer.Read, ForWrite: answer.Write} {
		for _, handle := range handles {
			if w := p.waiting[wanted{For(what), handle}]; w != nil {
				w.ready = true
				n++
			}
		}
	}
	return n
}
