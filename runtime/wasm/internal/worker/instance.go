package worker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	wsys "github.com/tetratelabs/wazero/sys"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

const pageSize = 64 << 10

// instance is one instance of the module, used by one goroutine.
type instance struct {
	fs     *guestfs.FS
	http   *mailbox
	module api.Module
	entry  api.Function
	memory *linearMemory
	logs   *logs
	random *randomness
	output int64
	// widen hears of how many files are about to be looked at.
	widen func(files int)
	// sessions that it served before this one.
	sessions int
	// failed says that an action failed in it: it is not used again.
	failed bool

	// pending waits to be taken by the guest; reply is what it gave.
	pending  []byte
	reply    []byte
	given    []byte // the answer of a host call
	replied  bool
	running  bool
	tooLarge int64
	digest   hash.Hash
	sum      [sha256.Size]byte
	stack    [2]uint64
}

type instanceKey struct{}

func instanceOf(ctx context.Context) *instance {
	inst, _ := ctx.Value(instanceKey{}).(*instance)
	return inst
}

// open makes an instance. What goes wrong is told in the outcome.
func (e *engine) open(ctx context.Context, req pipe.OpenRequest, http *mailbox, log func(byte, []byte)) (*instance, pipe.Outcome) {
	mounts := e.config.Mounts
	inst := &instance{
		fs:     guestfs.New(mounts, e.config.Files, fmt.Sprintf("%s-%d", e.config.Tag, req.Instance)),
		http:   http,
		memory: &linearMemory{limit: uint64(e.config.Memory), initial: e.initial},
		logs:   &logs{left: e.config.Log, send: log},
		random: &randomness{rand.NewChaCha8(startSeed(req.Seed))},
		output: e.config.Output,
		widen:  e.widen,
		digest: sha256.New(),
	}
	inst.fs.BeginRead()
	err := inst.start(ctx, e)
	report := inst.fs.End()
	inst.http.reset()
	if err == nil {
		inst.fs.Forget()
		inst.random.ChaCha8 = rand.NewChaCha8(req.Seed)
		return inst, pipe.Outcome{Report: report}
	}
	outcome := inst.died(err)
	outcome.Detail, outcome.Report = "while it started, "+outcome.Detail, report
	inst.close(ctx)
	return nil, outcome
}

func (inst *instance) start(ctx context.Context, e *engine) error {
	clock := &clock{base: e.config.Time}
	fsConfig := wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(inst.fs, "/") //nolint:forcetypeassert // wazero says to
	config := wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions(abi.ExportInitialize).
		WithStdout(inst.logs.stream(byte(abi.LogInfo))).
		WithStderr(inst.logs.stream(byte(abi.LogWarn))).
		WithRandSource(inst.random).
		WithWalltime(clock.walltime, wsys.ClockResolution(time.Millisecond)).
		WithNanotime(clock.nanotime, wsys.ClockResolution(time.Microsecond)).
		WithNanosleep(clock.sleep).
		WithFSConfig(fsConfig)
	ctx = inst.context(ctx)
	var err error
	if inst.module, err = e.runtime.InstantiateModule(ctx, e.module, config); err != nil {
		return err
	}
	version, err := inst.module.ExportedFunction(abi.ExportVersion).Call(ctx)
	if err != nil {
		return err
	}
	if got := int32(version[0]); got != abi.Version {
		return fmt.Errorf("it speaks version %d of the protocol, and this cogplan speaks version %d", got, abi.Version)
	}
	inst.entry = inst.module.ExportedFunction(abi.ExportCall)
	return nil
}

func (inst *instance) context(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, instanceKey{}, inst)
	if !ownMemory {
		return ctx
	}
	return experimental.WithMemoryAllocator(ctx, inst.memory)
}

func (inst *instance) close(ctx context.Context) {
	if inst.module != nil {
		_ = inst.module.Close(ctx)
	}
	inst.fs.Close()
	inst.logs.flush()
}

// call makes one call. The file system's phase is the caller's business.
func (inst *instance) call(ctx context.Context, op int32, body []byte) pipe.Outcome {
	inst.pending, inst.replied, inst.running, inst.tooLarge = body, false, true, 0
	inst.reply = inst.reply[:0]
	inst.stack[0], inst.stack[1] = api.EncodeI32(op), api.EncodeI32(int32(len(body)))
	err := inst.entry.CallWithStack(inst.context(ctx), inst.stack[:])
	inst.running, inst.pending = false, nil
	inst.http.reset()
	inst.logs.flush()
	if err != nil {
		return inst.died(err)
	}
	status := api.DecodeI32(inst.stack[0])
	switch {
	case inst.tooLarge > 0:
		return inst.answeredTooMuch()
	case status != abi.StatusAnswer && status != abi.StatusError:
		return pipe.Outcome{Status: pipe.Broken, Detail: fmt.Sprintf("it returned the status %d, which does not exist", status)}
	case !inst.replied:
		return pipe.Outcome{Status: pipe.Broken, Detail: "it returned without an answer"}
	case status == abi.StatusError:
		return pipe.Outcome{Status: pipe.GuestError, Body: inst.reply}
	}
	return pipe.Outcome{Body: inst.reply}
}

func (inst *instance) answeredTooMuch() pipe.Outcome {
	return pipe.Outcome{Status: pipe.Exceeded, Detail: fmt.Sprintf(
		"its answer has %d bytes, more than the limit of %d; raise limits { output } if it has to be so large",
		inst.tooLarge, inst.output)}
}

// died says what ended the instance.
func (inst *instance) died(err error) pipe.Outcome {
	switch {
	case inst.memory.refused:
		return pipe.Outcome{Status: pipe.Exceeded, Detail: fmt.Sprintf(
			"it needs more memory than its limit of %d MiB; raise limits { memory } if you trust it with more",
			inst.memory.limit>>20)}
	case inst.tooLarge > 0:
		return inst.answeredTooMuch()
	}
	return pipe.Outcome{Status: pipe.Trapped, Detail: inst.why(err)}
}

// why says it in words. The Go runtime writes its reason to stderr and then
// executes unreachable.
func (inst *instance) why(err error) string {
	if exit, ok := errors.AsType[*wsys.ExitError](err); ok {
		return fmt.Sprintf("it exited with code %d", exit.ExitCode())
	}
	if said := inst.logs.lastWords(); said != "" {
		return "it crashed: " + said
	}
	text, _, _ := strings.Cut(err.Error(), "\nwasm stack trace:")
	return "it crashed: " + text
}

// clock is the guest's time: it begins at the time of the run and moves only
// when the guest looks at it or sleeps. So a run can be repeated, and time
// tells the guest nothing about the machine.
type clock struct {
	base    time.Time
	elapsed int64
}

func (c *clock) nanotime() int64 {
	c.elapsed += int64(time.Microsecond)
	return c.elapsed
}

func (c *clock) walltime() (sec int64, nsec int32) {
	return c.base.Add(time.Duration(c.elapsed)).Unix(), 0
}

func (c *clock) sleep(ns int64) {
	if ns > 0 && c.elapsed < 1<<62-ns {
		c.elapsed += ns
	}
}
