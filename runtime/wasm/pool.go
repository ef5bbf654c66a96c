package wasm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// maxIdle is how many worker processes may wait for work beside those that
// have it. An idle one costs some 30 MB and saves the start of another.
const maxIdle = 6

// maxReaders is how many sessions that read a worker has at a time, where they
// do not wait for the network: only one of them computes, and each costs memory.
const maxReaders = 2

// A pool holds the workers of a host. Sessions that only read share a worker
// where there are more of them than workers; one that writes shares it with
// nobody, so that ending the worker because of someone else never leaves an
// apply half done.
type pool struct {
	max    int
	tokens chan struct{}

	mu    sync.Mutex
	lanes []*lane
	// line are the sessions that wait for a place, in the order of their coming.
	line   []*stay
	closed bool
	// patience is how long nothing may happen in the workers that a session
	// waits for.
	patience time.Duration
}

// A lane is one worker process and the sessions that have an instance in it.
type lane struct {
	key string
	// proc is set when ready is closed; failed says why there is none.
	proc   *process
	failed error
	ready  chan struct{}
	owners map[string]int
	writes bool
	// wanted is the session that waits until the others have left.
	wanted *stay
	used   time.Time
}

func (l *lane) sessions() int {
	n := 0
	for _, c := range l.owners {
		n += c
	}
	return n
}

// free reports whether nobody but the session's owner is in the lane, or waits
// for it.
func (l *lane) free(s *stay) bool {
	if l.wanted != nil && l.wanted != s {
		return false
	}
	return len(l.owners) == 0 || (len(l.owners) == 1 && l.owners[s.owner] > 0)
}

// alive reports whether the worker can be used, or starts.
func (l *lane) alive() bool {
	select {
	case <-l.ready:
		return l.proc != nil && l.proc.alive()
	default:
		return true
	}
}

func newPool(maxWorkers int) *pool {
	return &pool{max: maxWorkers, tokens: make(chan struct{}, maxWorkers), patience: time.Minute}
}

// enter waits until a call may run.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.tokens <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.tokens <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *pool) exit() { <-p.tokens }

// turn is a call's right to run. A call that waits for the network gives it
// back early: it costs no processor while it waits.
type turn struct {
	pool *pool
	over sync.Once
}

// turn waits until a call may run.
func (p *pool) turn(ctx context.Context) (*turn, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	return &turn{pool: p}, nil
}

func (t *turn) end() {
	if t != nil {
		t.over.Do(t.pool.exit)
	}
}

// errHostClosed is for sessions that come after [Host.Close].
var errHostClosed = errors.New("the provider host is closed")

// lease finds a worker for a session, starts one, or waits for one: a provider
// has no more workers than there are cores.
func (p *pool) lease(ctx context.Context, s *stay, start func() (*process, error)) (*lane, error) {
	for {
		at, err := p.await(ctx, s)
		if err != nil {
			return nil, err
		}
		if at.fresh {
			p.start(at.lane, start)
		}
		select {
		case <-at.lane.ready:
		case <-ctx.Done():
			p.release(at.lane, s.owner)
			return nil, context.Cause(ctx)
		}
		if at.lane.failed == nil {
			return at.lane, nil
		}
		p.release(at.lane, s.owner)
		if at.fresh {
			return nil, at.lane.failed // the others try for themselves
		}
	}
}

// find has the session enter a lane where it may; where it may not, it has to
// wait.
func (p *pool) find(s *stay) place {
	if p.closed {
		return place{}
	}
	p.prune()
	if l := p.empty(s); l != nil {
		p.enterLane(l, s)
		return place{lane: l}
	}
	if p.room(s) {
		p.evict()
		l := &lane{key: s.key, ready: make(chan struct{}), owners: map[string]int{}}
		p.lanes = append(p.lanes, l)
		p.enterLane(l, s)
		return place{lane: l, fresh: true}
	}
	l := p.readable(s.key)
	switch {
	case l == nil:
	case s.write:
		if !p.awaited(s) {
			l.wanted = s
		}
	case s.crowd || l.sessions() < maxReaders:
		p.enterLane(l, s)
		return place{lane: l}
	}
	return place{}
}

// empty is a lane that the session would have for itself.
func (p *pool) empty(s *stay) *lane {
	for _, l := range p.lanes {
		if l.key == s.key && l.free(s) {
			return l
		}
	}
	return nil
}

// room reports whether another worker may be started.
func (p *pool) room(s *stay) bool {
	n := 0
	for _, l := range p.lanes {
		if l.key == s.key && (!l.writes || !s.crowd) {
			n++
		}
	}
	return n < p.max || s.write && s.crowd
}

// readable is the lane with the fewest sessions of those that only read.
func (p *pool) readable(key string) *lane {
	var best *lane
	for _, l := range p.lanes {
		if l.key == key && !l.writes && l.wanted == nil && (best == nil || l.sessions() < best.sessions()) {
			best = l
		}
	}
	return best
}

// awaited reports whether there is a lane that empties for the session.
func (p *pool) awaited(s *stay) bool {
	return slices.ContainsFunc(p.lanes, func(l *lane) bool { return l.wanted == s })
}

func (p *pool) enterLane(l *lane, s *stay) {
	l.owners[s.owner]++
	l.writes = l.writes || s.write
	p.unwant(s)
}

func (p *pool) unwant(s *stay) {
	for _, l := range p.lanes {
		if l.wanted == s {
			l.wanted = nil
		}
	}
}

// start starts the worker of a lane.
func (p *pool) start(l *lane, start func() (*process, error)) {
	proc, err := start()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.closed {
		proc.kill("the provider host is closed")
		proc, err = nil, errHostClosed
	}
	if err != nil {
		p.drop(l)
	}
	l.proc, l.failed = proc, err
	close(l.ready)
}

// prune forgets workers that have ended.
func (p *pool) prune() {
	alive := p.lanes[:0]
	for _, l := range p.lanes {
		if l.alive() {
			alive = append(alive, l)
		}
	}
	clear(p.lanes[len(alive):])
	p.lanes = alive
}

// evict ends the idle workers that were not used for the longest time.
func (p *pool) evict() {
	for {
		idle, oldest := 0, (*lane)(nil)
		for _, l := range p.lanes {
			if len(l.owners) > 0 || !l.alive() {
				continue
			}
			idle++
			if oldest == nil || l.used.Before(oldest.used) {
				oldest = l
			}
		}
		if idle < maxIdle {
			return
		}
		oldest.proc.shut()
		p.drop(oldest)
	}
}

func (p *pool) drop(gone *lane) {
	for i, l := range p.lanes {
		if l == gone {
			p.lanes = append(p.lanes[:i], p.lanes[i+1:]...)
			return
		}
	}
}

// release ends a session's stay.
func (p *pool) release(l *lane, owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(l, owner)
	p.serve()
}

func (p *pool) leave(l *lane, owner string) {
	if l.owners[owner]--; l.owners[owner] <= 0 {
		delete(l.owners, owner)
	}
	if len(l.owners) == 0 {
		l.writes = false
	}
	l.used = time.Now() //nolint:forbidigo // only compared with its like
}

func (p *pool) close() {
	p.mu.Lock()
	lanes := slices.DeleteFunc(p.lanes, func(l *lane) bool { return !l.alive() || l.proc == nil })
	p.lanes, p.closed = nil, true
	p.serve()
	p.mu.Unlock()
	for _, l := range lanes {
		l.proc.shut()
	}
	for _, l := range lanes {
		<-l.proc.dead
	}
}
