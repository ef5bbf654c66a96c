package wasm

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// owed is a request that is not sent yet.
type owed struct {
	frame pipe.Frame
	call  *pendingCall
}

// later sends a request with the next one. Whoever makes that one hears of an
// error of this one.
func (s *session) later(kind pipe.Kind, payload []byte) {
	id, call := s.lane.proc.begin(1)
	s.owed = append(s.owed, owed{frame: pipe.Frame{Kind: kind, ID: id, Payload: payload}, call: call})
}

// mayOwe reports whether a request may go out with the next one: the next one
// reads too, and nothing in between asks for other permissions.
func (s *session) mayOwe() bool { return !s.write && !s.prov.networked() && len(s.owed) < maxOwed }

// maxOwed is below what a worker takes for one instance without waiting.
const maxOwed = 3

// tellLater is [session.ask] without an answer: it goes out with the next
// request where it may.
func (s *session) tellLater(ctx context.Context, op abi.Op, m message) error {
	if err := s.tells(op, m); err != nil {
		return err
	}
	if s.replayed {
		return s.tellAgain(op, m)
	}
	if !s.mayOwe() {
		_, err := s.ask(ctx, op, m)
		return err
	}
	head := pipe.CallRequest{Instance: s.instance, Op: int32(op)}
	payload, err := m.Append(head.Append(nil))
	if err != nil {
		return fmt.Errorf("ask the provider to %s: %w", op, err)
	}
	s.later(pipe.Call, payload)
	return nil
}

// settle waits for the answers to what went out before.
func (s *session) settle(ctx context.Context, before []owed, limit *deadline) error {
	defer func() {
		for _, o := range before {
			s.lane.proc.finish(o.frame.ID)
		}
	}()
	for _, o := range before {
		f, err := s.lane.proc.wait(ctx, o.call, limit)
		if err != nil {
			return err
		}
		outcome, err := pipe.ParseOutcome(f.Payload)
		if err == nil {
			err = check(outcome, s.prov.wireLimits(), s.write)
		}
		if err != nil {
			return err
		}
		limit.Reset(limit.after)
	}
	return nil
}
