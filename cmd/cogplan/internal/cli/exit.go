package cli

import (
	"errors"
	"fmt"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The exit codes. They are part of the interface: docs/cli.md lists them.
const (
	exitDone    = 0
	exitError   = 1
	exitChanges = 2
	exitDenied  = 3
	// exitUnapproved is for what only approvals are missing of.
	exitUnapproved = 4
	exitStale      = 5
	exitPartial    = 6
	exitUsage      = 64
)

// outcome is how a command ended, as the JSON documents name it.
type outcome string

// The outcomes.
const (
	outcomeNoChanges  outcome = "no-changes"
	outcomeChanges    outcome = "changes"
	outcomeApplied    outcome = "applied"
	outcomePartial    outcome = "applied-in-part"
	outcomeDenied     outcome = "denied"
	outcomeUnapproved outcome = "unapproved"
	outcomeStale      outcome = "stale"
	outcomeWarned     outcome = "warned"
	outcomeCancelled  outcome = "cancelled"
	outcomeFailed     outcome = "failed"
	outcomeInvalid    outcome = "invalid"
	outcomeUsage      outcome = "usage"
)

// exitCode is the one place where the exit code is chosen. Only with
// -detailed-exitcode do changes have a code of their own.
func exitCode(o outcome, detailed bool) int {
	switch o {
	case outcomeNoChanges, outcomeApplied, outcomeAllowed:
		return exitDone
	case outcomeChanges:
		if detailed {
			return exitChanges
		}
		return exitDone
	case outcomeDenied:
		return exitDenied
	case outcomeUnapproved:
		return exitUnapproved
	case outcomeStale:
		return exitStale
	case outcomePartial:
		return exitPartial
	case outcomeUsage:
		return exitUsage
	case outcomeWarned, outcomeCancelled, outcomeFailed, outcomeInvalid:
		return exitError
	default:
		return exitError
	}
}

// endError ends a command that has told its user everything already.
type endError struct {
	outcome  outcome
	detailed bool
}

// Error names the outcome; nobody is shown it.
func (e *endError) Error() string { return string(e.outcome) }

// end returns the error for an outcome; nil where all is well.
func end(o outcome, detailed bool) error {
	if exitCode(o, detailed) == exitDone {
		return nil
	}
	return &endError{o, detailed}
}

// usageError is a mistake on the command line.
type usageError struct{ text string }

// Error says what is wrong.
func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// codeOf is the exit code for what a command returned.
func codeOf(err error) int {
	if err == nil {
		return exitDone
	}
	if ended, ok := errors.AsType[*endError](err); ok {
		return exitCode(ended.outcome, ended.detailed)
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitCode(outcomeUsage, false)
	}
	if errors.Is(err, reconcile.ErrFenced) {
		return exitCode(outcomeStale, false)
	}
	return exitCode(outcomeFailed, false)
}

// planOutcome is the outcome of a proposal. A failure weighs more than a
// denial: what could not be planned could not be ruled on either.
func planOutcome(proposal *reconcile.Proposal) outcome {
	switch {
	case proposal.Failed():
		return outcomeFailed
	case proposal.Denied():
		return deniedOutcome(proposal.Decisions())
	case proposal.HasChanges():
		return outcomeChanges
	default:
		return outcomeNoChanges
	}
}

// applyOutcome is the outcome of an apply. Whoever reads it has to know first
// whether the world has changed.
func applyOutcome(results []reconcile.MetaResult, cancelled bool) outcome {
	counts := render.CountApplied(results)
	switch {
	case !counts.Incomplete():
		return outcomeApplied
	case counts.Done() > 0 || counts.Resources[reconcile.StatusApplied] > 0:
		return outcomePartial
	case anyResult(results, reconcile.ErrStale), anyResult(results, reconcile.ErrFenced):
		return outcomeStale
	case counts.Resources[reconcile.StatusFailed] > 0:
		return outcomeFailed
	case counts.Resources[reconcile.StatusDenied] > 0:
		return deniedResults(results)
	case cancelled:
		return outcomeCancelled
	default:
		return outcomeFailed
	}
}

func anyResult(results []reconcile.MetaResult, target error) bool {
	for i := range results {
		if errors.Is(results[i].Err(), target) {
			return true
		}
	}
	return false
}
