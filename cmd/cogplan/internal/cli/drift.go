package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) driftCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Show what moved in the world since it was recorded",
		Long: "Compare the world with what was recorded after the last apply, whatever is declared\n" +
			"now: which objects have changed or are gone, and which bear our mark and are not\n" +
			"recorded. It changes nothing. Exit code 2 says that something moved.",
		Example: "  cogplan drift\n  cogplan drift -json -target file.site",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.drift(cmd.Context(), &flags)
		},
	}
	flags.add(cmd.Flags())
	flags.selection.addPart(cmd.Flags())
	return cmd
}

// driftDocument is the JSON of drift.
type driftDocument struct {
	FormatVersion string                      `json:"format_version"`
	Command       string                      `json:"command"`
	Outcome       string                      `json:"outcome"`
	ExitCode      int                         `json:"exit_code"`
	Resources     []render.DriftResource      `json:"resources"`
	Undeclared    []string                    `json:"undeclared,omitempty"`
	Diagnostics   []render.DiagnosticDocument `json:"diagnostics"`
}

func (a *app) drift(ctx context.Context, flags *runFlags) error {
	r := a.newRun("drift", flags)
	r.unruled = true
	defer r.close()
	found, err := r.findDrift(ctx)
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage
	}
	var o outcome
	if err != nil {
		o = r.proposed(ctx, nil, err)
	} else {
		r.sayPart()
		r.warnOfUndeclared(ctx)
		o = driftOutcome(found)
	}
	if flags.output.failsOnWarnings() && o != outcomeFailed && len(r.session.messages) > 0 && !r.session.broken() {
		o = outcomeWarned
	}
	if flags.output.json {
		doc := driftDocument{
			FormatVersion: render.FormatVersion, Command: r.command, Outcome: string(o), ExitCode: exitCode(o, true),
			Resources: found, Undeclared: r.undeclared,
			Diagnostics: render.Diagnostics(r.session.messages, r.session.sources()),
		}
		if doc.Resources == nil {
			doc.Resources = []render.DriftResource{}
		}
		if err := render.WriteJSON(a.out, doc); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
		return end(o, true)
	}
	a.tell(r.session)
	if err == nil {
		fmt.Fprint(a.out, a.style().Drift(found, r.session.where))
	}
	return end(o, true)
}

func driftOutcome(found []render.DriftResource) outcome {
	o := outcomeNoChanges
	for i := range found {
		switch {
		case found[i].Error != "":
			return outcomeFailed
		case len(found[i].Drift) > 0:
			o = outcomeChanges
		}
	}
	return o
}

// findDrift reads the world and compares it with the record.
func (r *run) findDrift(ctx context.Context) ([]render.DriftResource, error) {
	r.progress.Start("Looking")
	defer r.progress.Stop()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	seen, err := r.observe(ctx, r.chosen.config)
	if err != nil {
		return nil, err
	}
	var found []render.DriftResource
	for _, result := range seen.proposal.Results() {
		one := render.DriftResource{Address: result.Resource, Status: result.Status, Error: result.Error}
		if deferred, ok := errors.AsType[*reconcile.DeferredError](result.Err()); ok {
			one.WaitsFor = deferred.WaitsFor
		}
		if result.Status == reconcile.StatusSynced {
			if err := r.compareWithRecord(ctx, seen, &one); err != nil {
				one.Error = err.Error()
			}
		}
		found = append(found, one)
	}
	return found, nil
}

func (r *run) compareWithRecord(ctx context.Context, seen *observation, one *render.DriftResource) error {
	state, _, err := r.session.store.Load(ctx, one.Address)
	if err != nil {
		return err
	}
	if declaration, _ := r.session.eval.Declaration(one.Address); declaration.Mode == "data" {
		return nil // nothing of it is ours
	}
	one.Recorded = state != nil
	one.Drift, one.Unmanaged, err = seen.resources[one.Address].Drift(ctx, state)
	return err
}
