package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) applyCommand() *cobra.Command {
	var flags runFlags
	var approve, refresh bool
	cmd := &cobra.Command{
		Use:   "apply [planfile]",
		Short: "Plan, ask, and apply what policy allows",
		Long: "Plan, show the plan, ask, and apply exactly what was shown. If any part of the\n" +
			"plan is denied or failed, nothing is applied. While an action is applied its\n" +
			"provider can do what the plan says of it, and nothing else.\n\n" +
			"With a file that `cogplan plan -out` made, apply exactly that plan, without asking.\n" +
			"Variables are given again, as for the plan. If anything that the plan rests on has\n" +
			"changed, nothing is applied, and it says what has (exit code 5).",
		Example: "  cogplan apply\n  cogplan apply -auto-approve\n  cogplan apply site.plan",
		Args:    atMostOne("plan file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if len(args) == 1 && flags.unread {
				return usagef("-refresh=false does not go with a plan file: it rests on the world as it was read")
			}
			if err := flags.checkDocuments(""); err != nil {
				return err
			}
			if len(args) == 1 && !refresh {
				return a.applyFile(cmd.Context(), &flags, args[0])
			}
			if len(flags.ruling.approvals)+len(flags.ruling.overrides) > 0 {
				return usagef("-approval and -override are for a plan in a file: cogplan plan -out file, cogplan approve file, cogplan apply file -approval approval")
			}
			if !refresh {
				return a.apply(cmd.Context(), &flags, approve)
			}
			if err := onlyRefresh(flags.unread || len(args) > 0 || flags.writesDocument() || len(flags.selection.Replace) > 0); err != nil {
				return err
			}
			return a.refreshOnly(cmd.Context(), &flags, approve)
		},
	}
	flags.add(cmd.Flags())
	flags.addApply(cmd.Flags())
	flags.addEffects(cmd.Flags())
	flags.selection.add(cmd.Flags())
	flags.ruling.add(cmd.Flags())
	flags.addDocuments(cmd.Flags())
	flags.ruling.addApprovals(cmd.Flags())
	flags.addRefresh(cmd.Flags())
	cmd.Flags().BoolVar(&approve, "auto-approve", false, "apply without asking")
	cmd.Flags().BoolVar(&refresh, "refresh-only", false, "record what moved in the world, and change nothing")
	return cmd
}

// appliedRun is what an apply did.
type appliedRun struct {
	proposal *reconcile.Proposal
	results  []reconcile.MetaResult
	outputs  []lang.Output
	elapsed  time.Duration
	// errs are what went wrong with the run and is in no result.
	errs []error
}

// outcome is what the apply came to: what went wrong with the run is no success,
// whatever became of each resource.
func (r *appliedRun) outcome(cancelled bool) outcome {
	o := applyOutcome(r.results, cancelled)
	if len(r.errs) == 0 || o != outcomeApplied {
		return o
	}
	if render.CountApplied(r.results).Done() > 0 {
		return outcomePartial
	}
	for _, err := range r.errs {
		if denied, ok := errors.AsType[*reconcile.DeniedError](err); ok {
			return deniedOutcome([]reconcile.Decision{denied.Decision})
		}
		if errors.Is(err, reconcile.ErrFenced) || errors.Is(err, reconcile.ErrStale) {
			return outcomeStale
		}
	}
	return outcomeFailed
}

// deferred reports whether a resource was deferred in the plan.
func (r *appliedRun) deferred(address string) bool {
	before := r.proposal.Resource(address)
	return before != nil && before.Status == reconcile.StatusDeferred
}

func (a *app) apply(ctx context.Context, flags *runFlags, approve bool) error {
	return a.carryOut(ctx, a.newRun(commandApply, flags), approve)
}

// carryOut plans, shows, asks and applies.
func (a *app) carryOut(ctx context.Context, r *run, approve bool) error {
	defer r.close()
	if !approve {
		if err := a.canAsk(r); err != nil {
			return err
		}
	}
	proposal, o, err := r.look(ctx)
	if err != nil {
		return err
	}
	if !r.flags.output.json {
		r.showPlan(proposal)
	}
	if a.out.err != nil {
		return fmt.Errorf("show the plan: %w; nothing was applied", a.out.err)
	}
	if o == outcomeNoChanges {
		return r.confirm(ctx, proposal)
	}
	if o != outcomeChanges {
		return r.endUnapplied(o, proposal)
	}
	if !approve {
		yes, err := a.approved(ctx, r.question())
		if err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		if !yes {
			return r.finish(outcomeCancelled, proposal, nil, func() { fmt.Fprintln(a.proc.stderr, "Nothing was applied.") })
		}
	}
	return r.execute(ctx, proposal)
}

func (r *run) question() string {
	if r.destroy {
		return "Destroy all of this? There is no way back."
	}
	return "Apply these changes?"
}

// canAsk refuses before anything is done where nobody can answer.
func (a *app) canAsk(r *run) error {
	switch {
	case r.flags.output.json:
		return usagef("%s -json cannot ask; add -auto-approve to %[1]s without asking", r.command)
	case r.flags.inputs.noInput:
		return usagef("%s -input=false cannot ask; add -auto-approve to %[1]s without asking", r.command)
	case !isTerminal(a.proc.stdin):
		return fmt.Errorf("%s asks before it changes anything, and standard input is not a terminal: "+
			"run it in one, or add -auto-approve to %[1]s without asking", r.command)
	}
	return nil
}

// endUnapplied ends an apply that has nothing to apply, or must not.
func (r *run) endUnapplied(o outcome, proposal *reconcile.Proposal) error {
	return r.finish(o, proposal, nil, func() {
		if o == outcomeDenied || o == outcomeUnapproved || o == outcomeWarned {
			fmt.Fprintln(r.app.proc.stderr, "\nNothing was applied.")
		}
	})
}

// confirm records what is there as declared: objects that were there before
// they were declared are ours from now on. It changes nothing in the world, so
// it asks nobody.
func (r *run) confirm(ctx context.Context, proposal *reconcile.Proposal) error {
	applied, err := r.walk(ctx, proposal)
	if err != nil {
		return r.refused(err, proposal)
	}
	o := applied.outcome(ctx.Err() != nil)
	if o == outcomeApplied {
		o = outcomeNoChanges
	}
	return r.finish(o, proposal, applied, func() {
		if o == outcomeNoChanges {
			fmt.Fprint(r.app.out, r.app.style().OutputBlock(applied.outputs))
			return
		}
		r.showApplied(o, applied)
	})
}

// execute applies the proposal and tells what became of it.
func (r *run) execute(ctx context.Context, proposal *reconcile.Proposal) error {
	applied, err := r.walk(ctx, proposal)
	if err != nil {
		return r.refused(err, proposal)
	}
	o := applied.outcome(ctx.Err() != nil)
	return r.finish(o, proposal, applied, func() { r.showApplied(o, applied) })
}

// walk has the engine carry out the proposal. The error is for a walk that
// could not begin.
func (r *run) walk(ctx context.Context, proposal *reconcile.Proposal) (*appliedRun, error) {
	began := r.app.proc.now()
	r.progress.Start("Applying")
	results, err := r.engine.Execute(ctx, r.chosen.config, reconcile.MetaOpts{}, proposal)
	r.progress.Stop()
	if results == nil && err != nil {
		return nil, err
	}
	outputs, diags := r.session.eval.Outputs(false)
	r.session.messages = nil // they were shown with the plan
	r.session.say(diags)
	r.session.sayChecks()
	applied := &appliedRun{
		proposal: proposal, results: results, outputs: outputs, elapsed: r.app.proc.now().Sub(began),
		errs: untold(err, results),
	}
	for _, err := range applied.errs {
		r.session.messages = append(r.session.messages, runError(err))
	}
	return applied, nil
}

// untold are the errors of a run that no result tells. That it was cancelled is no
// error; the outcome says it.
func untold(err error, results []reconcile.MetaResult) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, err := range joined.Unwrap() {
			out = append(out, untold(err, results)...)
		}
		return out
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return nil
		}
	}
	if err == nil || errors.Is(err, reconcile.ErrFenced) && anyResult(results, reconcile.ErrFenced) {
		return nil
	}
	return []error{err}
}

// runError is what a person reads of an error of a whole run.
func runError(err error) render.Message {
	summary := "The run did not end well"
	switch {
	case errors.Is(err, reconcile.ErrDenied):
		summary = "Policy denies it"
	case errors.Is(err, reconcile.ErrFenced):
		summary = "The lock was taken away"
	}
	return render.Errorf(summary, "%s.\nWhat was done is recorded, or the next cogplan plan finds it; run it.", sentence(err))
}

// refused ends an apply that could not begin: somebody holds the lock.
func (r *run) refused(err error, proposal *reconcile.Proposal) error {
	r.session.messages = append(r.session.messages, resourceError(err))
	return r.finish(outcomeFailed, proposal, nil, func() { r.app.tell(r.session) })
}

func (r *run) showApplied(o outcome, applied *appliedRun) {
	a := r.app
	fmt.Fprintln(a.out)
	fmt.Fprint(a.out, a.style().Applied(r.applied(o, applied)))
	a.tell(r.session)
}

// applied is the outcome of an apply as it is shown.
func (r *run) applied(o outcome, applied *appliedRun) *render.Applied {
	next := ""
	if o != outcomeApplied && o != outcomeNoChanges {
		next = "cogplan plan"
	}
	return &render.Applied{
		Results: applied.results, Sources: r.session.sources(), Where: r.session.where,
		Explain: r.session.explain, Deferred: applied.deferred, Outputs: applied.outputs, Elapsed: applied.elapsed, Next: next,
	}
}
