package wasm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/broker"
)

// Options configure a [Host]. CacheDir is required; everything else has a
// default.
type Options struct {
	// CacheDir holds compiled modules and schemas. It is made with mode 0700
	// and refused if others may write to it: what is in it runs as native code.
	CacheDir string
	// Executable is started as the worker; its main function has to call
	// [RunWorkerIfRequested]. Empty is this executable.
	Executable string
	// MaxWorkers is how many calls may run at one time, each in a worker
	// process; 0, and anything above it, is the number of cores.
	MaxWorkers int
	// Seed is the source of all randomness that guests see. Zero takes a new
	// one from the system.
	Seed [32]byte
	// Environ is the environment, of which a guest sees the variables that it is
	// granted; nil shows none.
	Environ map[string]string
	// Time is what guests take for the time of day when they start. Zero is the
	// time at which the host is made, to the second.
	Time time.Time
	// Run names this run. It is part of the idempotency key of each action; empty
	// takes a random one.
	Run string
	// Version of cogplan, which a guest may log.
	Version string
	// Log receives what providers log; nil drops it. It is called from several
	// goroutines.
	Log func(LogRecord)
	// Audit hears of each use of a capability, permitted or not; nil drops it. It is
	// called from several goroutines.
	Audit func(Use)
	// Record hears of each question to a provider that reads, and of its answer; nil
	// drops it. It is called from several goroutines.
	Record func(Call)
	// Replay gives the recorded answer to a question, each once and in the order in
	// which they were recorded; false where there is none. With it no provider is run
	// but to describe itself, and nothing can be applied. Nil runs providers. It is
	// called from several goroutines.
	Replay func(resource, op, request string) (Call, bool)
	// Backoff is the first pause before what failed for a time is tried again; 0 is
	// a second. Each following one is twice as long.
	Backoff time.Duration
	// Retry hears of each pause before it begins; nil drops it. It is called from
	// several goroutines.
	Retry func(Retry)
	// Progress hears of slow steps: the first compilation of a module. It may
	// be nil, and is called from several goroutines.
	Progress func(Progress)
}

// LogRecord is one line that a provider logged. Control characters are gone
// from it and secrets are redacted.
type LogRecord struct {
	Provider string
	// Resource is the address of the resource; empty during describe.
	Resource string
	// Level is debug, info, warn or error.
	Level   string
	Message string
}

// Progress tells of a step that takes long enough to be shown.
type Progress struct {
	// Module is the name of the module.
	Module string
	Digest string
	// Step is "compile".
	Step string
	// Done is false when the step begins and true when it has ended.
	Done    bool
	Elapsed time.Duration
	// Err is why the step failed, nil if it did not.
	Err error
}

// A Host runs providers in worker processes. It is safe for concurrent use.
type Host struct {
	opts Options
	pool *pool

	mu           sync.Mutex
	descriptions map[string]*abi.DescribeAnswer
	modules      map[string]*moduleGate
	sessions     map[string]uint64
	digestKey    []byte
	brokers      []*broker.Broker
}

// moduleGate lets the first worker of a module compile it before others start.
type moduleGate struct {
	sync.Mutex
	warm bool
}

// New makes a host. It starts no process before one is needed.
func New(opts Options) (*Host, error) {
	if opts.CacheDir == "" {
		return nil, errors.New("wasm host: no cache directory")
	}
	dir, err := filepath.Abs(opts.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("wasm host: %w", err)
	}
	opts.CacheDir = dir
	if opts.Executable == "" {
		if opts.Executable, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("wasm host: find this executable: %w", err)
		}
	}
	if cores := runtime.GOMAXPROCS(0); opts.MaxWorkers <= 0 || opts.MaxWorkers > cores {
		opts.MaxWorkers = cores
	}
	if opts.Seed == [32]byte{} {
		_, _ = rand.Read(opts.Seed[:])
	}
	if opts.Time.IsZero() {
		opts.Time = time.Now() //nolint:forbidigo // the one place where a guest's time comes from
	}
	if opts.Run == "" {
		opts.Run = newTag()
	}
	opts.Time = opts.Time.Truncate(time.Second)
	h := &Host{opts: opts, descriptions: map[string]*abi.DescribeAnswer{}, modules: map[string]*moduleGate{}, sessions: map[string]uint64{}}
	h.pool = newPool(opts.MaxWorkers)
	return h, nil
}

// Close ends all workers. Calls under way fail.
func (h *Host) Close() error {
	h.pool.close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.brokers {
		b.Close()
	}
	h.brokers = nil
	return nil
}

// keep remembers a broker, whose connections end with the host.
func (h *Host) keep(b *broker.Broker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.brokers = append(h.brokers, b)
}

func (h *Host) gate(digest string) *moduleGate {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.modules[digest]
	if g == nil {
		g = &moduleGate{}
		h.modules[digest] = g
	}
	return g
}

func (h *Host) progress(p Progress) {
	if h.opts.Progress != nil {
		h.opts.Progress(p)
	}
}
