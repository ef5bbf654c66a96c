package wasm

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxIdle is how many worker processes may wait for work beside those that
// have it. An idle one costs some 30 MB and saves the start of another.
const maxIdle = 6

// A pool holds the workers of a host. Sessions that only read share a worker
// where there are more of them than workers; one that writes shares it with
// nobody, so that ending the worker because of someone else never leaves an
// apply half done.
type pool struct {
	max    int
	tokens chan struct{}

	mu     sync.Mutex
	lanes  []*lane
	closed bool
}

// A lane is one worker process and the sessions that have an instance in it.
type lane struct {
	key    string
	proc   *process
	owners map[string]int
	writes bool
	used   time.Time
}

func (l *lane) sessions() int {
	n := 0
	for _, c := range l.owners {
		n += c
	}
	return n
}

// free reports whether nobody but the owner is in the lane.
func (l *lane) free(owner string) bool {
	return len(l.owners) == 0 || (len(l.owners) == 1 && l.owners[owner] > 0)
}

func newPool(maxWorkers int) *pool {
	return &pool{max: maxWorkers, tokens: make(chan struct{}, maxWorkers)}
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

func (p *pool) leave() { <-p.tokens }

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
		t.over.Do(t.pool.leave)
	}
}

// lease finds a worker for a session, or starts one.
func (p *pool) lease(key, owner string, write bool, start func() (*process, error)) (*lane, error) {
	p.mu.Lock()
	if l := p.find(key, owner, write); l != nil {
		l.owners[owner]++
		l.writes = l.writes || write
		p.mu.Unlock()
		return l, nil
	}
	closed := p.closed
	p.evict()
	p.mu.Unlock()
	if closed {
		return nil, errors.New("the provider host is closed")
	}
	proc, err := start()
	if err != nil {
		return nil, err
	}
	l := &lane{key: key, proc: proc, owners: map[string]int{owner: 1}, writes: write}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		proc.kill("the provider host is closed")
		return nil, errors.New("the provider host is closed")
	}
	p.lanes = append(p.lanes, l)
	return l, nil
}

func (p *pool) find(key, owner string, write bool) *lane {
	p.prune()
	var best *lane
	same := 0
	for _, l := range p.lanes {
		if l.key != key {
			continue
		}
		if l.free(owner) {
			return l
		}
		if l.writes {
			continue
		}
		same++
		if best == nil || l.sessions() < best.sessions() {
			best = l
		}
	}
	if write || same < p.max {
		return nil
	}
	return best
}

// prune forgets workers that have ended.
func (p *pool) prune() {
	alive := p.lanes[:0]
	for _, l := range p.lanes {
		if l.proc.alive() {
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
			if len(l.owners) > 0 || !l.proc.alive() {
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
	lanes := p.lanes
	p.lanes, p.closed = nil, true
	p.mu.Unlock()
	for _, l := range lanes {
		l.proc.shut()
	}
	for _, l := range lanes {
		<-l.proc.dead
	}
}
