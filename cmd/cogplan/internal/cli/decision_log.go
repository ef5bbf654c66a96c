package cli

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// decisionLog writes one line of JSON for each decision, in the shape of OPA's
// decision log. A decision that cannot be written down is not given.
type decisionLog struct {
	now  func() time.Time
	lock sync.Mutex
	out  io.Writer
}

// openDecisionLog opens the log for appending; - is standard error.
func openDecisionLog(proc *process, name string) (*decisionLog, error) {
	if name == "-" {
		return &decisionLog{now: proc.now, out: proc.stderr}, nil
	}
	// The file is open until the process ends: it is written to until then.
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the decision log: %w", err)
	}
	return &decisionLog{now: proc.now, out: file}, nil
}

// loggedDecision is one line. Of the input only what identifies it is there:
// plans are long. Erased names the rest, as OPA does for what it masks.
type loggedDecision struct {
	Labels     map[string]string  `json:"labels"`
	DecisionID string             `json:"decision_id"`
	Path       string             `json:"path"`
	Input      map[string]any     `json:"input"`
	Erased     []string           `json:"erased"`
	Result     reconcile.Decision `json:"result"`
	Error      string             `json:"error,omitempty"`
	Timestamp  string             `json:"timestamp"`
	Metrics    map[string]int64   `json:"metrics"`
}

// plan writes the decision on one plan.
func (l *decisionLog) plan(review *reconcile.Review, decision reconcile.Decision, took time.Duration, cause error) error {
	if l == nil {
		return nil
	}
	input := map[string]any{
		"digest": review.Digest, "resource": map[string]any{"address": review.Resource.Name}, "run": review.Run,
	}
	return l.write(&loggedDecision{Path: "cogplan/decision", Input: input, Erased: []string{"/input/plan"}, Result: decision}, took, cause)
}

// run writes the decision on a run.
func (l *decisionLog) run(reviews []reconcile.Review, decision reconcile.Decision, took time.Duration, cause error) error {
	if l == nil {
		return nil
	}
	plans := make([]map[string]any, len(reviews))
	for i := range reviews {
		plans[i] = map[string]any{"digest": reviews[i].Digest, "resource": map[string]any{"address": reviews[i].Resource.Name}}
	}
	input := map[string]any{"digest": reconcile.RunDigest(reviews), "plans": plans}
	return l.write(&loggedDecision{Path: "cogplan/run/decision", Input: input, Erased: []string{"/input/plans/*/plan"}, Result: decision}, took, cause)
}

func (l *decisionLog) write(line *loggedDecision, took time.Duration, cause error) error {
	id, err := decisionID()
	if err != nil {
		return err
	}
	line.DecisionID, line.Timestamp = id, l.now().UTC().Format(time.RFC3339Nano)
	line.Labels = map[string]string{"app": "cogplan", "version": version}
	line.Metrics = map[string]int64{"timer_rego_query_eval_ns": took.Nanoseconds()}
	if cause != nil {
		line.Error = cause.Error()
	}
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("write the decision log: %w", err)
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if _, err := l.out.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write the decision log: %w; a decision that cannot be logged is not given", err)
	}
	return nil
}

// decisionID is a random UUID.
func decisionID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("name a decision: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
