package wasm_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// retries are the pauses that a host told of, and what is done in them.
type retries struct {
	mu     sync.Mutex
	pauses []time.Duration
	reason string
	// during is called with the number of the pause.
	during func(n int)
}

func (r *retries) options() wasm.Options {
	return wasm.Options{Backoff: time.Millisecond, Retry: func(retry wasm.Retry) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pauses = append(r.pauses, retry.Pause)
		r.reason = retry.Reason
		if r.during != nil {
			r.during(len(r.pauses))
		}
	}}
}

var allPauses = []time.Duration{time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 8 * time.Millisecond}

func TestReadingIsTriedAgain(t *testing.T) {
	var told retries
	b := newBench(t, benchOptions{options: told.options()})
	told.during = func(n int) {
		if n == 2 {
			b.write("site/ready", "x")
		}
	}
	b.write("site/other", "x")
	if _, _, _, err := plan(t.Context(), b.resource(act("live", "until /site/ready")), nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told.pauses, allPauses[:2]) {
		t.Errorf("paused for %v, want %v", told.pauses, allPauses[:2])
	}
	if !strings.Contains(told.reason, "there is no /site/ready yet") || !strings.Contains(told.reason, "reading the world") {
		t.Errorf("the reason is %q", told.reason)
	}
}

func TestReadingIsGivenUp(t *testing.T) {
	var told retries
	b := newBench(t, benchOptions{options: told.options()})
	b.write("site/other", "x")
	_, _, _, err := plan(t.Context(), b.resource(act("live", "until /site/ready")), nil)
	wantFault(t, err, wasm.FaultTemporary, "there is no /site/ready yet", "(tried 5 times)")
	if !slices.Equal(told.pauses, allPauses) {
		t.Errorf("paused for %v, want %v", told.pauses, allPauses)
	}
	told.pauses = nil
	if _, _, _, err = plan(t.Context(), b.resource(act("live", "fail for good")), nil); err == nil || told.pauses != nil {
		t.Errorf("an error for good was tried again after %v: %v", told.pauses, err)
	}
}

func TestAPauseEndsWithTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	told := retries{during: func(int) { cancel() }}
	options := told.options()
	options.Backoff = time.Hour
	b := newBench(t, benchOptions{options: options})
	b.write("site/other", "x")
	_, _, _, err := plan(ctx, b.resource(act("live", "until /site/ready")), nil)
	if err == nil || len(told.pauses) != 1 {
		t.Errorf("paused for %v: %v", told.pauses, err)
	}
}

func TestActionsAreTriedAgain(t *testing.T) {
	var told retries
	b := newBench(t, benchOptions{options: told.options()})
	told.during = func(n int) {
		if n == 3 {
			b.write("site/ready", "x")
		}
	}
	b.write("site/other", "x")
	body := act("apply", "until /site/ready")
	body["files"] = map[string]any{"a": "1", "b": "2", "c": "3"}
	body["act"].(map[string]any)["only"] = "b"
	results, state, err := apply(t.Context(), b.resource(body), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 3 || len(state.Resources) != 3 {
		t.Errorf("%d results and %d objects, want 3", len(results), len(state.Resources))
	}
	for _, result := range results {
		if result.Status != reconcile.ApplySucceeded || result.CreatedID != "id-"+result.Name {
			t.Errorf("%+v", result)
		}
	}
	if !slices.Equal(told.pauses, allPauses[:3]) || !strings.Contains(told.reason, `applying create file "b"`) {
		t.Errorf("paused for %v because of %q", told.pauses, told.reason)
	}
	if b.read("out/b") != "2" {
		t.Error("it was not written")
	}
}

// Once one action has failed to the end the others are tried once.
func TestActionsAreGivenUp(t *testing.T) {
	var told retries
	b := newBench(t, benchOptions{options: told.options()})
	b.write("site/other", "x")
	body := act("apply", "until /site/ready")
	body["files"] = map[string]any{"a": "1", "b": "2", "c": "3"}
	config, _, p, err := plan(t.Context(), b.resource(body), nil)
	_ = config
	if err != nil {
		t.Fatal(err)
	}
	results, err := b.resource(body).ApplyPlan(t.Context(), p)
	if err == nil {
		t.Errorf("a plan of another resource was applied: %v", results)
	}
	r := b.resource(body)
	if _, _, p, err = plan(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	results, err = r.ApplyPlan(t.Context(), p)
	if err != nil || len(results) != 3 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, result := range results {
		if result.Status != reconcile.ApplyFailed || !strings.Contains(result.Error, "there is no /site/ready yet") {
			t.Errorf("%+v", result)
		}
	}
	if !slices.Equal(told.pauses, allPauses) {
		t.Errorf("paused for %v, want %v", told.pauses, allPauses)
	}
}
