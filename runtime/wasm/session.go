package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// A session is one instance of the module, for one resource and one phase.
type session struct {
	sessionSpec
	prov     *Provider
	lane     *lane
	instance uint32
	closed   bool
	// replayed sessions have no worker.
	replayed bool
	// told is a digest of what the guest was told; see [session.tells].
	told [sha256.Size]byte
	wire wire
	// stale says that the guest has not been told yet what is known.
	stale bool
	// owed are requests that go out with the next one: what opens a session
	// and what the guest is told need no wait of their own.
	owed []owed
}

// message is anything that encodes itself.
type message interface {
	Append(b []byte) ([]byte, error)
}

// compileTime bounds the start of a worker, the first compilation included.
const compileTime = 5 * time.Minute

// start starts a worker for the provider and waits until it is ready. The
// first worker of a module compiles it before a second one starts.
func (p *Provider) start(ctx context.Context) (*process, error) {
	gate := p.host.gate(p.module.digest)
	gate.Lock()
	if gate.warm {
		gate.Unlock()
		return p.startReady(ctx)
	}
	defer gate.Unlock()
	proc, err := p.startReady(ctx)
	gate.warm = err == nil
	return proc, err
}

func (p *Provider) startReady(ctx context.Context) (*process, error) {
	if err := secureDir(p.host.opts.CacheDir); err != nil {
		return nil, err
	}
	config := p.workerConfig()
	// It has to be there before the worker is confined to it.
	if err := os.MkdirAll(config.CacheDir, 0o700); err != nil {
		return nil, fmt.Errorf("provider cache: %w", err)
	}
	config.Tag = newTag()
	var began time.Time
	proc, err := startProcess(processSpec{ //nolint:contextcheck // requests are bounded by the call that is running
		executable: p.host.opts.Executable, config: config, code: p.module.data,
		unconfined: func(why error) {
			p.say("debug", "the worker process is confined by the WebAssembly sandbox alone: "+why.Error())
		},
		compiling: func(done bool, err error) {
			if !done {
				began = time.Now() //nolint:forbidigo // shown to the user only
			}
			p.host.progress(Progress{
				Module: p.module.name, Digest: p.module.digest, Step: "compile",
				Done: done, Elapsed: time.Since(began), Err: err,
			})
		},
	})
	if err != nil {
		return nil, err
	}
	return proc, proc.awaitReady(ctx)
}

func (p *process) awaitReady(ctx context.Context) error {
	limit := newDeadline(compileTime, fmt.Sprintf("did not compile its module within %s", compileTime))
	defer limit.Stop()
	select {
	case <-p.ready:
		return nil
	case <-p.dead:
		return p.reason(true)
	case <-limit.C:
		return p.stop(limit.reason, true)
	case <-ctx.Done():
		return errors.Join(p.stop("the start was cancelled", false), context.Cause(ctx))
	}
}

// sessionSpec says whom an instance is for.
type sessionSpec struct {
	// owner keeps the sessions of one resource together.
	owner string
	// resource is its address; empty during describe.
	resource string
	write    bool
	// shared sessions have no secrets: one instance may serve several of them,
	// one after the other, all of which read or all of which write.
	shared bool
	// secret sessions know something sensitive.
	secret   bool
	timeout  time.Duration
	redactor *redactor
}

// connect makes an instance.
func (p *Provider) connect(ctx context.Context, spec sessionSpec) (*session, error) {
	if p.host.opts.Replay != nil && spec.resource != "" {
		if spec.write {
			return nil, errors.New("a replay changes nothing")
		}
		return &session{prov: p, sessionSpec: spec, replayed: true}, nil
	}
	pool := p.host.pool
	stay := &stay{key: p.key(), owner: spec.owner, write: spec.write, crowd: p.networked()}
	l, err := pool.lease(ctx, stay, func() (*process, error) {
		if err := pool.enter(ctx); err != nil {
			return nil, err
		}
		defer pool.exit()
		return p.start(ctx)
	})
	if err != nil {
		return nil, err
	}
	s := &session{prov: p, lane: l, instance: l.proc.next.Add(1), sessionSpec: spec}
	s.wire = wire{prov: p, out: l.proc.out, instance: s.instance}
	l.proc.attach(s.instance, s)
	open := pipe.OpenRequest{Instance: s.instance, Write: spec.write, Shared: spec.shared, Seed: p.host.seed(p.module.digest, spec.owner, spec.write)}
	if !p.networked() {
		s.later(pipe.Open, open.Append(nil))
		return s, nil
	}
	if err := s.begin(ctx, open.Append(nil)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// begin makes the instance at once: what it does over the network before it is
// asked for something is judged apart.
func (s *session) begin(ctx context.Context, open []byte) error {
	pool := s.prov.host.pool
	if err := pool.enter(ctx); err != nil {
		return err
	}
	defer pool.exit()
	outcome, err := s.exchange(ctx, nil, pipe.Open, open)
	if err != nil {
		return err
	}
	return check(outcome, s.prov.wireLimits(), s.write)
}

// seed is the source of an instance's randomness: the same in each run with
// the same seed, another for each session.
func (h *Host) seed(digest, owner string, write bool) [32]byte {
	name := fmt.Sprintf("%s|%t|%s", digest, write, owner)
	h.mu.Lock()
	n := h.sessions[name]
	h.sessions[name]++
	h.mu.Unlock()
	data := binary.LittleEndian.AppendUint64(append([]byte(nil), h.opts.Seed[:]...), n)
	return sha256.Sum256(append(data, name...))
}

// alive reports whether the session can be asked.
func (s *session) alive() bool { return s.replayed || s.lane.proc.alive() }

// close throws the instance away.
func (s *session) close() {
	if s == nil || s.closed {
		return
	}
	s.closed = true
	if s.replayed {
		return
	}
	s.lane.proc.detach(s.instance)
	for _, o := range s.owed {
		s.lane.proc.finish(o.frame.ID)
	}
	if len(s.owed) == 0 && s.lane.proc.alive() { // otherwise the worker has not heard of it
		s.drop()
	}
	s.prov.host.pool.release(s.lane, s.owner)
}

// drop tells the worker. What has written goes at once, with the files that it
// has not finished; for the rest the next request will do.
func (s *session) drop() {
	if s.write {
		_ = s.lane.proc.out.Send(pipe.Drop, s.instance)
		return
	}
	_ = s.lane.proc.out.Queue(pipe.Drop, s.instance)
}

// deadline is the time that is left for a call: its own limit, or what is left
// of the run's.
func (s *session) deadline() (*deadline, error) {
	left := s.prov.limits.Run - time.Duration(s.prov.spent.Load())
	if left <= 0 {
		return nil, &lostError{reason: s.runReason(), own: true, limit: true}
	}
	if left < s.timeout {
		return newDeadline(left, s.runReason()), nil
	}
	return newDeadline(s.timeout, fmt.Sprintf(
		"it did not answer within %s and was stopped; raise limits { timeout } if it needs longer", s.timeout)), nil
}

func (s *session) runReason() string {
	return fmt.Sprintf("its calls took more than %s in this run, and it was stopped; raise limits { run } if it needs longer", s.prov.limits.Run)
}

// exchange sends a request and waits for the one answer. What the guest does
// over the network meanwhile is judged by permissions; nil permits nothing.
func (s *session) exchange(ctx context.Context, permissions *broker.Session, kind pipe.Kind, payload ...[]byte) (outcome pipe.Outcome, err error) {
	limit, err := s.deadline()
	if err != nil {
		return pipe.Outcome{}, err
	}
	defer limit.Stop()
	stop := s.clock()
	defer stop()
	s.wire.begin(ctx, permissions, limit.after)
	defer func() {
		s.wire.end(&outcome.Report)
		if len(outcome.Report.Violations) > 0 {
			err = nil // however the call ended, this is what has to be said of it
		}
	}()
	id, call := s.lane.proc.begin(1)
	defer s.lane.proc.finish(id)
	before := s.owed
	if err := s.send(kind, id, payload...); err != nil {
		return pipe.Outcome{}, err
	}
	if err := s.settle(ctx, before, limit); err != nil {
		return pipe.Outcome{}, err
	}
	f, err := s.lane.proc.wait(ctx, call, limit)
	if err != nil {
		return pipe.Outcome{}, err
	}
	outcome, err = pipe.ParseOutcome(f.Payload)
	s.auditFiles(&outcome.Report, "")
	return outcome, err
}

// send fails only where the worker has ended; then it says why.
func (s *session) send(kind pipe.Kind, id uint32, payload ...[]byte) error {
	before := make([]pipe.Frame, len(s.owed))
	for i := range s.owed {
		before[i] = s.owed[i].frame
	}
	s.owed = nil
	if err := s.lane.proc.out.SendBehind(before, kind, id, payload...); err != nil {
		if errors.Is(err, pipe.ErrTooLarge) {
			return err
		}
		<-s.lane.proc.dead
		return s.lane.proc.reason(false)
	}
	return nil
}

// clock adds the time of a call to what the provider took in this run.
func (s *session) clock() func() {
	began := time.Now() //nolint:forbidigo // measures a limit
	return func() { s.prov.spent.Add(int64(time.Since(began))) }
}

// question makes one call that reads.
func (s *session) question(ctx context.Context, op abi.Op, body []byte) (pipe.Outcome, error) {
	turn, err := s.prov.host.pool.turn(ctx)
	if err != nil {
		return pipe.Outcome{}, err
	}
	defer turn.end()
	s.wire.lend(turn)
	permissions, err := s.reads(ctx)
	if err != nil {
		return pipe.Outcome{}, err
	}
	head := pipe.CallRequest{Instance: s.instance, Op: int32(op)}
	return s.exchange(ctx, permissions, pipe.Call, head.Append(nil), body)
}

// Bounds of everything that a provider may answer for one resource.
const (
	maxObjects = 1_000_000
	maxAnswer  = 1 << 30
	maxBatches = 20_000
)

// answerSet is what a chain of batches gave.
type answerSet struct {
	objects  []reconcile.Resource
	warnings []string
	outputs  map[string]any
	metadata map[string]any
	digest   [sha256.Size]byte
}

// objects asks for objects, batch after batch.
func (s *session) objects(ctx context.Context, op abi.Op, m message) (*answerSet, error) {
	set := &answerSet{}
	sum := sha256.New()
	total, batches := 0, 0
	data, err := s.ask(ctx, op, m)
	for {
		if err != nil {
			return nil, err
		}
		batch, err2 := abi.DecodeBatch(data, op, s.prov.wireLimits())
		if err2 != nil {
			return nil, fmt.Errorf("its answer to %s is malformed: %w", op, err2)
		}
		sum.Write(data)
		set.objects = append(set.objects, batch.Objects...)
		set.warnings = append(set.warnings, batch.Warnings...)
		batches++
		if total += len(data); len(set.objects) > maxObjects || total > maxAnswer || len(set.warnings) > maxObjects || batches > maxBatches {
			return nil, &lostError{own: true, limit: true, reason: fmt.Sprintf(
				"it answers with more than %d objects, %d MiB or %d batches", maxObjects, maxAnswer>>20, maxBatches)}
		}
		if !batch.More {
			set.outputs, set.metadata = batch.Outputs, batch.Metadata
			sum.Sum(set.digest[:0])
			return set, nil
		}
		data, err = s.ask(ctx, abi.OpNext, abi.Empty{})
	}
}

var levels = [...]string{"debug", "info", "warn", "error"} //nolint:gochecknoglobals // a constant

// log passes a line of the guest on, within the provider's limit for a run.
func (s *session) log(level byte, line []byte) {
	p := s.prov
	if p.host.opts.Log == nil || int(level) >= len(levels) {
		return
	}
	if p.logged.Add(int64(len(line))+1) > p.limits.Log+maxMessage {
		return
	}
	if text := s.redactor.show(string(line)); text != "" {
		p.host.opts.Log(LogRecord{Provider: p.info.Name, Resource: s.resource, Level: levels[level], Message: text})
	}
}

// say logs a line of the host's own.
func (p *Provider) say(level, text string) {
	if p.host.opts.Log != nil {
		p.host.opts.Log(LogRecord{Provider: p.info.Name, Level: level, Message: text})
	}
}
