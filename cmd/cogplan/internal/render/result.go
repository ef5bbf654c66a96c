package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Applied is what is shown after an apply.
type Applied struct {
	Results []reconcile.MetaResult
	Sources Sources
	// Where is the header of the block that declares an address.
	Where func(address string) (hcl.Range, bool)
	// Explain makes messages of the error of a resource.
	Explain func(result reconcile.MetaResult) []Message
	// Deferred tells which resources were deferred when the plan was shown: what
	// was done about them has not been seen yet.
	Deferred func(address string) bool
	// Outputs of the module, where the apply went through.
	Outputs []lang.Output
	// Elapsed is how long the apply took.
	Elapsed time.Duration
	// Next is the command that is suggested; empty for none.
	Next string
}

// Applied writes the outcome of an apply as text: what went wrong in full, what
// went well as a number.
func (s Style) Applied(applied *Applied) string {
	p := &printer{style: s}
	counts, waiting := CountApplied(applied.Results), countWaiting(applied.Results)
	view := &Plan{Sources: applied.Sources, Where: applied.Where, Explain: applied.Explain}
	for i := range applied.Results {
		result := &applied.Results[i]
		if result.Status == reconcile.StatusApplied && applied.Deferred(result.Resource) {
			p.followed(view, result)
		}
		p.outcome(view, result)
	}
	title, sgr := "Applied: ", sgrGreen
	if counts.Incomplete() {
		title, sgr = "Applied in part: ", sgrLoud
		if counts.Done() == 0 {
			title = "Nothing was applied: "
		}
	}
	p.line(p.style.paint("1;"+sgr, title), p.phrases(
		phrase{counts.Created, "created", ""}, phrase{counts.Updated, "updated", ""}, phrase{counts.Deleted, "deleted", ""},
		phrase{counts.Failed, "FAILED", sgrLoud}, phrase{counts.Skipped, "not reached", sgrYellow},
		phrase{counts.Resources[reconcile.StatusDenied] - waiting, "resources DENIED", sgrLoud},
		phrase{waiting, "waiting for approval", sgrYellow},
	), " ", p.style.dim("("+Elapsed(applied.Elapsed)+")"))
	p.outputs(applied.Outputs)
	if applied.Next != "" {
		p.line()
		p.line(p.style.bold("Next: "), Escape(applied.Next))
	}
	return p.String()
}

// followed writes what was done about a resource that had been deferred.
func (p *printer) followed(view *Plan, result *reconcile.MetaResult) {
	p.resourceHeader(view, result)
	p.actions(view, result)
	p.findings(view, result.Resource, result.Decision())
	p.line()
}

// outcome writes a resource that did not end well.
func (p *printer) outcome(view *Plan, result *reconcile.MetaResult) {
	switch result.Status {
	case reconcile.StatusFailed, reconcile.StatusDenied, reconcile.StatusSkipped, reconcile.StatusDeferred:
	default:
		for _, warning := range result.Warnings() {
			p.marked(sgrYellow, "!", Escape(result.Resource)+": warning: "+warning)
		}
		return
	}
	p.resourceHeader(view, result)
	for _, action := range result.Results() {
		if action.Status != reconcile.ApplySucceeded {
			p.failedAction(&action)
		}
	}
	p.waitsFor(result)
	p.resourceErrors(view, result)
	if result.Status == reconcile.StatusDenied {
		p.findings(view, result.Resource, result.Decision())
	}
	p.line()
}

func (p *printer) failedAction(action *reconcile.Result) {
	symbol, sgr := "x", sgrLoud
	text := action.Action + " " + action.Name
	if action.Status == reconcile.ApplySkipped {
		symbol, sgr = ".", sgrDim
		text += " was not reached"
	}
	if action.Error != "" {
		text += ": " + action.Error
	}
	p.marked(sgr, symbol, text)
}

// Counts are the outcomes of the actions and the resources of an apply.
type Counts struct {
	Created, Updated, Deleted, Failed, Skipped int
	// Resources by status.
	Resources map[string]int
}

// Done is the number of actions that succeeded.
func (c Counts) Done() int { return c.Created + c.Updated + c.Deleted }

// Incomplete reports whether anything was not applied that should have been.
func (c Counts) Incomplete() bool {
	r := c.Resources
	return c.Failed+c.Skipped > 0 ||
		r[reconcile.StatusFailed]+r[reconcile.StatusDenied]+r[reconcile.StatusSkipped]+r[reconcile.StatusDeferred]+r[reconcile.StatusDrifted] > 0
}

// CountApplied counts the outcomes of an apply.
func CountApplied(results []reconcile.MetaResult) Counts {
	counts := Counts{Resources: map[string]int{}}
	for i := range results {
		counts.Resources[results[i].Status]++
		for _, action := range results[i].Results() {
			counts.add(&action)
		}
	}
	return counts
}

func (c *Counts) add(action *reconcile.Result) {
	switch action.Status {
	case reconcile.ApplyFailed:
		c.Failed++
	case reconcile.ApplySkipped:
		// A skip that was planned leaves an object as it is; it is no outcome.
		if action.Action != string(reconcile.ActionSkip) {
			c.Skipped++
		}
	case reconcile.ApplySucceeded:
		switch reconcile.ActionType(action.Action) {
		case reconcile.ActionCreate:
			c.Created++
		case reconcile.ActionUpdate:
			c.Updated++
		case reconcile.ActionDelete:
			c.Deleted++
		case reconcile.ActionSkip:
		}
	}
}

// Outputs writes the outputs of a module as text.
func (s Style) Outputs(outputs []lang.Output) string {
	p := &printer{style: s}
	p.outputLines("", outputs)
	return p.String()
}

func (p *printer) outputs(outputs []lang.Output) {
	if len(outputs) == 0 {
		return
	}
	p.line()
	p.line(p.style.bold("Outputs:"))
	p.outputLines("  ", outputs)
}

func (p *printer) outputLines(indent string, outputs []lang.Output) {
	width := 0
	for i := range outputs {
		width = max(width, len(outputs[i].Name))
	}
	for i := range outputs {
		p.output(indent, &outputs[i], width)
	}
}

func (p *printer) output(indent string, output *lang.Output, width int) {
	label := fmt.Sprintf("%-*s = ", width, Escape(output.Name))
	text, isText := output.Value.(string)
	switch {
	case output.Sensitive && output.Value == nil:
		p.line(indent, label, "(sensitive)")
	case !output.Known:
		p.line(indent, label, "(not known yet: waits for ", Escape(strings.Join(output.WaitsFor, ", ")), ")")
	case isText && isMultiline(text):
		p.line(indent, label, "<<-EOT")
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			p.line(indent, "  ", strings.TrimRight(escapeLine(line), " "))
		}
		p.line(indent, "EOT")
	default:
		p.line(indent, label, Value(output.Value))
	}
}

// Elapsed is a duration as people say it.
func Elapsed(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// OutputBlock writes the outputs of a module below a heading.
func (s Style) OutputBlock(outputs []lang.Output) string {
	p := &printer{style: s}
	p.outputs(outputs)
	return p.String()
}
