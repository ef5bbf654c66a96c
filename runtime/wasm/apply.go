package wasm

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// Actions go to the worker in batches, each still inside its own effects.
const (
	batchActions = 256
	batchBytes   = 4 << 20
)

// batchOf bounds a batch. A provider that may use the network gets one action
// at a time: the host has to know for itself which one is being applied.
func (p *Provider) batchOf(steps []*step) []*step {
	if p.networked() {
		return steps[:1]
	}
	return steps[:batchSize(steps)]
}

const applying = "applying"

// step is one action on its way through an apply.
type step struct {
	action  *reconcile.Action
	planned *plannedAction
	body    []byte
	// index is the action's place in the plan.
	index int
	// lost is true where nobody knows how the action ended.
	lost bool
	// attempts is how often it was tried, and failure why the last attempt failed
	// where another one is to follow.
	attempts int
	failure  error
}

func (s *step) what() string {
	return fmt.Sprintf("%s %s %q", s.action.Action, s.action.ResourceType, s.action.Name)
}

// ApplyPlan applies the actions one by one, each inside its own effects, and
// returns a result for each that was reached. After a failed action the others
// go on; after a violation, or when the worker had to be ended, they do not.
func (r *Resource) ApplyPlan(ctx context.Context, plan *reconcile.Plan) ([]reconcile.Result, error) {
	r.results, r.applied, r.owed, r.impatient = nil, true, nil, false
	steps, err := r.steps(plan)
	if err != nil {
		return nil, err
	}
	err = r.run(ctx, steps)
	if err != nil {
		err = r.fail(r.provider.explainWith(r.redactor, r.Type(), applying, err))
	}
	return r.results, err
}

// steps checks that the plan is the one that was made here, to the last
// effect, and prepares the messages.
func (r *Resource) steps(plan *reconcile.Plan) ([]*step, error) {
	var steps []*step
	for i := range plan.Actions {
		a := &plan.Actions[i]
		if a.Action == reconcile.ActionSkip {
			continue
		}
		s := &step{action: a, index: i, planned: r.planned[actionKey{a.Action, a.ResourceType, a.Name}]}
		if s.planned == nil {
			return nil, fmt.Errorf("apply %s: the plan has the action to %s, which was not planned here", r.Type(), s.what())
		}
		if !reflect.DeepEqual(a.Details[reconcile.DetailEffects], any(r.effectDetails(s.planned.effects))) {
			return nil, fmt.Errorf("apply %s: the effects of the action to %s are not those that were planned", r.Type(), s.what())
		}
		if err := r.prepare(s); err != nil {
			return nil, fmt.Errorf("apply %s: %s: %w", r.Type(), s.what(), err)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func (r *Resource) prepare(s *step) error {
	for _, e := range s.planned.effects {
		if e.Capability == reconcile.CapabilityUnbounded && r.provider.info.Trust != "grant" {
			return errors.New("the provider does not declare what the action will do; " +
				"write trust = \"grant\" in the provider block if its grants alone are bound enough")
		}
	}
	request := abi.ApplyRequest{
		ObjectAction: s.planned.request, Effects: s.planned.effects,
		Key: r.key(s.index, s.action),
	}
	if r.provider.answer.Description.Plans {
		request.Details = s.action.Details
	}
	var err error
	s.body, err = request.Append(nil)
	return err
}

func objectAddress(resource string, a *reconcile.Action) string {
	return reconcile.ObjectAddress(resource, a.ResourceType, a.Name)
}

// run applies the steps in batches. An instance that died is replaced, and the
// steps behind the one it died in go on. The log is told before an instance is
// asked for: so resources that wait for one share the time that it takes. What
// failed for a time is tried again before anything behind it begins.
func (r *Resource) run(ctx context.Context, steps []*step) error {
	var s *session
	defer func() { s.close() }()
	for len(steps) > 0 {
		batch := r.provider.batchOf(steps)
		if err := r.intend(ctx, batch); err != nil {
			r.giveUp(batch)
			return err
		}
		unmoved, err := r.unmoved(ctx, batch)
		if err != nil {
			r.unbegun(batch, err)
			return err
		}
		if len(unmoved) < len(batch) {
			steps = append(unmoved, steps[len(batch):]...)
			if batch = unmoved; len(batch) == 0 {
				continue
			}
		}
		if s == nil {
			if s, err = r.open(ctx, abi.PhaseWrite, r.spec.Declaration.ApplyTimeout); err != nil {
				r.unbegun(batch, err)
				return err
			}
		}
		done, err := r.applyBatch(ctx, s, batch)
		steps = steps[done:]
		if err == nil && len(r.owed) == 0 {
			continue
		}
		if err == nil || mayGoOn(err) {
			s.close() // what waits holds no worker
			s = nil
			steps, err = r.again(ctx, steps)
		}
		if err != nil {
			r.giveUp(r.owed)
			return err
		}
	}
	return nil
}

// mayGoOn reports whether another instance may go on behind the step in which one
// ended: not where it tried what it must not do, or had to be killed.
func mayGoOn(err error) bool {
	var failed *outcomeError
	return errors.As(err, &failed) && len(failed.outcome.Report.Violations) == 0
}

func batchSize(steps []*step) int {
	n, size := 0, 0
	for n < len(steps) && n < batchActions && (n == 0 || size+len(steps[n].body) <= batchBytes) {
		size += len(steps[n].body)
		n++
	}
	return n
}

// applyBatch applies a batch, notes the results, and returns how many steps
// were reached. The error is what ended the instance.
func (r *Resource) applyBatch(ctx context.Context, s *session, batch []*step) (done int, err error) {
	turn, err := r.provider.host.pool.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer turn.end()
	s.wire.lend(turn)
	limit, err := s.deadline()
	if err != nil {
		return 0, err
	}
	defer limit.Stop()
	stop := s.clock()
	defer stop()
	proc := s.lane.proc
	id, call := proc.begin(len(batch) + 1)
	defer proc.finish(id)
	permissions, err := s.applies(ctx, batch[0])
	if err != nil {
		return 0, err
	}
	s.wire.begin(ctx, permissions, limit.after)
	defer s.wire.end(&guestfs.Report{})
	if err := s.send(pipe.Apply, id, s.applyRequest(batch)); err != nil {
		return 0, err
	}
	for {
		f, err := proc.wait(ctx, call, limit)
		if err != nil {
			err = s.tried(err)
			return r.interrupted(s, batch, done, err), err
		}
		if f.Kind == pipe.Answer {
			return r.endOfBatch(s, batch, done, f, err)
		}
		index, outcome, err := pipe.ParseApplied(f.Payload)
		if err != nil || index != done || done == len(batch) {
			return done, errors.New("the worker process broke the protocol")
		}
		limit.Reset(limit.after)
		if len(batch) == 1 {
			s.wire.end(&outcome.Report)
		}
		s.auditFiles(&outcome.Report, batch[done].what())
		failure := check(outcome, r.provider.wireLimits(), true)
		r.result(batch[done], outcome, failure)
		done++
		var failed *outcomeError
		if errors.As(failure, &failed) && failed.gone() {
			return done, failure
		}
	}
}

// tried replaces the error that ended a worker by what its guest tried against
// the rules, where it did.
func (s *session) tried(err error) error {
	var outcome pipe.Outcome
	s.wire.end(&outcome.Report)
	if len(outcome.Report.Violations) > 0 {
		return check(outcome, s.prov.wireLimits(), true)
	}
	return err
}

// endOfBatch checks that the worker reached every step.
func (r *Resource) endOfBatch(s *session, batch []*step, done int, f pipe.Frame, err error) (int, error) {
	if err != nil {
		return done, err
	}
	outcome, err := pipe.ParseOutcome(f.Payload)
	s.wire.end(&outcome.Report)
	if err == nil {
		err = check(outcome, s.prov.wireLimits(), true)
	}
	if err == nil && done != len(batch) {
		err = errors.New("the worker process broke the protocol: it left actions out")
	}
	return done, err
}

func (s *session) applyRequest(batch []*step) []byte {
	request := pipe.ApplyRequest{Instance: s.instance, Op: int32(abi.OpApply)}
	size := 64
	for _, st := range batch {
		item := pipe.ApplyItem{Body: st.body}
		for _, e := range st.planned.effects {
			if e.Capability == reconcile.CapabilityFile || e.Capability == reconcile.CapabilityUnbounded {
				item.Effects = append(item.Effects, fileEffect(e))
			}
		}
		request.Items = append(request.Items, item)
		size += len(st.body) + 64*(len(item.Effects)+1)
	}
	return request.Append(make([]byte, 0, size))
}

func fileEffect(e reconcile.Effect) guestfs.Effect {
	if e.Capability == reconcile.CapabilityUnbounded {
		return guestfs.Effect{Op: guestfs.Any}
	}
	return guestfs.Effect{Op: e.Operation, Path: guestfs.GuestPath(e.Target)}
}

// interrupted notes the step in which the worker was ended. What it had done
// by then nobody knows; its temporary files are removed.
func (r *Resource) interrupted(s *session, batch []*step, done int, err error) int {
	var paths []string
	for _, st := range batch[done:] {
		for _, e := range st.planned.effects {
			if e.Capability == reconcile.CapabilityFile {
				paths = append(paths, guestfs.GuestPath(e.Target))
			}
		}
	}
	guestfs.Sweep(r.provider.mounts, s.lane.proc.tag, paths)
	if done < len(batch) {
		batch[done].lost = true
		r.result(batch[done], pipe.Outcome{}, err)
		last := &r.results[len(r.results)-1]
		last.Error += "; it was interrupted, and nobody knows what it and the actions behind it had done by then: look at a new plan"
		done++
	}
	return done
}

// result notes how a step went, unless it is to be tried again.
func (r *Resource) result(s *step, outcome pipe.Outcome, failure error) {
	createdID := ""
	s.attempts++
	if failure == nil {
		var answer *abi.ApplyAnswer
		answer, failure = abi.DecodeApplyAnswer(outcome.Body, r.provider.wireLimits())
		if failure != nil {
			failure = fmt.Errorf("its answer is malformed: %w", failure)
		} else {
			createdID = answer.CreatedID
		}
	}
	if failure != nil {
		failure = r.provider.explainWith(r.redactor, r.Type(), "applying "+s.what(), failure)
		if known, ok := errors.AsType[*ProviderError](failure); ok {
			createdID = known.createdID
		}
		// What was created before it failed is noted at once.
		if createdID == "" && r.tryAgain(s, failure) {
			return
		}
		failure = tired(failure, s.attempts)
	}
	r.conclude(s, createdID, failure)
}

// conclude makes the result of a step, and tells the journal of it.
func (r *Resource) conclude(s *step, createdID string, failure error) {
	result := reconcile.Result{
		Phase: "apply", Action: string(s.action.Action), Name: s.action.Name, Status: reconcile.ApplySucceeded, CreatedID: createdID,
	}
	if failure != nil {
		result.Status, result.Error = reconcile.ApplyFailed, failure.Error()
	}
	r.results = append(r.results, result)
	r.noteOutcome(s)
}
