package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
)

// A plan that is asked about twice is ruled on once, another one anew; the log
// has each answer.
func TestLateGateRulesOnceOnOnePlan(t *testing.T) {
	var lines strings.Builder
	asked := 0
	g := loadGate(t.Context(), policy.Options{Now: time.Unix(1, 0)}, &decisionLog{now: time.Now, out: &lines})
	ask := func(digest string) reconcile.Decision {
		t.Helper()
		decision, err := g.once(digest, func() (reconcile.Decision, error) {
			asked++
			return reconcile.Decision{PlanDigest: digest, Findings: []reconcile.Finding{{Message: digest}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return decision
	}
	ask("a")
	if ask("b").PlanDigest != "b" || ask("b").Findings[0].Message != "b" || asked != 2 {
		t.Errorf("asked %d times for two plans", asked)
	}
	plan := &reconcile.Plan{ResourceType: "file.a", Actions: []reconcile.Action{}}
	review := reconcile.Review{Plan: plan, Digest: "sha256:1", Resource: reconcile.MetaResource{Name: "file.a"}}
	for range 2 {
		decision, err := g.Review(t.Context(), review)
		if err != nil || !decision.Allowed || decision.PlanDigest != review.Digest {
			t.Fatalf("%+v, %v", decision, err)
		}
	}
	if n := strings.Count(lines.String(), "\n"); n != 2 {
		t.Errorf("the log has %d lines, want one for each answer", n)
	}
}
