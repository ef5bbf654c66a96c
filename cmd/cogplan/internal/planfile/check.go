package planfile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// check refuses a plan that contradicts itself: what is shown of it must be what
// its digests stand for.
func (p *Plan) check() error {
	if p.Command != "apply" && p.Command != "destroy" {
		return fmt.Errorf("it is for the command %q, which there is not", p.Command)
	}
	seen := map[string]bool{}
	for i := range p.Resources {
		r := &p.Resources[i]
		if seen[r.Address] || r.Address == "" {
			return fmt.Errorf("it holds the resource %q twice, or without a name", r.Address)
		}
		seen[r.Address] = true
		if err := r.check(); err != nil {
			return fmt.Errorf("%s: %w", r.Address, err)
		}
	}
	proposal := p.Proposal()
	switch {
	case proposal.Digest() != p.Digest:
		return errors.New("its digest is not that of its resources")
	case proposal.Summary() != p.Summary:
		return errors.New("its summary is not that of its resources")
	case p.Run != nil && (p.Run.PlanDigest != p.Digest || p.Run.PolicyDigest != p.PolicyDigest):
		return errors.New("its ruling is on another plan, or by other policies")
	case p.Run != nil && p.Run.Allowed && len(p.Run.Denials()) > 0:
		return errors.New("its ruling allows what it denies")
	}
	return nil
}

func statuses() []string {
	return []string{
		reconcile.StatusSynced, reconcile.StatusDrifted, reconcile.StatusDenied, reconcile.StatusDeferred,
		reconcile.StatusFailed, reconcile.StatusSkipped, reconcile.StatusSuspended,
	}
}

func (r *Resource) check() error {
	if !slices.Contains(statuses(), r.Status) {
		return fmt.Errorf("it has the unknown status %q", r.Status)
	}
	if r.Plan == nil {
		if r.Digest != "" || r.Decision != nil {
			return errors.New("it has a ruling and no plan")
		}
		return r.checkUnplanned()
	}
	digest, err := reconcile.PlanDigest(r.Plan)
	switch {
	case err != nil:
		return err
	case digest != r.Components.Plan:
		return errors.New("its plan is not the one that was reviewed")
	case r.Components.Digest() != r.Digest:
		return errors.New("its digest is not that of what it rests on")
	case r.Decision == nil || r.Decision.PlanDigest != r.Digest:
		return errors.New("its ruling is on another plan")
	case r.Decision.Allowed && len(r.Decision.Denials()) > 0:
		return errors.New("its ruling allows what it denies")
	}
	return r.checkStatus()
}

// checkStatus compares the status with the plan and the ruling.
func (r *Resource) checkStatus() error {
	changes := r.Plan.Summary.HasChanges()
	ok := true
	switch r.Status {
	case reconcile.StatusDrifted:
		ok = changes && r.Decision.Allowed
	case reconcile.StatusSynced:
		ok = !changes && r.Decision.Allowed
	case reconcile.StatusDenied:
		ok = !r.Decision.Allowed
	}
	if !ok {
		return fmt.Errorf("its status %s is not that of its plan", r.Status)
	}
	return nil
}

func (r *Resource) checkUnplanned() error {
	switch r.Status {
	case reconcile.StatusDrifted, reconcile.StatusSynced, reconcile.StatusDenied:
		return fmt.Errorf("its status is %s, and it has no plan", r.Status)
	}
	return nil
}
