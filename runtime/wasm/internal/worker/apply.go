package worker

import (
	"context"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// Files of several actions go to disk together, which costs little more than
// one; their outcomes are told only afterwards. These bound how long the
// parent waits for them.
const (
	groupFiles = 256
	groupTime  = 100 * time.Millisecond
)

// apply carries out the actions of a request one by one.
func (s *server) apply(ctx context.Context, inst *instance, f pipe.Frame) (alive bool) {
	req, err := pipe.ParseApply(f.Payload)
	if err != nil {
		_ = s.answer(f.ID, &pipe.Outcome{Status: pipe.Broken, Detail: err.Error()})
		return false
	}
	s.widen(len(req.Items))
	g := group{out: s.out, inst: inst, id: f.ID, began: time.Now()}
	alive = true
	for i := 0; i < len(req.Items) && alive; i++ {
		inst.fs.BeginAction(i, req.Items[i].Effects)
		o := inst.call(ctx, req.Op, req.Items[i].Body)
		o.Report = inst.fs.End()
		if alive = usable(&o); !alive {
			inst.fs.Discard(i)
		}
		inst.failed = inst.failed || o.Status != pipe.OK
		o.Body = append([]byte(nil), o.Body...) // the instance uses its buffer again
		g.outcomes = append(g.outcomes, o)
		// What touched no file is told at once: nothing may hide an ID that the
		// action created.
		if !inst.fs.Changed() || inst.fs.Pending() >= groupFiles || time.Since(g.began) >= groupTime {
			g.settle()
		}
	}
	g.settle()
	inst.fs.Forget()
	_ = s.answer(f.ID, &pipe.Outcome{})
	return alive
}

// group are the outcomes that wait until what they wrote is on disk.
type group struct {
	out      *pipe.Writer
	inst     *instance
	id       uint32
	first    int
	outcomes []pipe.Outcome
	began    time.Time
}

func (g *group) settle() {
	for _, failed := range g.inst.fs.Flush() {
		i := failed.Action - g.first
		if i < 0 || i >= len(g.outcomes) {
			i = len(g.outcomes) - 1
		}
		if i < 0 {
			continue
		}
		if o := &g.outcomes[i]; o.Status == pipe.OK {
			o.Status, o.Detail = pipe.Lost, failed.Err.Error()
		}
	}
	for i := range g.outcomes {
		o := &g.outcomes[i]
		_ = g.out.Queue(pipe.Applied, g.id, o.AppendHead(pipe.AppendApplied(nil, g.first+i)), o.Body)
	}
	_ = g.out.Flush()
	g.first += len(g.outcomes)
	g.outcomes = g.outcomes[:0]
	g.began = time.Now()
}
