package render

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// FormatVersion is the version of all JSON documents: a field may be added in a
// minor version; a field that goes away or changes its meaning is a major one.
const FormatVersion = "1.0"

// Document is the JSON of plan, apply and destroy. docs/cli.md describes it.
type Document struct {
	FormatVersion  string `json:"format_version"`
	CogplanVersion string `json:"cogplan_version"`
	// Command that was run.
	Command string `json:"command"`
	// Outcome is one of the Outcome constants.
	Outcome  string `json:"outcome"`
	ExitCode int    `json:"exit_code"`
	// Digest of the whole plan; empty where there is none.
	Digest    string             `json:"digest,omitempty"`
	Summary   *reconcile.Summary `json:"summary,omitempty"`
	Resources []ResourceDocument `json:"resources,omitempty"`
	// Policy is the ruling on the run as a whole.
	Policy *reconcile.Decision `json:"policy,omitempty"`
	// Outputs of the module, after an apply.
	Outputs map[string]OutputDocument `json:"outputs,omitempty"`
	// Undeclared are the addresses that are recorded and no longer declared.
	Undeclared []string `json:"undeclared,omitempty"`
	// Records says what an apply does to the records alone, one line for each.
	Records []string `json:"records,omitempty"`
	// Saved is the file that the plan was kept in.
	Saved string `json:"saved,omitempty"`
	// Moved says what changed since a plan file was made.
	Moved       []string             `json:"moved,omitempty"`
	Diagnostics []DiagnosticDocument `json:"diagnostics"`
}

// ResourceDocument is one resource of a [Document].
type ResourceDocument struct {
	Address string `json:"address"`
	// Status is one of the status constants of package reconcile.
	Status   string                  `json:"status"`
	Error    string                  `json:"error,omitempty"`
	WaitsFor []string                `json:"waits_for,omitempty"`
	Digest   string                  `json:"digest,omitempty"`
	Range    *RangeDocument          `json:"range,omitempty"`
	Provider *reconcile.ProviderInfo `json:"provider,omitempty"`
	Plan     *reconcile.Plan         `json:"plan,omitempty"`
	Decision *reconcile.Decision     `json:"decision,omitempty"`
	// Results of the actions that were applied.
	Results    []reconcile.Result `json:"results,omitempty"`
	Warnings   []string           `json:"warnings,omitempty"`
	DurationMs int64              `json:"duration_ms"`
}

// OutputDocument is one output of a module.
type OutputDocument struct {
	Value     any  `json:"value"`
	Sensitive bool `json:"sensitive"`
	// Known is false while the value waits for a resource.
	Known bool `json:"known"`
}

// Resources are the resources of a run, for a document.
func Resources(results []reconcile.MetaResult, where func(string) (hcl.Range, bool)) []ResourceDocument {
	out := make([]ResourceDocument, 0, len(results))
	for i := range results {
		out = append(out, resourceDocument(&results[i], where))
	}
	return out
}

func resourceDocument(result *reconcile.MetaResult, where func(string) (hcl.Range, bool)) ResourceDocument {
	doc := ResourceDocument{
		Address: result.Resource, Status: result.Status, Error: result.Error,
		Digest: result.Digest(), Plan: withoutOldSecrets(result.Plan),
		Results: result.Results(), Warnings: result.Warnings(), DurationMs: result.Duration,
	}
	if deferred, ok := errors.AsType[*reconcile.DeferredError](result.Err()); ok {
		doc.WaitsFor = deferred.WaitsFor
	}
	if rng, ok := where(result.Resource); ok {
		doc.Range = rangeDocument(&rng)
	}
	if review := result.Review(); review.Plan != nil {
		decision := result.Decision()
		doc.Provider, doc.Decision = &review.Provider, &decision
	}
	return doc
}

// Outputs are outputs, for a document.
func Outputs(outputs []lang.Output) map[string]OutputDocument {
	if len(outputs) == 0 {
		return nil
	}
	out := make(map[string]OutputDocument, len(outputs))
	for i := range outputs {
		out[outputs[i].Name] = OutputDocument{Value: outputs[i].Value, Sensitive: outputs[i].Sensitive, Known: outputs[i].Known}
	}
	return out
}

// WriteJSON writes one document and a newline.
func WriteJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// progressLine is one line of progress for programs.
type progressLine struct {
	Type      string `json:"type"`
	Address   string `json:"address"`
	Phase     string `json:"phase"`
	Done      bool   `json:"done"`
	Status    string `json:"status,omitempty"`
	Error     string `json:"error,omitempty"`
	Actions   int    `json:"actions"`
	ElapsedMs int64  `json:"elapsed_ms"`
	Index     int    `json:"index"`
	Total     int    `json:"total"`
}

func writeProgressJSON(out io.Writer, progress *reconcile.Progress) {
	line := progressLine{
		Type: "progress", Address: progress.Address, Phase: string(progress.Phase), Done: progress.Done,
		Status: progress.Status, Actions: progress.Actions, ElapsedMs: progress.Elapsed.Milliseconds(),
		Index: progress.Index, Total: progress.Total,
	}
	if progress.Err != nil {
		line.Error = progress.Err.Error()
	}
	data, err := json.Marshal(line)
	if err != nil {
		return // a struct of strings and numbers always marshals
	}
	_, _ = out.Write(append(data, '\n'))
}
