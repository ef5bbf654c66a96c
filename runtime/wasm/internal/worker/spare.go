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
	maxSessions = 256
)

// spares are instances whose session has ended well: they only read, had no
// secrets, and say that they can begin anew.
type spares struct {
	mu   sync.Mutex
	list []*instance
}

func (s *spares) take() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return nil
	}
	last := len(s.list) - 1
	inst := s.list[last]
	s.list = s.list[:last]
	return inst
}

func (s *spares) put(inst *instance) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) >= maxSpares {
		return false
	}
	s.list = append(s.list, inst)
	return true
}

// begin finds an instance for a session, or makes one.
func (s *server) begin(ctx context.Context, open pipe.OpenRequest, l *life) (*instance, pipe.Outcome) {
	if open.Shared && !open.Write {
		if inst := s.spares.take(); inst != nil {
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

// keep ends the session inside the guest and keeps the instance, if it is as
// good as new.
func (s *server) keep(ctx context.Context, inst *instance) bool {
	if inst.sessions >= maxSessions || inst.memory.size() > maxSpareMemory {
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
	return o.Status == pipe.OK && len(o.Report.Violations) == 0 && !inst.fs.Leaked() && s.spares.put(inst)
}

// randomness is a source that another one can take the place of.
type randomness struct{ *rand.ChaCha8 }

// startSeed is for what an instance draws before its first session, so that a
// session's own randomness is the same in a new instance and in one that is
// opened again.
func startSeed(seed [32]byte) [32]byte {
	return sha256.Sum256(append([]byte("start "), seed[:]...))
}
