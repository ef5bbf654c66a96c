package wasm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/runtime/wasm/internal/guestfs"
	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// Fault says what kind of failure a [ProviderError] is.
type Fault string

// The faults.
const (
	// FaultGuest: the provider answered that it failed.
	FaultGuest Fault = "error"
	// FaultTemporary: the same, and it may succeed when tried again.
	FaultTemporary Fault = "temporary"
	// FaultConfig: the provider blames an argument; Path says which.
	FaultConfig Fault = "config"
	// FaultStale: the object is not any more what the plan saw.
	FaultStale Fault = "stale"
	// FaultUnsupported: the provider cannot do what was asked.
	FaultUnsupported Fault = "unsupported"
	// FaultCrash: the provider or its worker process died.
	FaultCrash Fault = "crash"
	// FaultLimit: the provider met a limit and was stopped.
	FaultLimit Fault = "limit"
	// FaultViolation: the provider tried what it must not do; Attempts says what.
	FaultViolation Fault = "violation"
	// FaultProtocol: the provider's answer is not what the protocol asks for.
	FaultProtocol Fault = "protocol"
)

// A ProviderError is a failed call of a provider. Its texts are safe to show:
// no control characters, no secrets, and no longer than a page.
type ProviderError struct {
	// Provider is the module's name for the provider.
	Provider string
	// Resource is the address of the resource; empty during describe.
	Resource string
	// Doing says what the call was for: "reading the world".
	Doing   string
	Fault   Fault
	Message string
	// Path of the blamed argument with FaultConfig: names of arguments and
	// blocks, labels of blocks (string) and positions in lists (int64).
	Path []any
	// Attempts are the violations: "write out/x: the grant covers reading only".
	Attempts []string
	// RetryAfter is the provider's advice with FaultTemporary; 0 for none.
	RetryAfter time.Duration

	createdID string
	cause     error
}

// Error names provider, resource, phase and what happened.
func (e *ProviderError) Error() string {
	where := ""
	if e.Resource != "" {
		where = " (" + e.Resource + ")"
	}
	return fmt.Sprintf("provider %q%s, while %s: %s", e.Provider, where, e.Doing, e.Message)
}

// Unwrap is the cause below, if there is one.
func (e *ProviderError) Unwrap() error { return e.cause }

// explain puts an error of a call into a [ProviderError].
func (p *Provider) explain(resource, doing string, err error) error {
	return p.explainWith(p.redactor, resource, doing, err)
}

// explainWith is explain with the secrets of a resource.
func (p *Provider) explainWith(r *redactor, resource, doing string, err error) error {
	if _, ok := errors.AsType[*ProviderError](err); ok {
		return err
	}
	e := &ProviderError{Provider: p.info.Name, Resource: resource, Doing: doing, Fault: FaultProtocol, Message: r.show(err.Error()), cause: err}
	var lost *lostError
	var failed *outcomeError
	switch {
	case errors.As(err, &lost):
		e.Fault, e.Message = FaultCrash, r.show(lost.reason)
		if lost.limit {
			e.Fault = FaultLimit
		}
	case errors.As(err, &failed):
		failed.fill(e, r)
	}
	return e
}

// outcomeError is a call that the worker says did not go well.
type outcomeError struct {
	outcome pipe.Outcome
	limits  abi.Limits
	// applying changes the words for violations.
	applying bool
}

func (e *outcomeError) Error() string { return "the call failed" }

// check turns an outcome into an error, or into nil where all is well.
func check(o pipe.Outcome, limits abi.Limits, applying bool) error {
	if o.Status == pipe.OK && len(o.Report.Violations) == 0 && !o.Report.Limited && !(applying && o.Report.Unwritten) {
		return nil
	}
	return &outcomeError{outcome: o, limits: limits, applying: applying}
}

// gone reports whether the instance died or was thrown away.
func (e *outcomeError) gone() bool {
	return e.outcome.Status == pipe.Trapped || e.outcome.Status == pipe.Broken || e.outcome.Status == pipe.Exceeded || len(e.outcome.Report.Violations) > 0
}

// fill says what happened, the worst first.
func (e *outcomeError) fill(to *ProviderError, r *redactor) {
	report := &e.outcome.Report
	switch {
	case len(report.Violations) > 0:
		to.Fault = FaultViolation
		to.Attempts = attempts(report.Violations, r)
		to.Message = violationText(to.Attempts, e.applying)
		return
	case report.Limited:
		to.Fault, to.Message = FaultLimit, r.show(strings.Join(report.Problems, "; "))
		return
	}
	switch e.outcome.Status {
	case pipe.GuestError:
		e.guest(to, r)
	case pipe.Trapped:
		to.Fault, to.Message = FaultCrash, r.show(e.outcome.Detail)
	case pipe.Exceeded:
		to.Fault, to.Message = FaultLimit, r.show(e.outcome.Detail)
	case pipe.Broken:
		to.Fault, to.Message = FaultProtocol, r.show(e.outcome.Detail)
	case pipe.Lost, pipe.OK:
		to.Fault, to.Message = FaultGuest, r.show(e.outcome.Detail)
	}
	to.Message = withHints(to.Message, report, r)
}

func (e *outcomeError) guest(to *ProviderError, r *redactor) {
	m, err := abi.DecodeErrorMessage(e.outcome.Body, e.limits)
	if err != nil {
		to.Fault, to.Message = FaultProtocol, "it failed, and its error message is malformed: "+r.show(err.Error())
		return
	}
	to.Fault, to.Message, to.Path = FaultGuest, r.show(m.Message), m.Path
	to.RetryAfter = time.Duration(m.RetryAfter) * time.Millisecond
	to.createdID = m.CreatedID
	switch m.Kind {
	case abi.KindTemporary:
		to.Fault = FaultTemporary
	case abi.KindConfig:
		to.Fault = FaultConfig
	case abi.KindStale:
		to.Fault = FaultStale
	case abi.KindUnsupported:
		to.Fault = FaultUnsupported
	case abi.KindError:
	}
}

func attempts(violations []guestfs.Violation, r *redactor) []string {
	var list []string
	for _, v := range violations {
		list = append(list, clip(r.show(v.Op+" "+v.Path), 300)+": "+r.show(v.Why))
	}
	return list
}

func violationText(attempts []string, applying bool) string {
	rule := "a provider may only read while a plan is made"
	if applying {
		rule = "a provider may only do what the reviewed action says"
	}
	return fmt.Sprintf("it was stopped because it tried to %s (%s)", strings.Join(attempts, "; and to "), rule)
}

// withHints adds what the host knows and the guest does not: why the machine
// refused, and what nobody granted.
func withHints(text string, report *guestfs.Report, r *redactor) string {
	for _, problem := range report.Problems {
		if problem = r.show(problem); !strings.Contains(text, problem) {
			text = strings.TrimPrefix(text+"; "+problem, "; ")
		}
	}
	if len(report.Missing) > 0 {
		text += fmt.Sprintf(" (it also looked for %s, which no grant covers)", r.show(strings.Join(report.Missing, ", ")))
	}
	return text
}
