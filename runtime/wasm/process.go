package wasm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
	"github.com/cogplan/cogplan/runtime/wasm/internal/worker"
)

// errWorkerLost is in the chain of errors of calls whose worker ended before
// it answered.
var errWorkerLost = errors.New("the worker process ended")

// lostError says why a worker ended. Own is true for the call that was the
// reason; the others were bystanders and may be tried again.
type lostError struct {
	reason string
	own    bool
	// limit says that a limit was the reason.
	limit bool
}

func (e *lostError) Error() string { return e.reason }

func (e *lostError) Unwrap() error { return errWorkerLost }

// process is one worker: a process, its pipes, and the calls that wait for it.
type process struct {
	cmd    *exec.Cmd
	out    *pipe.Writer
	stderr *tail
	tag    string
	mounts []guestfs.Mount
	cpu    time.Duration
	next   atomic.Uint32
	ready  chan struct{}

	mu       sync.Mutex
	waiting  map[uint32]*pendingCall
	sessions map[uint32]*session
	killed   string
	failed   string
	dead     chan struct{}
}

// pendingCall receives the frames that answer one request.
type pendingCall struct {
	frames chan pipe.Frame
}

// processSpec says what a worker is started for.
type processSpec struct {
	executable string
	config     pipe.Config
	code       []byte
	compiling  func(done bool, err error)
	// unconfined hears why the kernel does not confine the process.
	unconfined func(why error)
}

// startProcess starts a worker and hands it the module. It does not wait until
// the worker is ready.
func startProcess(spec processSpec) (*process, error) {
	p := &process{
		stderr: &tail{}, tag: spec.config.Tag, mounts: spec.config.Mounts, cpu: spec.config.CPU,
		ready: make(chan struct{}), waiting: map[uint32]*pendingCall{}, sessions: map[uint32]*session{}, dead: make(chan struct{}),
	}
	p.cmd = exec.Command(spec.executable, worker.Argument) //nolint:noctx // ourselves; its end is Kill's business
	p.cmd.Env = []string{}
	p.cmd.Dir = startDir()
	p.cmd.Stderr = p.stderr
	p.cmd.SysProcAttr = processAttributes()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	lacking, err := startConfined(p.cmd, rulesFor(&spec), p.dead)
	if err != nil {
		return nil, fmt.Errorf("start a worker process: %w", err)
	}
	if lacking != nil {
		spec.unconfined(lacking)
	}
	widen(stdin, stdout)
	p.out = pipe.NewWriter(stdin)
	setup, err := json.Marshal(spec.config)
	if err != nil {
		return nil, err
	}
	go p.read(stdout, spec)
	// A failure shows in the reader: the process is gone.
	_ = p.out.Queue(pipe.Setup, 0, setup)
	_ = p.out.Send(pipe.Code, 0, spec.code)
	return p, nil
}

// endTime is how long a worker may take to end once it has closed its pipe.
const endTime = 2 * time.Second

// answerRoom is what an answer may have beside the guest's reply.
const answerRoom = 1 << 20

// read hands the frames of the worker to the calls that wait, until it ends.
func (p *process) read(stdout io.Reader, spec processSpec) {
	in := pipe.NewReader(stdout, max(spec.config.Output, abi.HTTPWindow)+answerRoom)
	var compiling bool
	for {
		f, err := in.Next()
		if err != nil {
			if errors.Is(err, pipe.ErrTooLarge) {
				p.kill("the worker process sent a message above the limit")
			}
			break
		}
		switch f.Kind {
		case pipe.Compiling:
			compiling = true
			spec.compiling(false, nil)
		case pipe.Ready:
			if !p.isReady() {
				close(p.ready)
			}
			if compiling {
				compiling = false
				spec.compiling(true, nil)
			}
		case pipe.Failed:
			p.mu.Lock()
			p.failed = clip(sanitize(string(f.Payload)), maxMessage)
			p.mu.Unlock()
		case pipe.Log:
			if len(f.Payload) > 0 {
				p.log(f)
			}
		case pipe.Answer, pipe.Applied:
			p.deliver(f)
		case pipe.HTTPRequest, pipe.StreamRequest:
			p.carry(f)
		default:
			p.kill("the worker process broke the protocol")
		}
	}
	// It has closed its pipe: let it say how it ends, but not for long.
	late := time.AfterFunc(endTime, func() { killProcess(p.cmd) })
	p.end(p.cmd.Wait())
	late.Stop()
	if compiling {
		spec.compiling(true, p.reason(false))
	}
}

func (p *process) isReady() bool {
	select {
	case <-p.ready:
		return true
	default:
		return false
	}
}

// deliver never blocks: a request has room for as many frames as it may get.
func (p *process) deliver(f pipe.Frame) {
	p.mu.Lock()
	call := p.waiting[f.ID]
	p.mu.Unlock()
	if call == nil {
		return
	}
	select {
	case call.frames <- f:
	default:
		p.kill("the worker process broke the protocol: too many answers")
	}
}

// end notes how the process ended and lets go of everyone who waits.
func (p *process) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed == "" && p.failed == "" {
		p.failed = crashReason(err, exitReason(p.cmd.ProcessState, p.cpu), p.stderr.String())
	}
	close(p.dead)
}

// crashReason says how a worker ended that nobody ended.
func crashReason(err error, why, stderr string) string {
	text := "the worker process ended unexpectedly"
	if why != "" {
		text = why
	} else if err != nil {
		text += " (" + err.Error() + ")"
	}
	if stderr = clip(sanitize(stderr), 512); stderr != "" {
		text += ": " + stderr
	}
	return text
}

// kill ends the process. The first reason stays.
func (p *process) kill(reason string) {
	p.mu.Lock()
	if p.killed == "" {
		p.killed = reason
	}
	p.mu.Unlock()
	killProcess(p.cmd)
}

func (p *process) reason(own bool) *lostError {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed != "" {
		return &lostError{reason: p.killed, own: own}
	}
	// A crash is the business of everyone who was inside.
	return &lostError{reason: p.failed, own: true, limit: strings.Contains(p.failed, "limit")}
}

func (p *process) alive() bool {
	select {
	case <-p.dead:
		return false
	default:
		return true
	}
}

// busy reports whether somebody waits for an answer.
func (p *process) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting) > 0
}

// begin registers a request that gets at most that many frames.
func (p *process) begin(frames int) (id uint32, call *pendingCall) {
	id = p.next.Add(1)
	call = &pendingCall{frames: make(chan pipe.Frame, frames)}
	p.mu.Lock()
	p.waiting[id] = call
	p.mu.Unlock()
	return id, call
}

func (p *process) finish(id uint32) {
	p.mu.Lock()
	delete(p.waiting, id)
	p.mu.Unlock()
}

// wait returns the next frame of a request. When the deadline passes or the
// caller gives up, the process is ended: a guest that computes cannot be
// interrupted in any other way.
func (p *process) wait(ctx context.Context, call *pendingCall, timeout *deadline) (pipe.Frame, error) {
	select {
	case f := <-call.frames:
		return f, nil
	default:
	}
	select {
	case f := <-call.frames:
		return f, nil
	case <-p.dead:
		select {
		case f := <-call.frames: // it had answered before it ended
			return f, nil
		default:
			return pipe.Frame{}, p.reason(false)
		}
	case <-timeout.C:
		return pipe.Frame{}, p.stop(timeout.reason, true)
	case <-ctx.Done():
		return pipe.Frame{}, errors.Join(p.stop("the call was cancelled", false), context.Cause(ctx))
	}
}

func (p *process) stop(reason string, limit bool) error {
	p.kill("the worker process was stopped because of another call in it")
	<-p.dead
	return &lostError{reason: reason, own: true, limit: limit}
}

// log hands a line to the session whose instance wrote it.
func (p *process) log(f pipe.Frame) {
	p.mu.Lock()
	s := p.sessions[f.ID]
	p.mu.Unlock()
	if s != nil {
		s.log(f.Payload[0], f.Payload[1:])
	}
}

func (p *process) attach(instance uint32, s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[instance] = s
}

func (p *process) detach(instance uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, instance)
}

// A deadline runs from the start of a call, or from its last sign of progress.
type deadline struct {
	*time.Timer
	after  time.Duration
	reason string
}

func newDeadline(after time.Duration, reason string) *deadline {
	return &deadline{Timer: time.NewTimer(after), after: after, reason: reason}
}

func newTag() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// tail keeps the end of what a worker writes to stderr: the runtime's reason
// for a crash stands at the beginning, its last words at the end.
type tail struct {
	mu   sync.Mutex
	head []byte
}

const maxTail = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := maxTail - len(t.head); room > 0 {
		t.head = append(t.head, b[:min(len(b), room)]...)
	}
	return len(b), nil
}

// String is the first line that says something.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range bytes.Lines(t.head) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return string(line)
		}
	}
	return ""
}

// shut ends a process that nobody uses any more.
func (p *process) shut() { p.kill("the provider host is closed") }
