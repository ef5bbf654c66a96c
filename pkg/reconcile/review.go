package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// errUnplanned is for what a proposal holds no plan of.
var errUnplanned = errors.New("it was not planned in the proposal; plan again")

// review has the gate rule on the sealed plan. It returns an [ErrDenied] where
// the gate does not allow it, and an [ErrStale] where it is not the plan that
// was proposed.
func (s *step) review(ctx context.Context) error {
	review, components, err := s.newReview()
	if err != nil {
		return err
	}
	s.proposed.Review, s.proposed.Components = review, components
	before := s.before()
	if before != nil && before.Status != StatusDeferred && before.Review.Digest != review.Digest {
		left := s.remaining(before, components)
		if left == nil {
			return &StaleError{Address: s.resource.Name, Moved: before.Components.moved(components)}
		}
		s.plan = left
		if s.proposed.Review, s.proposed.Components, err = s.newReview(); err != nil {
			return err
		}
		review = before.Review // the ruling is on all of it
	}
	decision, cause := rule(ctx, s.walk.engine.gate, review)
	s.proposed.Decision = decision
	if !decision.Allowed {
		return &DeniedError{Address: s.resource.Name, Decision: decision, Cause: cause}
	}
	if before == nil || before.Status != StatusDeferred {
		return s.samePolicy(before)
	}
	return s.walk.ruling.add(ctx, review)
}

// samePolicy refuses the ruling of other policies than those that ruled on the
// proposal.
func (s *step) samePolicy(before *Proposed) error {
	if before != nil && before.Decision.PolicyDigest != s.proposed.Decision.PolicyDigest {
		return &StaleError{Address: s.resource.Name, Moved: []string{"policy"}}
	}
	return nil
}

// approved refuses a resource that the proposal does not let run. What nobody
// asked to apply may always be looked at.
func (s *step) approved() error {
	e := s.walk.execution
	if e == nil || e.auto && !s.resource.AutoApply {
		return nil
	}
	before := e.index[s.resource.Name]
	if before == nil {
		return &StaleError{Address: s.resource.Name, Moved: []string{"config"}}
	}
	switch before.Status {
	case StatusSynced, StatusDrifted, StatusDeferred:
		return nil
	case StatusDenied:
		s.proposed = *before
		return &DeniedError{Address: s.resource.Name, Decision: before.Decision}
	case StatusSuspended:
		return &StaleError{Address: s.resource.Name, Moved: []string{"declaration"}}
	default:
		return before.cause()
	}
}

// before is what the proposal says of the resource; nil where no proposal is
// applied to it.
func (s *step) before() *Proposed {
	e := s.walk.execution
	if e == nil || e.auto && !s.resource.AutoApply {
		return nil
	}
	return e.index[s.resource.Name]
}

// rule asks the gate, and lets nothing but a ruling on exactly this review allow
// it. The error is why there is none.
func rule(ctx context.Context, gate Gate, review Review) (Decision, error) {
	if gate == nil {
		return refusal(review.Digest, "there is no gate"), nil
	}
	var decision Decision
	err := guard("ask the gate", func() (err error) {
		decision, err = gate.Review(ctx, review)
		return err
	})
	return checkDecision(decision, err, review.Digest)
}

func checkDecision(decision Decision, err error, digest string) (Decision, error) {
	switch {
	case err != nil:
		return refusal(digest, err.Error()), err
	case decision.PlanDigest != digest:
		return refusal(digest, fmt.Sprintf("the gate ruled on %q instead of %q", decision.PlanDigest, digest)), nil
	case decision.Allowed && len(decision.Denials()) > 0:
		decision.Allowed = false
	}
	if decision.Findings == nil {
		decision.Findings = []Finding{}
	}
	return decision, nil
}

// refusal is the engine's own ruling where the gate gave none.
func refusal(digest, reason string) Decision {
	return Decision{PlanDigest: digest, Findings: []Finding{{
		Rule: "cogplan.engine.gate", Level: LevelHardMandatory, Message: reason,
		Remedy: "nothing is applied without a ruling; mend the policy and run again",
	}}}
}

// runGateOf is the gate's ability to rule over a whole run.
func runGateOf(gate Gate) (RunGate, bool) {
	runGate, ok := gate.(RunGate)
	return runGate, ok
}

func reviewRun(ctx context.Context, gate RunGate, reviews []Review) Decision {
	var decision Decision
	err := guard("ask the gate about the run", func() (err error) {
		decision, err = gate.ReviewRun(ctx, reviews)
		return err
	})
	decision, _ = checkDecision(decision, err, RunDigest(reviews)) // the error is in its findings
	return decision
}

// runRuling is the gate's ruling over a run that grows: with each deferred plan,
// the whole is put before the gate again.
type runRuling struct {
	mu      sync.Mutex
	gate    RunGate
	reviews []Review
}

func (r *runRuling) add(ctx context.Context, review Review) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	reviews := append(slices.Clip(r.reviews), review)
	if decision := reviewRun(ctx, r.gate, reviews); !decision.Allowed {
		return &DeniedError{Address: review.Resource.Name, Decision: decision}
	}
	r.reviews = reviews
	return nil
}

// prepare has a run gate rule on the proposal before anything is applied.
func (w *walk) prepare(ctx context.Context, execution *execution) error {
	w.execution = execution
	gate, ok := runGateOf(w.engine.gate)
	if !ok || execution == nil {
		return nil
	}
	if run := execution.proposal.Run; run != nil && !run.Allowed {
		return &DeniedError{Decision: *run}
	}
	reviews := execution.proposal.Reviews()
	if slices.ContainsFunc(reviews, func(r Review) bool { return r.Plan == nil }) {
		// A proposal from a file holds digests: look at what they stand for. The
		// walk refuses each plan that is another one now.
		fresh, err := w.replan(ctx)
		if err != nil {
			return err
		}
		reviews = fresh.Reviews()
	}
	if decision := reviewRun(ctx, gate, reviews); !decision.Allowed {
		return &DeniedError{Decision: decision}
	}
	w.ruling = &runRuling{gate: gate, reviews: reviews}
	return nil
}

func (w *walk) replan(ctx context.Context) (*Proposal, error) {
	again, err := w.engine.newWalk(&MetaConfig{Resources: w.graph.resources}, w.opts, purposePropose)
	if err != nil {
		return nil, err
	}
	return newProposal(again.run(ctx)), nil
}

// DeniedError says why a gate did not allow a plan. It is an [ErrDenied].
type DeniedError struct {
	// Address is empty where the run was denied as a whole.
	Address  string
	Decision Decision
	// Cause is why the gate could not rule; nil where it ruled.
	Cause error
}

// Error tells the findings that deny, and what to do.
func (e *DeniedError) Error() string {
	findings := e.Decision.Denials()
	if len(findings) == 0 {
		findings = e.Decision.Findings
	}
	const most = 10
	var reasons []string
	for _, finding := range findings[:min(most, len(findings))] {
		reason := finding.Rule + ": " + finding.Message
		if finding.Remedy != "" {
			reason += " (" + finding.Remedy + ")"
		}
		reasons = append(reasons, reason)
	}
	if rest := len(findings) - most; rest > 0 {
		reasons = append(reasons, fmt.Sprintf("and %d more", rest))
	}
	if len(reasons) == 0 {
		reasons = []string{"the gate allows it not, and gives no reason"}
	}
	text := "denied: " + strings.Join(reasons, "; ")
	if e.Address == "" {
		text = "the run is " + text
	}
	return text
}

// Is makes it an [ErrDenied].
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// Unwrap is why the gate could not rule.
func (e *DeniedError) Unwrap() error { return e.Cause }
