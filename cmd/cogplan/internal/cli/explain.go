package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// explain makes messages of the error of a resource: what, where, what to do.
func (s *session) explain(result reconcile.MetaResult) []render.Message {
	err := result.Err()
	if err == nil {
		return nil
	}
	at, _ := s.where(result.Resource)
	if diags, ok := errors.AsType[*lang.DiagnosticsError](err); ok {
		return s.withoutConfig(result.Resource, render.FromDiagnostics(diags.Diagnostics))
	}
	if errors.Is(err, reconcile.ErrFenced) {
		m := resourceError(err)
		m.Detail += unrecordedWords(result.Results())
		return []render.Message{located(m, at)}
	}
	if _, ok := errors.AsType[*wasm.ProviderError](err); !ok && failedActions(result) {
		return nil // each of them says why
	}
	return []render.Message{s.explainError(err, at)}
}

// explainError makes a message of an error about what is declared at a place.
func (s *session) explainError(err error, at hcl.Range) render.Message {
	if failed, ok := errors.AsType[*wasm.ProviderError](err); ok {
		return s.providerFault(failed, at)
	}
	return located(resourceError(err), at)
}

// withoutConfig says what to do about a resource that is to be destroyed and
// reads what is gone already: its configuration says where it is.
func (s *session) withoutConfig(address string, messages []render.Message) []render.Message {
	if s.use.purpose == wasm.PurposeDestroy && len(messages) > 0 {
		messages[0].Detail += "\nIt is to be destroyed, and its configuration has to say where it is. " +
			"If nothing of it is left in the world, forget it: cogplan state rm " + shellWord(address)
	}
	return messages
}

// unrecordedWords tell what was made when the lock was somebody else's already: the
// other run may not have seen it.
func unrecordedWords(results []reconcile.Result) string {
	const most = 10
	var made []string
	for _, r := range results {
		if r.CreatedID != "" {
			made = append(made, fmt.Sprintf("%s (%s)", render.Escape(r.Name), render.Escape(r.CreatedID)))
		}
	}
	if len(made) == 0 {
		return ""
	}
	if rest := len(made) - most; rest > 0 {
		made = append(made[:most], fmt.Sprintf("and %d more", rest))
	}
	return "\nThis run made, and did not record: " + strings.Join(made, ", ") + "."
}

func failedActions(result reconcile.MetaResult) bool {
	return slices.ContainsFunc(result.Results(), func(r reconcile.Result) bool { return r.Status == reconcile.ApplyFailed })
}

func resourceError(err error) render.Message {
	if stale, ok := errors.AsType[*reconcile.StaleError](err); ok {
		return render.Errorf("The plan is stale", "Changed since it was reviewed: %s.\nPlan again.", strings.Join(stale.Moved, ", "))
	}
	if unhealthy, ok := errors.AsType[*reconcile.UnhealthyError](err); ok {
		return unhealthyMessage(unhealthy)
	}
	if fenced, ok := errors.AsType[*reconcile.FencedError](err); ok {
		return render.Errorf("The lock was taken away", "%s.", sentence(fenced))
	}
	summary, remedy := "The resource failed", ""
	switch {
	case errors.Is(err, reconcile.ErrLocked):
		summary = "The state is locked"
	case errors.Is(err, reconcile.ErrCorrupt):
		summary = "The state is damaged"
	case errors.Is(err, reconcile.ErrConflict):
		summary = "The state has changed meanwhile"
		remedy = "\nPlan again."
	case errors.Is(err, reconcile.ErrUnknownProvider):
		summary = "No provider"
	case errors.Is(err, reconcile.ErrPanic), errors.Is(err, reconcile.ErrInvalidPlan):
		summary = "The provider is faulty"
	}
	return render.Errorf(summary, "%s.%s", strings.TrimSuffix(sentence(err), "."), remedy)
}

// unhealthyMessage tells how something fares that is as declared.
func unhealthyMessage(unhealthy *reconcile.UnhealthyError) render.Message {
	detail := fmt.Sprintf("It is as declared, and %s after %s", unhealthy.Status.Health, render.Elapsed(unhealthy.Waited))
	if unhealthy.Status.Message != "" {
		detail += ": " + render.Escape(strings.TrimSuffix(unhealthy.Status.Message, "."))
	}
	return render.Errorf("Not healthy", "%s.\nWhat was applied is recorded. `cogplan status` shows how it fares; the next apply waits again, "+
		"as long as timeouts { health } says.", detail)
}

// providerFault tells what a provider did not manage. Where it blames an
// argument, the message is at that argument.
func (s *session) providerFault(failed *wasm.ProviderError, at hcl.Range) render.Message {
	summary, remedy := faultWords(failed)
	// A new line in the provider's words must not look like one of ours.
	words := render.Escape(strings.TrimSuffix(strings.TrimSpace(failed.Message), "."))
	detail := fmt.Sprintf("Provider %q, while %s: %s", failed.Provider, failed.Doing, words)
	m := render.Errorf(summary, "%s.%s", detail, remedy)
	if failed.Fault == wasm.FaultConfig {
		if rng, ok := s.argument(at, failed.Path); ok {
			at = rng
		}
	}
	return located(m, at)
}

func faultWords(failed *wasm.ProviderError) (summary, remedy string) {
	switch failed.Fault {
	case wasm.FaultConfig:
		return "The provider rejects an argument", ""
	case wasm.FaultTemporary:
		return "The provider failed, for now", "\nTry again later."
	case wasm.FaultCrash:
		return "The provider crashed", "\nThe fault is the provider's; tell its author."
	case wasm.FaultLimit:
		return "The provider met a limit", ""
	case wasm.FaultViolation:
		return "The provider was stopped", "\nDo not trust this provider before you know why it tried that."
	case wasm.FaultProtocol:
		return "The provider gave an answer that is no answer", "\nThe fault is the provider's; tell its author."
	case wasm.FaultStale:
		return "The world has changed since the plan", "\nPlan again."
	case wasm.FaultUnsupported, wasm.FaultGuest:
		return "The provider failed", ""
	default:
		return "The provider failed", ""
	}
}

// providerMessage tells why a provider block cannot be used.
func (s *session) providerMessage(err error, block *lang.ProviderConfig) []render.Message {
	if diags, ok := errors.AsType[*lang.DiagnosticsError](err); ok {
		return render.FromDiagnostics(diags.Diagnostics)
	}
	if deferred, ok := errors.AsType[*reconcile.DeferredError](err); ok {
		return []render.Message{render.Errorf("Provider needs what is not known yet",
			"The config block of provider %q reads %s, which is known only after an apply. Give it values that are known before.",
			block.Name, strings.Join(deferred.WaitsFor, ", ")).At(block.Range)}
	}
	if failed, ok := errors.AsType[*wasm.ProviderError](err); ok {
		return []render.Message{s.providerFault(failed, block.SourceRange)}
	}
	at := block.SourceRange
	if strings.Contains(err.Error(), "allow block") || strings.Contains(err.Error(), "grant") {
		at = block.AllowRange
	}
	return []render.Message{located(render.Errorf("Provider cannot be used", "%s.", strings.TrimSuffix(sentence(err), ".")), at)}
}
