// Package worker is the process that runs a provider: cogplan itself, started
// again with one argument, an empty environment and two pipes.
//
// It compiles one module, makes instances of it, calls them and enforces what
// they may do to the granted files. It has no deadline of its own: a guest that
// computes cannot be interrupted from inside the process, so the parent ends
// the process. It refuses to outlive its parent.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
	"github.com/cogplan/cogplan/runtime/wasm/internal/seccomp"
)

// Argument is the one argument that makes a process a worker.
const Argument = "__cogplan_worker"

// MaxRequest bounds what the parent sends, in bytes.
const MaxRequest = 512 << 20

// Requested reports whether this process was started as a worker.
func Requested() bool { return len(os.Args) == 2 && os.Args[1] == Argument }

// Main serves the parent until it closes the pipe, and returns the exit code.
func Main(ctx context.Context, stdin, stdout *os.File) int {
	lockDown()
	in, out := pollable(stdin), pollable(stdout)
	w := &server{out: pipe.NewWriter(out), instances: map[uint32]*life{}, spares: newSpares()}
	err := filterCalls()
	if err == nil {
		err = w.serve(ctx, pipe.NewReader(in, MaxRequest))
	}
	if err != nil {
		_ = w.out.Send(pipe.Failed, 0, []byte(err.Error()))
		return 1
	}
	return 0
}

// filterCalls takes system calls from the process where the kernel can. Where it
// could and does not, there is no worker.
func filterCalls() error {
	if lacking := seccomp.Available(); lacking == nil {
		return seccomp.Enter()
	}
	return nil // version -v says so
}

type server struct {
	out       *pipe.Writer
	config    pipe.Config
	engine    *engine
	instances map[uint32]*life
	spares    *spares
	// threads is how many there may be, where there is one so far.
	threads int
	wide    sync.Once
	done    sync.WaitGroup
}

func (s *server) serve(ctx context.Context, in *pipe.Reader) error {
	if err := s.setup(ctx, in); err != nil {
		return err
	}
	for {
		f, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the pipe: %w", err)
		}
		if err := s.dispatch(ctx, f); err != nil {
			return err
		}
	}
}

func (s *server) setup(ctx context.Context, in *pipe.Reader) error {
	setup, err := in.Next()
	if err != nil || setup.Kind != pipe.Setup {
		return errors.New("a worker is started by cogplan and not by hand")
	}
	if err := json.Unmarshal(setup.Payload, &s.config); err != nil {
		return fmt.Errorf("read the setup: %w", err)
	}
	code, err := in.Next()
	if err != nil || code.Kind != pipe.Code {
		return errors.New("no module after the setup")
	}
	if s.config.Alone {
		s.threads = runtime.GOMAXPROCS(1)
	}
	// Linear memories lie outside of Go's heap. Compiling makes much garbage.
	debug.SetGCPercent(200)
	if err := limitProcess(&s.config); err != nil {
		return fmt.Errorf("limit the process: %w", err)
	}
	s.engine, err = newEngine(ctx, &s.config, code.Payload, func() { _ = s.out.Send(pipe.Compiling, 0) })
	if err != nil {
		return err
	}
	s.engine.widen = s.widen
	// What loading took goes back to the system: it is more than all that follows,
	// and what follows is collected early, because there are several workers.
	debug.SetGCPercent(75)
	debug.FreeOSMemory()
	return s.out.Send(pipe.Ready, 0)
}

// dispatch hands a request to the goroutine of its instance, so that calls of
// different instances overlap and those of one do not.
func (s *server) dispatch(ctx context.Context, f pipe.Frame) error {
	switch f.Kind {
	case pipe.Open:
		open, err := pipe.ParseOpen(f.Payload)
		if err != nil {
			return err
		}
		if s.instances[open.Instance] != nil {
			return errors.New("instance number is taken")
		}
		l := &life{open: open, requests: make(chan pipe.Frame, 4), http: newMailbox(s.out, open.Instance)}
		s.instances[open.Instance] = l
		s.done.Go(func() { s.run(ctx, l, f.ID) })
		return nil
	case pipe.Call, pipe.Apply:
		if len(f.Payload) < 4 {
			return errors.New("request without an instance")
		}
		id := uint32(f.Payload[0]) | uint32(f.Payload[1])<<8 | uint32(f.Payload[2])<<16 | uint32(f.Payload[3])<<24
		if l := s.instances[id]; l != nil {
			l.requests <- f
			return nil
		}
		return s.answer(f.ID, &pipe.Outcome{Status: pipe.Broken, Detail: "there is no such instance"})
	case pipe.Drop:
		if l := s.instances[f.ID]; l != nil {
			if l.open.Shared {
				s.spares.closes(l.open.Write)
			}
			close(l.requests)
			l.http.close()
			delete(s.instances, f.ID)
		}
		return nil
	case pipe.HTTPAnswer, pipe.StreamAnswer:
		return s.deliver(f)
	default:
		return fmt.Errorf("unknown request %d", f.Kind)
	}
}

// deliver hands on what the parent says about the network. An instance that is
// gone wants nothing of it.
func (s *server) deliver(f pipe.Frame) error {
	l := s.instances[f.ID]
	if f.Kind == pipe.StreamAnswer {
		answer, err := pipe.ParseStream(f.Payload)
		if l != nil && err == nil {
			l.http.hear(answer)
		}
		return err
	}
	answer, err := pipe.ParseHTTP(f.Payload)
	if l != nil && err == nil {
		l.http.deliver(answer)
	}
	return err
}

func (s *server) answer(id uint32, o *pipe.Outcome) error {
	return s.out.Send(pipe.Answer, id, o.AppendHead(nil), o.Body)
}

// life is what reaches an instance while it lives.
type life struct {
	open     pipe.OpenRequest
	requests chan pipe.Frame
	http     *mailbox
}

// run is the life of one instance.
func (s *server) run(ctx context.Context, l *life, id uint32) {
	inst, outcome := s.begin(ctx, l.open, l)
	_ = s.answer(id, &outcome)
	for f := range l.requests {
		if inst == nil {
			_ = s.answer(f.ID, &pipe.Outcome{Status: pipe.Broken, Detail: "the instance is gone"})
			continue
		}
		var alive bool
		if f.Kind == pipe.Call {
			alive = s.call(ctx, inst, f)
		} else {
			alive = s.apply(ctx, inst, f)
		}
		if !alive {
			inst.close(ctx)
			inst = nil
		}
	}
	s.leave(ctx, inst, l.open)
}

// manyFiles is how many files are worth more than one thread.
const manyFiles = 64

// widen takes all threads that there may be, once there are many files.
func (s *server) widen(files int) {
	if files >= manyFiles && s.threads > 1 {
		s.wide.Do(func() { runtime.GOMAXPROCS(s.threads) })
	}
}

func (s *server) logger(instance uint32) func(level byte, line []byte) {
	return func(level byte, line []byte) { _ = s.out.Queue(pipe.Log, instance, []byte{level}, line) }
}

func (s *server) call(ctx context.Context, inst *instance, f pipe.Frame) (alive bool) {
	req, err := pipe.ParseCall(f.Payload)
	if err != nil {
		_ = s.answer(f.ID, &pipe.Outcome{Status: pipe.Broken, Detail: err.Error()})
		return false
	}
	inst.fs.BeginRead()
	o := inst.call(ctx, req.Op, req.Body)
	o.Report = inst.fs.End()
	inst.fs.Forget()
	_ = s.answer(f.ID, &o)
	return usable(&o)
}

// usable reports whether the instance may be called again: it is alive, and
// did nothing that it must not do.
func usable(o *pipe.Outcome) bool {
	return (o.Status == pipe.OK || o.Status == pipe.GuestError || o.Status == pipe.Lost) && len(o.Report.Violations) == 0
}
