package wasm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hall is a pool whose workers are no processes, and what it has seen.
type hall struct {
	*pool
	started atomic.Int64
}

func newHall(workers int) *hall { return &hall{pool: newPool(workers)} }

func (h *hall) stay(t *testing.T, s *stay) *lane {
	t.Helper()
	l, err := h.lease(t.Context(), s, h.begin)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (h *hall) begin() (*process, error) {
	h.started.Add(1)
	return &process{dead: make(chan struct{})}, nil
}

// A thousand resources of one provider never have more workers than there are
// cores, and what writes is alone in its worker.
func TestPoolNeverHasMoreWorkersThanCores(t *testing.T) {
	const cores = 3
	h := newHall(cores)
	var mu sync.Mutex
	writer := map[*lane]bool{}
	readers := map[*lane]int{}
	visit := func(s *stay) {
		l := h.stay(t, s)
		mu.Lock()
		if writer[l] || s.write && readers[l] > 0 {
			t.Error("a session that writes has company")
		}
		if s.write {
			writer[l] = true
		} else {
			readers[l]++
		}
		mu.Unlock()
		mu.Lock()
		if s.write {
			writer[l] = false
		} else {
			readers[l]--
		}
		mu.Unlock()
		h.release(l, s.owner)
	}
	var wg sync.WaitGroup
	for hand := range 10 {
		wg.Go(func() {
			for i := range 100 {
				// What one resource has open beside its apply is no company.
				owner := fmt.Sprintf("resource %d of %d", i, hand)
				visit(&stay{key: "k", owner: owner, write: i%2 == 1})
			}
		})
	}
	wg.Wait()
	if n := h.started.Load(); n > cores {
		t.Errorf("%d workers were started for %d cores", n, cores)
	}
}

// A session that waits to write comes in before readers that came later.
func TestPoolReadersDoNotKeepWritersOut(t *testing.T) {
	h := newHall(1)
	first := h.stay(t, &stay{key: "k", owner: "a"})
	write := make(chan *lane)
	go func() {
		l, err := h.lease(t.Context(), &stay{key: "k", owner: "b", write: true}, h.begin)
		if err != nil {
			t.Error(err)
		}
		write <- l
	}()
	for wanted := false; !wanted; runtime.Gosched() {
		h.mu.Lock()
		wanted = first.wanted != nil
		h.mu.Unlock()
	}
	read := make(chan *lane)
	go func() {
		l, err := h.lease(t.Context(), &stay{key: "k", owner: "c"}, h.begin)
		if err != nil {
			t.Error(err)
		}
		read <- l
	}()
	h.release(first, "a")
	l := <-write
	select {
	case <-read:
		t.Error("a reader came in beside the writer")
	default:
	}
	h.release(l, "b")
	h.release(<-read, "c")
}

// Who gives up waiting leaves nothing behind.
func TestPoolGivesUp(t *testing.T) {
	h := newHall(1)
	first := h.stay(t, &stay{key: "k", owner: "a"})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := h.lease(ctx, &stay{key: "k", owner: "b", write: true}, h.begin); !errors.Is(err, gone) {
		t.Fatalf("got %v", err)
	}
	if l := h.stay(t, &stay{key: "k", owner: "c"}); l != first {
		t.Error("the lane is still kept for the one that gave up")
	}
}

// Sessions that nobody uses and nobody closes do not keep others waiting for
// ever; one in which a call runs does.
func TestPoolTellsOfForgottenSessions(t *testing.T) {
	h := newHall(1)
	h.patience = time.Millisecond
	first := h.stay(t, &stay{key: "k", owner: "a"})
	write := &stay{key: "k", owner: "b", write: true}
	if _, err := h.lease(t.Context(), write, h.begin); !errors.Is(err, errNoPlace) {
		t.Fatalf("got %v", err)
	}
	first.proc.waiting = map[uint32]*pendingCall{1: {}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.lease(ctx, write, h.begin); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

// A worker that does not start fails the session that started it; others try
// for themselves.
func TestPoolStartFails(t *testing.T) {
	h := newHall(1)
	broken := errors.New("broken")
	if _, err := h.lease(t.Context(), &stay{key: "k", owner: "a"}, func() (*process, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	h.release(h.stay(t, &stay{key: "k", owner: "b"}), "b")
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	if _, err := h.lease(t.Context(), &stay{key: "k", owner: "c"}, h.begin); !errors.Is(err, errHostClosed) {
		t.Fatalf("got %v", err)
	}
}
