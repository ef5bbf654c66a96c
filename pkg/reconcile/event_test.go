package reconcile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// captureStderr returns what call writes to stderr.
func captureStderr(t *testing.T, call func()) string {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = writer
	defer func() { os.Stderr = old }()
	text := make(chan string)
	go func() {
		data, _ := io.ReadAll(reader)
		text <- string(data)
	}()
	call()
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return <-text
}

func TestEmit(t *testing.T) {
	results := []reconcile.Result{
		{Status: reconcile.ApplySucceeded}, {Status: reconcile.ApplyFailed}, {Status: reconcile.ApplySkipped}, {Status: reconcile.ApplySucceeded},
	}
	for _, test := range []struct {
		name string
		emit func() *reconcile.Event
		want string
	}{
		{"event", func() *reconcile.Event { return reconcile.EmitEvent("x", "t", map[string]any{"k": 1}) }, `{"event":"x","resource_type":"t","timestamp":"T","summary":{"k":1}}`},
		{"plan start", func() *reconcile.Event { return reconcile.EmitPlanStart("t") }, `{"event":"cog.reconcile.plan.start","resource_type":"t","timestamp":"T"}`},
		{
			"plan complete",
			func() *reconcile.Event {
				return reconcile.EmitPlanComplete("t", reconcile.Summary{Creates: 1, Updates: 2, Deletes: 3, Skipped: 4}, 7)
			},
			`{"event":"cog.reconcile.plan.complete","resource_type":"t","timestamp":"T","duration_ms":7,"summary":{"creates":1,"deletes":3,"skipped":4,"updates":2}}`,
		},
		{"apply start", func() *reconcile.Event { return reconcile.EmitApplyStart("t", 3) }, `{"event":"cog.reconcile.apply.start","resource_type":"t","timestamp":"T","summary":{"action_count":3}}`},
		{
			"apply action",
			func() *reconcile.Event { return reconcile.EmitApplyAction("t", "create", "n", "succeeded") },
			`{"event":"cog.reconcile.apply.action","resource_type":"t","timestamp":"T","summary":{"action":"create","name":"n","status":"succeeded"}}`,
		},
		{
			"apply complete",
			func() *reconcile.Event { return reconcile.EmitApplyComplete("t", results, 9) },
			`{"event":"cog.reconcile.apply.complete","resource_type":"t","timestamp":"T","duration_ms":9,"summary":{"failed":1,"skipped":1,"succeeded":2,"total":4}}`,
		},
		{"drift", func() *reconcile.Event { return reconcile.EmitDriftDetected("t", 5) }, `{"event":"cog.reconcile.drift.detected","resource_type":"t","timestamp":"T","summary":{"drifts":5}}`},
		{"error", func() *reconcile.Event { return reconcile.EmitError("t", errors.New("line\nbreak")) }, `{"event":"cog.reconcile.error","resource_type":"t","timestamp":"T","error":"line\nbreak"}`},
		{"no error", func() *reconcile.Event { return reconcile.EmitError("t", nil) }, `{"event":"cog.reconcile.error","resource_type":"t","timestamp":"T"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var event *reconcile.Event
			text := captureStderr(t, func() { event = test.emit() })
			line, ok := strings.CutPrefix(text, "[reconcile] ")
			if !ok || strings.Count(text, "\n") != 1 {
				t.Fatalf("not one marked line: %q", text)
			}
			if _, err := time.Parse(time.RFC3339, event.Timestamp); err != nil {
				t.Error(err)
			}
			// What was written is what is returned: it was complete before.
			returned, err := json.Marshal(event)
			if err != nil || strings.TrimSpace(line) != string(returned) {
				t.Errorf("written %s, returned %s, %v", line, returned, err)
			}
			if got := strings.Replace(string(returned), event.Timestamp, "T", 1); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLineSinkUnprintable(t *testing.T) {
	var out bytes.Buffer
	event := &reconcile.Event{EventType: "x", Summary: map[string]any{"f": func() {}}}
	reconcile.LineSink(&out).Emit(event)
	if !strings.Contains(out.String(), `"event":"x"`) || !strings.Contains(out.String(), "unprintable") {
		t.Errorf("got %q", out.String())
	}
	if event.Summary["f"] == nil {
		t.Error("the sink changed the event")
	}
}

type lineCounter struct {
	mu    sync.Mutex
	lines []string
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, string(p))
	return len(p), nil
}

// Each event is one Write, so that lines of several goroutines do not mix.
func TestLineSinkConcurrent(t *testing.T) {
	counter := &lineCounter{}
	sink := reconcile.LineSink(counter)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				sink.Emit(&reconcile.Event{EventType: "x", Summary: map[string]any{"text": strings.Repeat("y", 100)}})
			}
		})
	}
	group.Wait()
	if len(counter.lines) != 800 {
		t.Fatalf("%d writes", len(counter.lines))
	}
	for _, line := range counter.lines {
		if !json.Valid([]byte(strings.TrimPrefix(line, "[reconcile] "))) {
			t.Fatalf("line %q", line)
		}
	}
}
