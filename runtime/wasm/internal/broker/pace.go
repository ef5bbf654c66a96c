package broker

import (
	"context"
	"sync"
	"time"
)

// A pace spreads the requests to one origin over time: none begins sooner than a
// gap after the one before it. Those that wait go in the order in which they came.
// The nil pace holds nobody up.
type pace struct {
	gap time.Duration

	mu   sync.Mutex
	next time.Time
}

// newPace is that of so many requests a second; nil for no limit.
func newPace(rate int64) *pace {
	if rate <= 0 {
		return nil
	}
	return &pace{gap: time.Second / time.Duration(rate)}
}

// wait waits for its turn; false where the context ends first, or would end before.
func (p *pace) wait(ctx context.Context) bool {
	if p == nil {
		return true
	}
	now := time.Now() //nolint:forbidigo // it measures how long it is until then
	p.mu.Lock()
	at := p.next
	if at.Before(now) {
		at = now
	}
	if end, ok := ctx.Deadline(); ok && end.Before(at) {
		p.mu.Unlock()
		return false
	}
	p.next = at.Add(p.gap)
	p.mu.Unlock()
	if at.Equal(now) {
		return ctx.Err() == nil
	}
	return sleep(ctx, at.Sub(now))
}
