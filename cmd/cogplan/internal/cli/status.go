package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func (a *app) statusCommand() *cobra.Command {
	var flags runFlags
	var detailed bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how each resource fares: in sync, healthy, being worked on",
		Long: "Show each resource on three axes: sync (is the world as declared), health (how it\n" +
			"fares, as far as the provider knows), operation (what is being done to it). The\n" +
			"world is read, as for a plan; policies are not asked.",
		Example: "  cogplan status\n  cogplan status -json -detailed-exitcode",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.status(cmd.Context(), &flags, detailed)
		},
	}
	flags.add(cmd.Flags())
	flags.selection.addPart(cmd.Flags())
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "end with exit code 2 where there are changes")
	return cmd
}

// statusDocument is the JSON of status.
type statusDocument struct {
	FormatVersion string                      `json:"format_version"`
	Command       string                      `json:"command"`
	Outcome       string                      `json:"outcome"`
	ExitCode      int                         `json:"exit_code"`
	Resources     []render.StatusResource     `json:"resources"`
	Lock          *reconcile.LockInfo         `json:"lock,omitempty"`
	Diagnostics   []render.DiagnosticDocument `json:"diagnostics"`
}

func (a *app) status(ctx context.Context, flags *runFlags, detailed bool) error {
	r := a.newRun("status", flags)
	r.unruled = true
	defer r.close()
	proposal, o, err := r.look(ctx)
	if err != nil {
		return err
	}
	doc := statusDocument{
		FormatVersion: render.FormatVersion, Command: r.command, Resources: []render.StatusResource{},
	}
	if proposal != nil && !r.session.broken() {
		if doc.Lock, err = reconcile.NewFileStore(moduleDir).Locked(""); err != nil {
			return fmt.Errorf("look for a lock: %w", err)
		}
		doc.Resources = r.statuses(ctx, proposal, doc.Lock)
		if o == outcomeNoChanges && len(r.undeclared) > 0 {
			o = outcomeChanges
		}
	}
	if !flags.output.json {
		a.tell(r.session)
		if !r.session.broken() {
			fmt.Fprint(a.out, a.style().Status(doc.Resources, doc.Lock))
		}
		return end(o, detailed)
	}
	doc.Outcome, doc.ExitCode = string(o), exitCode(o, detailed)
	doc.Diagnostics = render.Diagnostics(r.messages(proposal, nil), r.session.sources())
	if err := render.WriteJSON(a.out, doc); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return end(o, detailed)
}

// statuses are the three axes of each resource, and of what is recorded alone.
func (r *run) statuses(ctx context.Context, proposal *reconcile.Proposal, lock *reconcile.LockInfo) []render.StatusResource {
	statuses := []render.StatusResource{}
	store := r.session.store
	for _, result := range proposal.Results() {
		one := render.StatusResource{Address: result.Resource, ResourceStatus: statusOf(&result)}
		statuses = append(statuses, one)
	}
	for _, address := range r.undeclared {
		one := render.StatusResource{
			Address:        address,
			ResourceStatus: reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthSuspended),
		}
		one.Message = "recorded but no longer declared"
		statuses = append(statuses, one)
	}
	for i := range statuses {
		// A state that cannot be read has failed its resource already.
		if state, _, err := store.Load(ctx, statuses[i].Address); err == nil && state != nil {
			statuses[i].Objects, statuses[i].Serial, statuses[i].RecordedAt = len(state.Resources), state.Serial, state.GeneratedAt
		}
		if lock != nil {
			statuses[i].Operation = reconcile.OperationSyncing
		}
	}
	return statuses
}

func statusOf(result *reconcile.MetaResult) reconcile.ResourceStatus {
	status := result.Health()
	if status.Sync == "" {
		status = reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthProgressing)
	}
	switch result.Status {
	case reconcile.StatusSynced:
		status.Sync = reconcile.SyncStatusSynced
	case reconcile.StatusDrifted, reconcile.StatusDenied:
		status.Sync = reconcile.SyncStatusOutOfSync
		if nothingThere(result.Plan) {
			status.Health = reconcile.HealthMissing
		}
		status.Message = changesOf(result.Plan)
	case reconcile.StatusSuspended:
		status = reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthSuspended)
	case reconcile.StatusDeferred:
		status = reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthProgressing)
		status.Operation, status.Message = reconcile.OperationWaiting, result.Err().Error()
	case reconcile.StatusSkipped:
		status = reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthProgressing)
		status.Operation, status.Message = reconcile.OperationWaiting, result.Error
	default:
		status = reconcile.NewResourceStatus(reconcile.SyncStatusUnknown, reconcile.HealthDegraded)
		status.Message = result.Error
	}
	return status
}

// nothingThere reports whether a plan only creates: none of the declared objects
// exists.
func nothingThere(plan *reconcile.Plan) bool {
	if plan == nil || plan.Summary.Creates == 0 {
		return false
	}
	_, some := plan.Metadata[reconcile.MetadataUnchanged]
	return !some && plan.Summary.Creates == plan.Summary.Total()
}

func changesOf(plan *reconcile.Plan) string {
	if plan == nil {
		return ""
	}
	sum := plan.Summary
	return fmt.Sprintf("%d to create, %d to update, %d to delete", sum.Creates, sum.Updates, sum.Deletes)
}
