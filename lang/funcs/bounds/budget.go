package bounds

import (
	"fmt"
	"sync/atomic"
)

// Budget counts what the evaluation of one module builds. It may be used from
// several goroutines at once.
type Budget struct {
	limits Limits
	spent  atomic.Int64
	steps  atomic.Int64
}

// NewBudget makes a budget; a zero field of limits means its default.
func NewBudget(limits Limits) *Budget {
	return &Budget{limits: limits.orDefault()}
}

// Limits are the limits in force.
func (b *Budget) Limits() Limits { return b.limits }

// Spent is the sum of everything that was built so far, in bytes.
func (b *Budget) Spent() int64 { return b.spent.Load() }

// Charge adds n bytes and fails where that exceeds a limit.
func (b *Budget) Charge(n int64) error {
	if n > b.limits.Value {
		return fmt.Errorf("the value would take %s, more than the limit of %s for one value", Size(n), Size(b.limits.Value))
	}
	b.spent.Add(n)
	return b.exhausted()
}

// Step counts one round of a loop that builds n bytes.
func (b *Budget) Step(n int64) error { return b.step(1, n) }

func (b *Budget) step(rounds, n int64) error {
	b.steps.Add(rounds)
	return b.Charge(n)
}

// exhausted is the error of everything that is evaluated after the budget is
// used up, so that loops come to their end.
func (b *Budget) exhausted() error {
	if b.spent.Load() > b.limits.Total {
		return fmt.Errorf("the module's expressions build more than %s of values in all", Size(b.limits.Total))
	}
	if b.steps.Load() > b.limits.Steps {
		return fmt.Errorf("the module's loops go round more than %d times in all", b.limits.Steps)
	}
	return nil
}

// Count fails where a function would make more than the allowed number of
// elements.
func (b *Budget) Count(n int64, what string) error {
	if n > b.limits.Items {
		return fmt.Errorf("%d %s are more than the limit of %d", n, what, b.limits.Items)
	}
	return nil
}

// Size is a number of bytes for people: "64 MiB".
func Size(n int64) string {
	switch {
	case n >= mib && n%mib == 0 || n >= 10*mib:
		return fmt.Sprintf("%d MiB", n/mib)
	case n >= 10*kib:
		return fmt.Sprintf("%d KiB", n/kib)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// Fits fails where a value of n bytes would be larger than one value may be.
// It charges nothing: who builds the value does.
func (b *Budget) Fits(n int64) error {
	if n < 0 || n > b.limits.Value {
		return fmt.Errorf("the result would be larger than the limit of %s for one value", Size(b.limits.Value))
	}
	return nil
}
