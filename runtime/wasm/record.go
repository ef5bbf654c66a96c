package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// A Call is one question to a provider that read, and its answer: what a recording
// of a run is made of. With all of them the run can be made again without the
// world, and without running a provider.
type Call struct {
	// Resource is the address, Op the operation, and Request the SHA-256 of what was
	// asked, in hex.
	Resource string `json:"resource"`
	Op       string `json:"op"`
	Request  string `json:"request"`
	// Outcome is the answer in the words of the worker; nil where there was none.
	Outcome []byte `json:"outcome,omitempty"`
	// Lost says why the worker was lost, Own whether by the provider's own doing, and
	// Limit whether a limit was the reason.
	Lost  string `json:"lost,omitempty"`
	Own   bool   `json:"own,omitempty"`
	Limit bool   `json:"limit,omitempty"`
	// Failure is any other error.
	Failure string `json:"failure,omitempty"`
	// Secret says that the provider knew something sensitive. Nothing of the answer
	// is told then, and the run cannot be made again.
	Secret bool `json:"-"`
}

// ErrNotRecorded says that a replay asks for what the recording does not hold.
var ErrNotRecorded = errors.New("it is not in the recording: the module, the record or cogplan is not the one that was recorded")

// ask makes one call that reads and returns the guest's answer; in a replay the one
// that was recorded.
func (s *session) ask(ctx context.Context, op abi.Op, m message) ([]byte, error) {
	body, err := m.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("ask the provider to %s: %w", op, err)
	}
	opts := &s.prov.host.opts
	if s.replayed {
		return s.answerAgain(op, body)
	}
	outcome, err := s.question(ctx, op, body)
	if err == nil {
		err = check(outcome, s.prov.wireLimits(), false)
	}
	if opts.Record != nil && s.resource != "" && !s.write {
		opts.Record(s.record(op, body, outcome, err))
	}
	if err != nil {
		return outcome.Body, err
	}
	return outcome.Body, nil
}

// digest is that of a question, and of all that the guest was told before it: what
// opens a session goes out with the first question, and the answer rests on it.
func (s *session) digest(op abi.Op, body []byte) string {
	sum := sha256.New()
	sum.Write(s.told[:])
	sum.Write([]byte(op.String() + "\n"))
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}

// tells notes what the guest is told, where a recording wants to know.
func (s *session) tells(op abi.Op, m message) error {
	opts := &s.prov.host.opts
	if opts.Record == nil && opts.Replay == nil {
		return nil
	}
	body, err := m.Append(nil)
	if err != nil {
		return fmt.Errorf("ask the provider to %s: %w", op, err)
	}
	s.told = sha256.Sum256([]byte(s.digest(op, body)))
	return nil
}

func (s *session) record(op abi.Op, body []byte, outcome pipe.Outcome, err error) Call {
	call := Call{Resource: s.resource, Op: op.String(), Secret: s.secret}
	if call.Secret {
		return call
	}
	call.Request = s.digest(op, body)
	var lost *lostError
	var failed *outcomeError
	switch {
	case errors.As(err, &failed):
		outcome = failed.outcome // of this question, or of one that went out with it
	case errors.As(err, &lost):
		call.Lost, call.Own, call.Limit = lost.reason, lost.own, lost.limit
		return call
	case err != nil:
		call.Failure = err.Error()
		return call
	}
	call.Outcome = append(outcome.AppendHead(nil), outcome.Body...)
	return call
}

// answerAgain gives the recorded answer to a question.
func (s *session) answerAgain(op abi.Op, body []byte) ([]byte, error) {
	call, ok := s.prov.host.opts.Replay(s.resource, op.String(), s.digest(op, body))
	if !ok {
		return nil, fmt.Errorf("%s asks the provider to %s: %w", s.resource, op, ErrNotRecorded)
	}
	switch {
	case call.Lost != "":
		return nil, &lostError{reason: call.Lost, own: call.Own, limit: call.Limit}
	case call.Failure != "":
		return nil, errors.New(call.Failure)
	}
	outcome, err := pipe.ParseOutcome(call.Outcome)
	if err != nil {
		return nil, fmt.Errorf("the recording is damaged: %s of %s: %w", op, s.resource, err)
	}
	return outcome.Body, check(outcome, s.prov.wireLimits(), false)
}

// tellAgain replays what may have gone out on its own, or with a question.
func (s *session) tellAgain(op abi.Op, m message) error {
	body, err := m.Append(nil)
	if err != nil {
		return fmt.Errorf("ask the provider to %s: %w", op, err)
	}
	if _, err = s.answerAgain(op, body); errors.Is(err, ErrNotRecorded) {
		return nil // it went out with the next question
	}
	return err
}
