package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		outcome  outcome
		detailed bool
		want     int
	}{
		{outcomeNoChanges, false, 0},
		{outcomeNoChanges, true, 0},
		{outcomeApplied, false, 0},
		{outcomeChanges, false, 0},
		{outcomeChanges, true, 2},
		{outcomeDenied, true, 3},
		{outcomeStale, false, 5},
		{outcomePartial, false, 6},
		{outcomeFailed, true, 1},
		{outcomeInvalid, true, 1},
		{outcomeWarned, true, 1},
		{outcomeCancelled, false, 1},
		{outcomeUsage, false, 64},
		{"something new", false, 1},
	} {
		t.Run(fmt.Sprintf("%s/%t", tc.outcome, tc.detailed), func(t *testing.T) {
			if got := exitCode(tc.outcome, tc.detailed); got != tc.want {
				t.Errorf("exit code %d, want %d", got, tc.want)
			}
			if got := codeOf(end(tc.outcome, tc.detailed)); got != tc.want {
				t.Errorf("the code of the command is %d, want %d", got, tc.want)
			}
		})
	}
}

func TestCodeOfErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"none", nil, 0},
		{"any", errors.New("x"), 1},
		{"usage", usagef("x"), 64},
		{"wrapped usage", fmt.Errorf("y: %w", usagef("x")), 64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := codeOf(tc.err); got != tc.want {
				t.Errorf("exit code %d, want %d", got, tc.want)
			}
		})
	}
}

// What went wrong with a run as a whole is never exit code 0, though each resource is
// as it should be; that it was interrupted is told by the outcome.
func TestErrorsOfARunAreNoSuccess(t *testing.T) {
	denied := &reconcile.DeniedError{Decision: reconcile.Decision{Findings: []reconcile.Finding{{Rule: "x", Level: reconcile.LevelHardMandatory}}}}
	for _, tc := range []struct {
		name string
		err  error
		want outcome
	}{
		{"none", nil, outcomeApplied},
		{"interrupted", errors.Join(context.Canceled, nil), outcomeApplied},
		{"journal", errors.Join(nil, errors.New("close the journal: disk full")), outcomeFailed},
		{"lease", errors.Join(context.Canceled, fmt.Errorf("%w: the run ends here", reconcile.ErrFenced)), outcomeStale},
		{"denied", denied, outcomeDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run := &appliedRun{results: []reconcile.MetaResult{{Resource: "a", Status: reconcile.StatusSynced}}}
			run.errs = untold(tc.err, run.results)
			if got := run.outcome(false); got != tc.want {
				t.Errorf("outcome %s, want %s", got, tc.want)
			}
		})
	}
}
