package reconcile

import (
	"context"
	"fmt"
)

// AllowAll is a gate that allows every plan. Tests say it; a program that
// applies changes for people does not.
type AllowAll struct{}

// Review allows.
func (AllowAll) Review(_ context.Context, review Review) (Decision, error) {
	return Decision{Allowed: true, PlanDigest: review.Digest}, nil
}

// PruneGate is the gate of [RunMeta], in plain Go: it denies deletes on a
// resource without prune, those of a bare summary too, and allows the rest.
type PruneGate struct{}

// Review denies deletes without prune.
func (PruneGate) Review(_ context.Context, review Review) (Decision, error) {
	decision := Decision{PlanDigest: review.Digest}
	if !review.Resource.Prune {
		decision.Findings = pruneFindings(review)
	}
	decision.Allowed = len(decision.Findings) == 0
	return decision, nil
}

func pruneFindings(review Review) []Finding {
	var findings []Finding
	for _, action := range review.Plan.Actions {
		if action.Action == ActionDelete {
			findings = append(findings, pruneFinding(review.Resource.Name, action.Name,
				fmt.Sprintf("deletes %s %q without prune", action.ResourceType, action.Name)))
		}
	}
	if len(findings) == 0 && review.Plan.Summary.Deletes > 0 {
		findings = append(findings, pruneFinding(review.Resource.Name, "",
			fmt.Sprintf("deletes %d objects without prune", review.Plan.Summary.Deletes)))
	}
	return findings
}

func pruneFinding(resource, object, message string) Finding {
	return Finding{
		Rule: "cogplan.builtin.prune", Level: LevelHardMandatory, Message: message,
		Resource: resource, Object: object,
		Remedy: "set prune = true on " + resource + ", or declare the object again",
	}
}
