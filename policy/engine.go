package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Engine rules on plans. It does not change once it is loaded and may be used
// from several goroutines at once. The zero value denies everything.
type Engine struct {
	// plan are the programs that are asked about each plan, run those that are
	// asked about all together: the default policy first.
	plan []*program
	run  []*program
	// builtinRun is compiled when a run is reviewed, which plan alone never is.
	builtinRun func() (*program, error)
	overrides  []Override
	approvals  []Approval
	clock      clock
	deadline   time.Duration
	printed    print.Hook
	printLine  func(place, text string)
	// isolated is where the module's policies are asked; nil for here.
	isolated *isolated
	digest   string
	paths    map[string]string
	// hands evaluate; nil is a new goroutine each time.
	hands *crew
	// index is for tests alone: the evaluator's rule index passes over errors
	// (operands of a wrong type) and has had wrong answers.
	index bool
	full  bool
}

var (
	_ reconcile.Gate    = (*Engine)(nil)
	_ reconcile.RunGate = (*Engine)(nil)
)

// Digest identifies the policies, their levels and parameters: "sha256:" and
// hexadecimal digits.
func (e *Engine) Digest() string { return e.digest }

// PathDigests are the digests of the paths of [Options], by the paths as they were
// given: of a bundle those of the archive, else of all that was read below the
// path. What is pinned is compared with exactly what was loaded.
func (e *Engine) PathDigests() map[string]string { return maps.Clone(e.paths) }

// Rules names the rules that are asked, sorted.
func (e *Engine) Rules() []string {
	var names []string
	for _, p := range slices.Concat(e.plan, e.run) {
		for _, r := range p.rules {
			names = append(names, r.name)
		}
	}
	slices.Sort(names)
	return names
}

var errNotLoaded = errors.New("no policies are loaded")

// Review rules on one plan. It looks at the plan itself first, then asks the
// policies. What a policy cannot answer denies, as a finding or an error.
func (e *Engine) Review(ctx context.Context, review reconcile.Review) (reconcile.Decision, error) {
	decision := reconcile.Decision{PlanDigest: review.Digest, PolicyDigest: e.digest}
	if len(e.plan) == 0 {
		return decision, errNotLoaded
	}
	if review.Plan == nil || review.Digest == "" || review.Resource.Name == "" {
		return decision, errors.New("the review has no plan, no digest or no resource")
	}
	seen := newSubject(review)
	if decision.Findings = inspect(seen); len(decision.Findings) > 0 {
		return decision, nil
	}
	found, err := e.answer(ctx, e.plan, []*subject{seen}, false)
	if ctx.Err() != nil {
		return decision, context.Cause(ctx)
	}
	v := &verdict{engine: e, resource: review.Resource.Name, digest: review.Digest, actor: review.Run.Actor}
	return e.decide(decision, v, found, e.plan, err), nil
}

func (e *Engine) evaluation(c topdown.Cancel) evaluation {
	return evaluation{clock: e.clock, printed: e.printed, index: e.index, full: e.full, canceler: c}
}

// decide makes the decision of what the rules of the programs answered. An
// error denies.
func (e *Engine) decide(decision reconcile.Decision, v *verdict, found answers, programs []*program, err error) reconcile.Decision {
	if err != nil {
		v.failed(err)
	} else {
		for _, p := range programs {
			v.program(p, found)
		}
	}
	decision.Findings = v.findings
	decision.Allowed = err == nil && !slices.ContainsFunc(v.findings, denies)
	return decision
}

// program adds the findings of all rules of a program.
func (v *verdict) program(p *program, found answers) {
	exceptions := map[string][]exception{}
	for _, r := range p.rules {
		if r.family != familyException {
			continue
		}
		read, err := readExceptions(elementsOf(found, r), inPackage(p.rules, r.pkg))
		if err != nil {
			v.malformed(r, err)
			continue
		}
		exceptions[r.pkg] = read
	}
	for _, r := range p.rules {
		if r.family != familyException {
			v.rule(r, elementsOf(found, r), exceptions[r.pkg])
		}
	}
}

// elementsOf is what a rule answered. A rule without an answer was not asked,
// which is a mistake of ours; it denies.
func elementsOf(found answers, r *rule) ast.Set {
	if set := found[r]; set != nil {
		return set
	}
	return ast.NewSet(ast.NullTerm())
}

func inPackage(rules []*rule, pkg string) []*rule {
	var out []*rule
	for _, r := range rules {
		if r.pkg == pkg {
			out = append(out, r)
		}
	}
	return out
}

// failed denies because the policies could not be evaluated.
func (v *verdict) failed(err error) {
	remedy := "correct the policy; nothing is applied while it has no answer"
	if errors.Is(err, errDeadline) {
		remedy = "make the policy faster, or give it more time"
	}
	v.findings = append(v.findings, reconcile.Finding{
		Rule: "cogplan.evaluation", Level: reconcile.LevelHardMandatory, Resource: v.resource,
		Message: "the policies could not be evaluated: " + placed(err), Remedy: remedy,
	})
}

// placed is an error with the place in the policy that it happened at.
func placed(err error) string {
	var broken *topdown.Error
	if !errors.As(err, &broken) {
		return err.Error()
	}
	if broken.Location == nil || broken.Location.File == "" {
		return broken.Message
	}
	return fmt.Sprintf("%s:%d: %s", broken.Location.File, broken.Location.Row, broken.Message)
}

// runPrograms are the programs for a run, the default policy among them.
func (e *Engine) runPrograms() ([]*program, error) {
	builtin, err := e.builtinRun()
	if err != nil {
		return nil, err
	}
	return append([]*program{builtin}, e.run...), nil
}

// ReviewRun rules on all plans of a run together. The decision's PlanDigest is
// [reconcile.RunDigest] of the reviews.
func (e *Engine) ReviewRun(ctx context.Context, reviews []reconcile.Review) (reconcile.Decision, error) {
	decision := reconcile.Decision{PlanDigest: reconcile.RunDigest(reviews), PolicyDigest: e.digest}
	if e.builtinRun == nil {
		return decision, errNotLoaded
	}
	seen := make([]*subject, len(reviews))
	for i := range reviews {
		if reviews[i].Plan == nil || reviews[i].Resource.Name == "" {
			return decision, errors.New("a review of the run has no plan or no resource")
		}
		seen[i] = newSubject(reviews[i])
		decision.Findings = append(decision.Findings, inspect(seen[i])...)
	}
	if len(decision.Findings) > 0 {
		return decision, nil
	}
	programs, err := e.runPrograms()
	if err != nil {
		return decision, err
	}
	found, err := e.answer(ctx, programs, seen, true)
	if ctx.Err() != nil {
		return decision, context.Cause(ctx)
	}
	v := &verdict{engine: e, digest: decision.PlanDigest}
	if len(reviews) > 0 {
		v.actor = reviews[0].Run.Actor
	}
	return e.decide(decision, v, found, programs, err), nil
}
