package wasm

import (
	"context"
	"errors"
	"slices"
	"time"
)

// stay is what a session wants of a lane.
type stay struct {
	key, owner string
	write      bool
	// crowd says that sessions which write may have more workers than there are
	// cores: they wait for the network more than they compute.
	crowd bool
	// placed hears of the lane that was found, or of none when the host is closed.
	placed chan place
}

// place is a lane that a session has entered, and whether its worker has to be
// started.
type place struct {
	lane  *lane
	fresh bool
}

// await waits until the session has entered a lane.
func (p *pool) await(ctx context.Context, s *stay) (place, error) {
	p.mu.Lock()
	at := p.find(s)
	if at.lane == nil && !p.closed {
		s.placed = make(chan place, 1)
		p.line = append(p.line, s)
		p.mu.Unlock()
		var err error
		if at, err = p.stand(ctx, s); err != nil {
			p.leaveLine(s)
			return place{}, err
		}
		p.mu.Lock()
	}
	p.mu.Unlock()
	if at.lane == nil {
		return place{}, errHostClosed
	}
	return at, nil
}

// errNoPlace is for who would wait for ever: sessions that are held and not used
// are a mistake of whoever did not close them.
var errNoPlace = errors.New("no place came free in a worker of the provider: all are held, and nothing happens in them; close what is done with")

// stand waits in the line.
func (p *pool) stand(ctx context.Context, s *stay) (place, error) {
	look := time.NewTicker(p.patience)
	defer look.Stop()
	for idle := false; ; {
		select {
		case at := <-s.placed:
			return at, nil
		case <-ctx.Done():
			return place{}, context.Cause(ctx)
		case <-look.C:
			before := idle
			if idle = p.idle(s.key); idle && before {
				return place{}, errNoPlace
			}
		}
	}
}

// idle reports whether no worker of the key has a call to answer.
func (p *pool) idle(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lanes {
		if l.key == key && l.alive() && (l.proc == nil || l.proc.busy()) {
			return false
		}
	}
	return true
}

// leaveLine is for a session that has waited long enough.
func (p *pool) leaveLine(s *stay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = slices.DeleteFunc(p.line, func(other *stay) bool { return other == s })
	p.unwant(s)
	select {
	case at := <-s.placed: // it was its turn just now
		if at.lane != nil {
			p.leave(at.lane, s.owner)
		}
	default:
	}
	p.serve()
}

// serve gives places to those who wait, the first come first.
func (p *pool) serve() {
	p.line = slices.DeleteFunc(p.line, func(s *stay) bool {
		at := p.find(s)
		if at.lane == nil && !p.closed {
			return false
		}
		s.placed <- at
		return true
	})
}
