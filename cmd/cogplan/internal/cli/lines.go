package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// lineLog writes one line of JSON for each thing that happens, to a file that is
// appended to. It is safe for concurrent use.
type lineLog struct {
	what string
	lock sync.Mutex
	out  io.Writer
	// err is the first error: what comes after it is not written.
	err error
}

// openLines opens a log of lines; - is standard error.
func openLines(proc *process, what, name string) (*lineLog, error) {
	if name == "-" {
		return &lineLog{what: what, out: proc.stderr}, nil
	}
	// The file is open until the process ends: it is written to until then.
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the %s: %w", what, err)
	}
	return &lineLog{what: what, out: file}, nil
}

func (l *lineLog) write(value any) {
	line, err := json.Marshal(value)
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.err != nil {
		return
	}
	if err == nil {
		_, err = l.out.Write(append(line, '\n'))
	}
	l.err = err
}

// failure is why not everything was written; nil where everything was.
func (l *lineLog) failure() error {
	if l == nil {
		return nil
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.err != nil {
		return fmt.Errorf("write the %s: %w; what happened since is not in it", l.what, l.err)
	}
	return nil
}

// audited is one line of the audit.
type audited struct {
	Timestamp string          `json:"timestamp"`
	Provider  auditedProvider `json:"provider"`
	// Resource is an address; it is left out where the provider was asked for none.
	Resource string `json:"resource,omitempty"`
	Action   string `json:"action,omitempty"`
	// Phase is read or apply.
	Phase      string `json:"phase"`
	Capability string `json:"capability"`
	Operation  string `json:"operation"`
	Target     string `json:"target"`
	// Verdict is allowed or denied.
	Verdict   string `json:"verdict"`
	Reason    string `json:"reason,omitempty"`
	Status    int    `json:"status,omitempty"`
	ElapsedMs int64  `json:"elapsed_ms,omitempty"`
	Unnoted   int    `json:"unnoted,omitempty"`
}

type auditedProvider struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest"`
}

// openAudit opens the audit that the flag names; nil for none.
func (a *app) openAudit(name string) (func(wasm.Use), error) {
	if name == "" {
		return nil, nil //nolint:nilnil // nobody listens
	}
	lines, err := openLines(a.proc, "audit", name)
	if err != nil {
		return nil, err
	}
	a.lines = append(a.lines, lines)
	return func(use wasm.Use) {
		line := audited{
			Timestamp:  a.proc.now().UTC().Format(time.RFC3339Nano),
			Provider:   auditedProvider{use.Provider.Name, use.Provider.Version, use.Provider.Digest},
			Resource:   use.Resource,
			Action:     use.Action,
			Phase:      "read",
			Capability: use.Effect.Capability, Operation: use.Effect.Operation, Target: use.Effect.Target,
			Verdict: "denied", Reason: use.Reason, Status: use.Status, ElapsedMs: use.Elapsed.Milliseconds(), Unnoted: use.Unnoted,
		}
		if use.Writing {
			line.Phase = "apply"
		}
		if use.Allowed {
			line.Verdict = "allowed"
		}
		lines.write(line)
	}, nil
}

// openEvents opens the log of events that the flag names; nobody hears of them
// without one.
func (a *app) openEvents(name string) (reconcile.EventSink, error) {
	if name == "" {
		return reconcile.EventSinkFunc(func(*reconcile.Event) {}), nil
	}
	lines, err := openLines(a.proc, "log of events", name)
	if err != nil {
		return nil, err
	}
	a.lines = append(a.lines, lines)
	return reconcile.EventSinkFunc(func(event *reconcile.Event) { lines.write(event) }), nil
}

// linesFailure is why a log that was asked for is not complete.
func (a *app) linesFailure() error {
	for _, lines := range a.lines {
		if err := lines.failure(); err != nil {
			return err
		}
	}
	return nil
}
