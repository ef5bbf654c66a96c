package reconcile

import (
	"encoding/json"
	"io"
	"os"
	"time"
)

// The events of a reconcile. The values are stored in files and do not change.
const (
	EventPlanStart     = "cog.reconcile.plan.start"
	EventPlanComplete  = "cog.reconcile.plan.complete"
	EventApplyStart    = "cog.reconcile.apply.start"
	EventApplyAction   = "cog.reconcile.apply.action"
	EventApplyComplete = "cog.reconcile.apply.complete"
	EventDrift         = "cog.reconcile.drift.detected"
	EventError         = "cog.reconcile.error"
)

// Event is one step in the life of a reconcile. It is complete when a sink gets it.
type Event struct {
	EventType    string         `json:"event"`
	ResourceType string         `json:"resource_type"`
	Timestamp    string         `json:"timestamp"`
	DurationMs   int64          `json:"duration_ms,omitempty"`
	Summary      map[string]any `json:"summary,omitempty"`
	Error        string         `json:"error,omitempty"`
}

// EventSink takes events. It may be called from several goroutines at once, and
// must not change what it gets.
type EventSink interface {
	Emit(event *Event)
}

// EventSinkFunc makes a function an [EventSink].
type EventSinkFunc func(event *Event)

// Emit calls f.
func (f EventSinkFunc) Emit(event *Event) { f(event) }

// LineSink writes each event to w as "[reconcile] ", one line of JSON and a
// newline, in one Write. What cannot be written is lost: an event is news, and
// never stops the work that it tells of.
func LineSink(w io.Writer) EventSink {
	return EventSinkFunc(func(event *Event) {
		line, err := json.Marshal(event)
		if err != nil {
			// Only the summary can hold what JSON cannot.
			bare := *event
			bare.Summary = map[string]any{"unprintable": err.Error()}
			if line, err = json.Marshal(&bare); err != nil {
				return
			}
		}
		_, _ = w.Write(append(append([]byte("[reconcile] "), line...), '\n'))
	})
}

// emitter builds events and hands them to its sink.
type emitter struct {
	sink EventSink
	now  func() time.Time
}

// stderrEmitter serves the package's Emit functions. It reads os.Stderr at each
// call, as the log package's users expect of a standard stream.
func stderrEmitter() emitter {
	return emitter{sink: LineSink(os.Stderr), now: time.Now}
}

func (e emitter) emit(event Event) *Event {
	event.Timestamp = e.now().UTC().Format(time.RFC3339Nano)
	if e.sink != nil {
		e.sink.Emit(&event)
	}
	return &event
}

func (e emitter) planStart(resourceType string) *Event {
	return e.emit(Event{EventType: EventPlanStart, ResourceType: resourceType})
}

func (e emitter) planComplete(resourceType string, summary Summary, durationMs int64) *Event {
	return e.emit(Event{
		EventType: EventPlanComplete, ResourceType: resourceType, DurationMs: durationMs,
		Summary: map[string]any{
			"creates": summary.Creates, "updates": summary.Updates,
			"deletes": summary.Deletes, "skipped": summary.Skipped,
		},
	})
}

func (e emitter) applyStart(resourceType string, actionCount int) *Event {
	return e.emit(Event{
		EventType: EventApplyStart, ResourceType: resourceType,
		Summary: map[string]any{"action_count": actionCount},
	})
}

func (e emitter) applyAction(resourceType, action, name, status string) *Event {
	return e.emit(Event{
		EventType: EventApplyAction, ResourceType: resourceType,
		Summary: map[string]any{"action": action, "name": name, "status": status},
	})
}

func (e emitter) applyComplete(resourceType string, results []Result, durationMs int64) *Event {
	counts := map[ApplyStatus]int{}
	for _, result := range results {
		counts[result.Status]++
	}
	return e.emit(Event{
		EventType: EventApplyComplete, ResourceType: resourceType, DurationMs: durationMs,
		Summary: map[string]any{
			"total": len(results), "succeeded": counts[ApplySucceeded],
			"failed": counts[ApplyFailed], "skipped": counts[ApplySkipped],
		},
	})
}

func (e emitter) drift(resourceType string, drifts int) *Event {
	return e.emit(Event{
		EventType: EventDrift, ResourceType: resourceType,
		Summary: map[string]any{"drifts": drifts},
	})
}

func (e emitter) failure(resourceType string, err error) *Event {
	event := Event{EventType: EventError, ResourceType: resourceType}
	if err != nil {
		event.Error = err.Error()
	}
	return e.emit(event)
}

// EmitEvent writes an event to stderr and returns it.
func EmitEvent(eventType, resourceType string, summary map[string]any) *Event {
	return stderrEmitter().emit(Event{EventType: eventType, ResourceType: resourceType, Summary: summary})
}

// EmitPlanStart tells that a plan is being made.
func EmitPlanStart(resourceType string) *Event { return stderrEmitter().planStart(resourceType) }

// EmitPlanComplete tells what a plan holds and how long it took.
func EmitPlanComplete(resourceType string, summary Summary, durationMs int64) *Event {
	return stderrEmitter().planComplete(resourceType, summary, durationMs)
}

// EmitApplyStart tells that a plan is being carried out.
func EmitApplyStart(resourceType string, actionCount int) *Event {
	return stderrEmitter().applyStart(resourceType, actionCount)
}

// EmitApplyAction tells the outcome of one action.
func EmitApplyAction(resourceType, action, name, status string) *Event {
	return stderrEmitter().applyAction(resourceType, action, name, status)
}

// EmitApplyComplete tells the outcome of a plan and how long it took.
func EmitApplyComplete(resourceType string, results []Result, durationMs int64) *Event {
	return stderrEmitter().applyComplete(resourceType, results, durationMs)
}

// EmitDriftDetected tells that the world is not as declared.
func EmitDriftDetected(resourceType string, drifts int) *Event {
	return stderrEmitter().drift(resourceType, drifts)
}

// EmitError tells that a resource failed.
func EmitError(resourceType string, err error) *Event {
	return stderrEmitter().failure(resourceType, err)
}
