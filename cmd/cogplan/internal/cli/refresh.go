package cli

import (
	"context"
	"fmt"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// refreshOnly shows what moved in the world, asks, and records what is there
// instead of bringing it back. Nothing in the world is touched.
func (a *app) refreshOnly(ctx context.Context, flags *runFlags, approve bool) error {
	r := a.newRun(commandApply, flags)
	defer r.close()
	r.recordOnly = true
	if !approve {
		if err := a.canAsk(r); err != nil {
			return err
		}
	}
	found, err := r.findDrift(ctx)
	if err != nil {
		o := r.proposed(ctx, nil, err)
		a.tell(r.session)
		return end(o, false)
	}
	a.tell(r.session)
	fmt.Fprint(a.out, a.style().Drift(found, r.session.where))
	if o := driftOutcome(found); o != outcomeChanges {
		return end(o, false)
	}
	if !approve {
		yes, err := a.approved(ctx, "Record the world as it is now?")
		if err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		if !yes {
			fmt.Fprintln(a.proc.stderr, "Nothing was recorded.")
			return end(outcomeCancelled, false)
		}
	}
	return r.recordDrift(ctx, found)
}

// recordDrift records the resources that moved. Each is read again: what is
// recorded is what is there at that moment.
func (r *run) recordDrift(ctx context.Context, found []render.DriftResource) error {
	moved := map[string]bool{}
	for i := range found {
		if len(found[i].Drift) > 0 {
			moved[found[i].Address] = true
		}
	}
	r.chosen.config = newLinks(r.chosen.config, false).part(moved)
	var err error
	if r.events, err = r.app.openEvents(r.flags.events); err != nil {
		return err
	}
	r.engine = r.newEngine()
	proposal, err := r.engine.Propose(ctx, r.chosen.config, reconcile.MetaOpts{DryRun: true})
	if err != nil {
		return err
	}
	applied, err := r.walk(ctx, proposal)
	if err != nil {
		return r.refused(err, proposal)
	}
	o := applied.outcome(ctx.Err() != nil)
	if o != outcomeApplied && o != outcomeNoChanges {
		r.showApplied(o, applied)
		return end(o, false)
	}
	word := "resources"
	if len(moved) == 1 {
		word = "resource"
	}
	fmt.Fprintf(r.app.out, "\n%s\n", r.app.style().Good(fmt.Sprintf("Recorded: %d %s as found. The next plan shows what differs from what is declared.", len(moved), word)))
	return end(outcomeApplied, false)
}

// planRefresh shows what a refresh would record.
func (a *app) planRefresh(ctx context.Context, flags *runFlags, detailed bool) error {
	r := a.newRun("plan", flags)
	defer r.close()
	r.unruled = true
	found, err := r.findDrift(ctx)
	o := driftOutcome(found)
	if err != nil {
		o = r.proposed(ctx, nil, err)
	}
	a.tell(r.session)
	if err == nil {
		fmt.Fprint(a.out, a.style().Drift(found, r.session.where))
	}
	return end(o, detailed)
}

// onlyRefresh refuses what a refresh has no use for.
func onlyRefresh(others bool) error {
	if others {
		return usagef("-refresh-only shows and records what moved, and goes with none of -json, -out, -destroy, -replace and a plan file; " +
			"cogplan drift -json tells what moved")
	}
	return nil
}
