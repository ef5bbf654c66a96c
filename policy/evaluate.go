package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"
)

// chunkSize is how many actions rules that look at one at a time get at once:
// small inputs keep the garbage collector idle.
const chunkSize = 512

// clock stands still for a run.
type clock struct{ now time.Time }

func mapsKeys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// printer hands what policies print to a function.
type printer func(place, text string)

// Print is called by the evaluator.
func (p printer) Print(ctx print.Context, text string) error {
	place := ""
	if ctx.Location != nil {
		place = ctx.Location.String()
	}
	p(place, text)
	return nil
}

// limited runs work that observes a deadline, and returns at the deadline also
// where the work does not: some builtins cannot be interrupted. Such work is
// left behind; its result is not used.
func limited[T any](ctx context.Context, hands *crew, deadline time.Duration, work func(context.Context, topdown.Cancel) (T, error)) (T, error) {
	ctx, stop := context.WithTimeout(ctx, deadline)
	defer stop()
	canceler := topdown.NewCancel()
	detach := context.AfterFunc(ctx, canceler.Cancel)
	defer detach()
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	hands.run(func() {
		var out outcome
		defer func() {
			if r := recover(); r != nil {
				out.err = fmt.Errorf("the evaluation broke off: %v", r)
			}
			done <- out
		}()
		out.value, out.err = work(ctx, canceler)
	})
	var none T
	select {
	case out := <-done:
		if ctx.Err() != nil {
			return none, deadlineError(ctx, deadline)
		}
		return out.value, out.err
	case <-ctx.Done():
		return none, deadlineError(ctx, deadline)
	}
}

var errDeadline = errors.New("policies took too long")

func deadlineError(ctx context.Context, deadline time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: more than %s", errDeadline, deadline)
	}
	return context.Cause(ctx)
}

// evaluate asks all rules of the programs about one plan: in chunks those that
// look at one action at a time, and about the whole the others, both at the same
// time. Answers are sets, so that it does not matter which come first.
func evaluate(ctx context.Context, programs []*program, review *subject, e evaluation) (answers, error) {
	if len(review.Plan.Actions) <= chunkSize {
		builder, err := newInputBuilder(review)
		if err != nil {
			return nil, err
		}
		builder.lean = !e.full && len(userPrograms(programs)) == 0
		all := answers{}
		return all, evaluateAtOnce(ctx, programs, builder, e, all)
	}
	parts := []part{}
	asks := func(q func(*program) *query) func(*program) bool { return func(p *program) bool { return q(p) != nil } }
	if slices.ContainsFunc(programs, asks(func(p *program) *query { return p.whole })) {
		parts = append(parts, func() (answers, error) { return evaluateWhole(ctx, programs, review, e) })
	}
	lean := !e.full && !slices.ContainsFunc(userPrograms(programs), asks(func(p *program) *query { return p.batch }))
	hands := min(runtime.GOMAXPROCS(0), (len(review.Plan.Actions)+chunkSize-1)/chunkSize)
	if e.printed != nil {
		hands = 1 // what policies print stays in the order of the actions
	}
	for hand := range hands {
		parts = append(parts, func() (answers, error) { return evaluateChunks(ctx, programs, review, e, turns{lean, hand, hands}) })
	}
	return together(parts, e.printed == nil)
}

// part is a part of an evaluation.
type part func() (answers, error)

// together does all parts, at the same time where they may, and unites what they
// give. The first error in their order is the one that is told.
func together(parts []part, parallel bool) (answers, error) {
	type outcome struct {
		found answers
		err   error
	}
	outcomes := make([]outcome, len(parts))
	do := func(i int) {
		defer func() {
			if r := recover(); r != nil {
				outcomes[i].err = fmt.Errorf("the evaluation broke off: %v", r)
			}
		}()
		outcomes[i].found, outcomes[i].err = parts[i]()
	}
	var all sync.WaitGroup
	for i := range parts {
		if parallel && i < len(parts)-1 {
			all.Go(func() { do(i) })
		} else {
			do(i)
		}
	}
	all.Wait()
	united := answers{}
	for _, o := range outcomes {
		if o.err != nil {
			return nil, o.err
		}
		united.add(o.found)
	}
	return united, nil
}

// evaluateWhole asks the rules that look at all actions together.
func evaluateWhole(ctx context.Context, programs []*program, review *subject, e evaluation) (answers, error) {
	builder, err := newInputBuilder(review)
	if err != nil {
		return nil, err
	}
	input, err := builder.whole()
	if err != nil {
		return nil, err
	}
	all := answers{}
	for _, p := range programs {
		found, err := p.ask(ctx, p.whole, input, e)
		if err != nil {
			return nil, err
		}
		all.add(found)
	}
	return all, nil
}

// evaluateAtOnce asks all rules about a plan that is a single chunk: most plans
// are, and then the evaluation itself is the least of the work.
func evaluateAtOnce(ctx context.Context, programs []*program, b *inputBuilder, e evaluation, all answers) error {
	input, err := b.whole()
	if err != nil {
		return err
	}
	for _, p := range programs {
		found, err := p.ask(ctx, p.all, input, e)
		if err != nil {
			return err
		}
		all.add(found)
	}
	return nil
}

// turns are the chunks of one hand among several, and whether they are lean.
type turns struct {
	lean        bool
	hand, hands int
}

// evaluateChunks asks the rules that look at one action at a time about each
// chunk whose turn it is.
func evaluateChunks(ctx context.Context, programs []*program, review *subject, e evaluation, mine turns) (answers, error) {
	b, err := newInputBuilder(review)
	if err != nil {
		return nil, err
	}
	b.lean = mine.lean
	all, total := answers{}, len(review.Plan.Actions)
	for start := mine.hand * chunkSize; start < total; start += mine.hands * chunkSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		input, err := b.chunk(start, min(start+chunkSize, total))
		if err != nil {
			return nil, err
		}
		for _, p := range programs {
			found, err := p.ask(ctx, p.batch, input, e)
			if err != nil {
				return nil, err
			}
			all.add(found)
		}
	}
	return all, nil
}

// add unites sets: a finding that several chunks give is one finding.
func (a answers) add(more answers) {
	for r, set := range more {
		if a[r] == nil {
			a[r] = ast.NewSet()
		}
		set.Foreach(a[r].Add)
	}
}
