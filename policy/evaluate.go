package policy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
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
// look at one action at a time, and about the whole the others.
func evaluate(ctx context.Context, programs []*program, review *subject, e evaluation) (answers, error) {
	builder, err := newInputBuilder(review)
	if err != nil {
		return nil, err
	}
	builder.lean = !e.full && len(userPrograms(programs)) == 0
	all := answers{}
	if len(review.Plan.Actions) <= chunkSize {
		return all, evaluateAtOnce(ctx, programs, builder, e, all)
	}
	if err := evaluateChunks(ctx, programs, builder, e, all); err != nil {
		return nil, err
	}
	var input *ast.Term
	for _, p := range programs {
		if p.whole == nil {
			continue
		}
		if input == nil {
			if input, err = builder.whole(); err != nil {
				return nil, err
			}
		}
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

func evaluateChunks(ctx context.Context, programs []*program, b *inputBuilder, e evaluation, all answers) error {
	total := len(b.review.Plan.Actions)
	for start := 0; start == 0 || start < total; start += chunkSize {
		if err := ctx.Err(); err != nil {
			return err
		}
		input, err := b.chunk(start, min(start+chunkSize, total))
		if err != nil {
			return err
		}
		for _, p := range programs {
			found, err := p.ask(ctx, p.batch, input, e)
			if err != nil {
				return err
			}
			all.add(found)
		}
	}
	return nil
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
