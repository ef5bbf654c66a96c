package cli

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// applyFile applies a plan that was kept in a file, if planning again gives the
// same. Handing the file over is the approval, so nobody is asked.
func (a *app) applyFile(ctx context.Context, flags *runFlags, path string) error {
	if !flags.selection.empty() {
		return usagef("apply with a plan file takes no -target, -exclude or -replace: the plan says what it is about")
	}
	r := a.newRun(commandApply, flags)
	defer r.close()
	plan, err := planfile.Read(path)
	if err != nil {
		return r.unread(outcomeFailed, errorMessage(err))
	}
	if deniedForGood(plan) {
		return r.unread(outcomeDenied, render.Errorf("The plan was denied by policy",
			"It was kept to be looked at, and is never applied: cogplan show %s\nNothing was applied.", shellWord(path)))
	}
	if soft := softDenials(plan); len(soft) > 0 && len(flags.ruling.overrides) == 0 {
		return r.unread(outcomeDenied, render.Errorf("The plan was denied by policy",
			"A person who may can override that: cogplan policy override %s -rule %s -resource %s\nNothing was applied.",
			shellWord(path), shellWord(soft[0].rule), shellWord(soft[0].resource)))
	}
	if err := a.readSigned(ctx, &flags.ruling, plan); err != nil {
		return r.unsigned(err)
	}
	r.file, r.destroy, flags.selection.Selection = plan, plan.Command == commandDestroy, plan.Selection
	proposal, o, err := r.look(ctx)
	if err != nil {
		return err
	}
	if o != outcomeChanges && o != outcomeNoChanges {
		if !flags.output.json {
			r.showPlan(proposal)
		}
		return r.endUnapplied(o, proposal)
	}
	if !flags.output.json {
		a.tell(r.session)
		fmt.Fprint(a.out, a.style().Answered(r.view(proposal)))
		fmt.Fprintln(a.out, render.PlanLine(proposal))
	}
	if a.out.err != nil {
		return fmt.Errorf("show the plan: %w; nothing was applied", a.out.err)
	}
	if o == outcomeNoChanges {
		return r.confirm(ctx, proposal)
	}
	return r.execute(ctx, proposal)
}

// unread ends a run before the module was opened.
func (r *run) unread(o outcome, message render.Message) error {
	r.session = newSession(r.app)
	r.session.messages = []render.Message{message}
	return r.finish(o, nil, nil, func() { r.app.tell(r.session) })
}
