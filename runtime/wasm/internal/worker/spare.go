package worker

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"sync"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

const (
	// maxSpares is how many instances wait for another session.
	maxSpares = 8
	// maxSpareMemory is the largest memory that is kept, in bytes: what grew
	// beyond it is worth giving back.
	maxSpareMemory = 32 << 20
	// maxSessions is how many sessions one instance serves.
	maxSessions = 128
)

// spares are instances whose session has ended well: they had no secrets, and
// say that they can begin anew. Those that wrote are kept apart from those that
// read: what a guest began while it read must never go on while it may write.
type spares struct {
	mu               sync.Mutex
	changed          sync.Cond
	reading, writing shelf
}

// shelf holds the spares of one phase.
type shelf struct {
	list []*instance
	// closing counts the sessions that are about to leave one.
	closing int
}

func newSpares() *spares {
	s := &spares{}
	s.changed.L = &s.mu
	return s
}

func (s *spares) of(write bool) *shelf {
	if write {
		return &s.writing
	}
	return &s.reading
}

// closes announces a session that ends; closed has to follow.
func (s *spares) closes(write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(write).closing++
}

// closed ends it, with the instance that it leaves, or nil.
func (s *spares) closed(write bool, inst *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shelf := s.of(write)
	shelf.closing--
	if inst != nil {
		shelf.list = append(shelf.list, inst)
	}
	s.changed.Broadcast()
}

// take waits for a session that ends: it takes less than a new instance.
func (s *spares) take(write bool) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	shelf := s.of(write)
	for len(shelf.list) == 0 && shelf.closing > 0 {
		s.changed.Wait()
	}
	if len(shelf.list) == 0 {
		return nil
	}
	last := len(shelf.list) - 1
	inst := shelf.list[last]
	shelf.list = shelf.list[:last]
	return inst
}

// full reports whether there are enough of them.
func (s *spares) full(write bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of(write).list) >= maxSpares
}

// begin finds an instance for a session, or makes one.
func (s *server) begin(ctx context.Context, open pipe.OpenRequest, l *life) (*instance, pipe.Outcome) {
	if open.Shared {
		if inst := s.spares.take(open.Write); inst != nil {
			inst.rebind(open, l.http, s.engine.config.Log, s.logger(open.Instance))
			return inst, pipe.Outcome{}
		}
	}
	return s.engine.open(ctx, open, l.http, s.logger(open.Instance))
}

// rebind makes an instance that has closed its session serve another one: it
// has the new one's requests, randomness and log.
func (inst *instance) rebind(open pipe.OpenRequest, http *mailbox, log int64, send func(byte, []byte)) {
	inst.http = http
	inst.logs.left, inst.logs.cut, inst.logs.send = log, false, send
	inst.random.ChaCha8 = rand.NewChaCha8(open.Seed)
	inst.sessions++
}

// leave ends the session of an instance, which is nil where it died. It is kept
// for the next one if it is as good as new.
func (s *server) leave(ctx context.Context, inst *instance, open pipe.OpenRequest) {
	if open.Shared {
		if inst != nil && !s.renew(ctx, inst, open.Write) {
			inst.close(ctx)
			inst = nil
		}
		s.spares.closed(open.Write, inst)
		return
	}
	if inst != nil {
		inst.close(ctx)
	}
}

// renew ends the session inside the guest, and reports whether the instance may
// serve another one.
func (s *server) renew(ctx context.Context, inst *instance, write bool) bool {
	if inst.failed || inst.sessions >= maxSessions || inst.memory.size() > maxSpareMemory || s.spares.full(write) {
		return false
	}
	inst.fs.BeginRead()
	empty, err := abi.Empty{}.Append(nil)
	if err != nil {
		return false
	}
	o := inst.call(ctx, int32(abi.OpClose), empty)
	o.Report = inst.fs.End()
	inst.fs.Forget()
	return o.Status == pipe.OK && len(o.Report.Violations) == 0 && !inst.fs.Leaked()
}

// randomness is a source that another one can take the place of.
type randomness struct{ *rand.ChaCha8 }

// startSeed is for what an instance draws before its first session, so that a
// session's own randomness is the same in a new instance and in one that is
// opened again.
func startSeed(seed [32]byte) [32]byte {
	return sha256.Sum256(append([]byte("start "), seed[:]...))
}
