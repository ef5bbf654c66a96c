package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Plan is what is shown of a proposal.
type Plan struct {
	// Command that made the plan: plan, apply, destroy.
	Command  string
	Proposal *reconcile.Proposal
	Sources  Sources
	// Where is the header of the block that declares an address.
	Where func(address string) (hcl.Range, bool)
	// Explain makes messages of the error of a resource.
	Explain func(result reconcile.MetaResult) []Message
	// Full shows every value as it is, however long.
	Full bool
	// Compact gives each change one line, however few there are.
	Compact bool
	// Effects shows what each change will do to the world.
	Effects bool
	// Records says what an apply does to the records alone, one line for each.
	Records []string
	// Next is the command that is suggested; empty for none.
	Next string
	// Destroy says that the plan takes everything away, and Undeclared that
	// something is recorded that nobody declares.
	Destroy    bool
	Undeclared bool
	// Saved is the file that the plan was kept in; empty for none.
	Saved string
}

// Plan writes the plan as text.
func (s Style) Plan(plan *Plan) string {
	p := &printer{style: s}
	results := plan.Proposal.Results()
	p.planHeader(results)
	for i := range results {
		p.resource(plan, &results[i])
	}
	p.records(plan.Records)
	p.runFindings(plan)
	p.planFooter(plan, results)
	return p.String()
}

func (p *printer) planHeader(results []reconcile.MetaResult) {
	n, waiting := countStatuses(results), countWaiting(results)
	p.line(p.style.bold(number(len(results), "resource")), ": ", p.phrases(
		phrase{n[reconcile.StatusDenied] - waiting, "DENIED", sgrLoud},
		phrase{n[reconcile.StatusFailed], "failed", sgrLoud},
		phrase{waiting, "waiting for approval", sgrYellow},
		phrase{n[reconcile.StatusSkipped], "skipped", sgrYellow},
		phrase{n[reconcile.StatusDrifted], "with changes", ""},
		phrase{n[reconcile.StatusDeferred], "deferred", ""},
		phrase{n[reconcile.StatusSuspended], "suspended", ""},
		phrase{n[reconcile.StatusSynced], "in sync", ""},
	))
}

func countStatuses(results []reconcile.MetaResult) map[string]int {
	counts := map[string]int{}
	for i := range results {
		counts[results[i].Status]++
	}
	return counts
}

// resource writes one resource; one that is in sync and has nothing to say is
// only counted.
func (p *printer) resource(plan *Plan, result *reconcile.MetaResult) {
	if !notable(result) {
		return
	}
	p.line()
	p.resourceHeader(plan, result)
	if result.Plan != nil {
		p.actions(plan, result)
	}
	p.waitsFor(result)
	for _, warning := range result.Warnings() {
		p.marked(sgrYellow, "!", warning)
	}
	p.resourceErrors(plan, result)
	p.findings(plan, result.Resource, result.Decision())
}

func notable(result *reconcile.MetaResult) bool {
	if result.Status != reconcile.StatusSynced {
		return true
	}
	return len(result.Warnings()) > 0 || len(result.Decision().Findings) > 0
}

func (p *printer) resourceHeader(plan *Plan, result *reconcile.MetaResult) {
	where := ""
	if rng, ok := plan.Where(result.Resource); ok {
		where = "  " + p.style.dim(place(rng))
	}
	status, sgr := statusWords(result)
	p.line(p.style.bold(Escape(result.Resource)), "  ", p.style.paint(sgr, status), where)
}

func statusWords(result *reconcile.MetaResult) (words, sgr string) {
	switch result.Status {
	case reconcile.StatusDrifted:
		return changeWords(result.Plan), sgrYellow
	case reconcile.StatusDenied:
		if waits(result) {
			return "needs approval", sgrYellow
		}
		return "DENIED by policy", sgrLoud
	case reconcile.StatusFailed:
		return "FAILED", sgrLoud
	case reconcile.StatusSynced:
		return "in sync", sgrGreen
	case reconcile.StatusApplied:
		return "applied", sgrGreen
	default:
		return result.Status, sgrCyan
	}
}

// waits reports whether a denied resource lacks nothing but approvals.
func waits(result *reconcile.MetaResult) bool {
	return result.Status == reconcile.StatusDenied && reconcile.AwaitApproval([]reconcile.Decision{result.Decision()})
}

// countWaiting counts the denied resources that lack nothing but approvals.
func countWaiting(results []reconcile.MetaResult) int {
	n := 0
	for i := range results {
		if waits(&results[i]) {
			n++
		}
	}
	return n
}

func changeWords(plan *reconcile.Plan) string {
	if plan == nil {
		return "will change"
	}
	for _, action := range plan.Actions {
		if drifted(&action) {
			return "drifted from what was recorded"
		}
	}
	return "will change"
}

func (p *printer) waitsFor(result *reconcile.MetaResult) {
	deferred, ok := errors.AsType[*reconcile.DeferredError](result.Err())
	if !ok {
		return
	}
	p.marked("", ".", "waits for "+strings.Join(deferred.WaitsFor, ", "))
	p.line("    planned, and put before the policy, once that is known")
}

// resourceErrors writes why a resource failed or is skipped.
func (p *printer) resourceErrors(plan *Plan, result *reconcile.MetaResult) {
	switch result.Status {
	case reconcile.StatusFailed:
		for _, m := range plan.Explain(*result) {
			p.indented("  ", func(p *printer) { p.message(&m, plan.Sources) })
		}
	case reconcile.StatusSkipped:
		p.marked("", ".", result.Error)
	}
}

// marked writes text behind a mark, its further lines below its first.
func (p *printer) marked(sgr, symbol, text string) {
	indent := "    "
	for i, line := range wrap(Escape(text), p.style.width()-len(indent)) {
		if i == 0 {
			p.line("  ", p.style.paint(sgr, p.style.mark(symbol)), " ", line)
		} else {
			p.line(indent, line)
		}
	}
}

// indented writes what write writes, every line of it behind an indent.
func (p *printer) indented(indent string, write func(p *printer)) {
	inner := &printer{style: p.style}
	inner.style.Width = p.style.width() - len(indent)
	write(inner)
	for line := range strings.Lines(inner.String()) {
		if line != "\n" {
			p.WriteString(indent)
		}
		p.WriteString(line)
	}
}

func (p *printer) planFooter(plan *Plan, results []reconcile.MetaResult) {
	sum := plan.Proposal.Summary()
	p.line()
	p.overview(plan, results)
	if sum.HasChanges() {
		p.line(p.style.bold("Plan: "), p.planCounts(sum, results))
	} else {
		p.line(p.style.bold(emptyPlan(plan)))
	}
	switch ruling(plan.Proposal) {
	case rulingDeny:
		p.line()
		p.line(p.style.paint(sgrLoud, "Denied by policy."))
		p.wrapped("  ", "Nothing of this plan is applied before what is marked with "+p.style.markName("x")+" is resolved.")
	case rulingApproval:
		p.line()
		p.line(p.style.paint(sgrYellow, "Waits for approval."))
		p.wrapped("  ", "Policy denies nothing of this plan. Nothing of it is applied before what is marked with "+p.style.markName("?")+" is approved.")
	}
	if plan.Saved != "" {
		p.line()
		p.line("Kept in ", Escape(plan.Saved), ".")
	}
	if plan.Next != "" {
		p.line()
		p.line(p.style.bold("Next: "), Escape(plan.Next))
	}
	if !plan.Proposal.Failed() {
		p.line()
		p.line(p.style.dim(PlanLine(plan.Proposal)))
	}
}

// PlanLine sums a plan up in one line, for logs and for programs that read them.
func PlanLine(proposal *reconcile.Proposal) string {
	sum := proposal.Summary()
	line := fmt.Sprintf("plan %s create=%d update=%d delete=%d policy=%s",
		proposal.Digest(), sum.Creates, sum.Updates, sum.Deletes, ruling(proposal))
	if deferred := countStatuses(proposal.Results())[reconcile.StatusDeferred]; deferred > 0 {
		line += fmt.Sprintf(" deferred=%d", deferred)
	}
	return line
}

// The rulings as the last line of a plan names them.
const (
	rulingPass     = "pass"
	rulingDeny     = "deny"
	rulingApproval = "approval"
)

// ruling is what policy says about all of a proposal.
func ruling(proposal *reconcile.Proposal) string {
	switch {
	case !proposal.Denied():
		return rulingPass
	case reconcile.AwaitApproval(proposal.Decisions()):
		return rulingApproval
	default:
		return rulingDeny
	}
}

func emptyPlan(plan *Plan) string {
	switch {
	case plan.Proposal.Failed():
		return "No plan: see the errors above."
	case plan.Proposal.HasChanges():
		return "Plan: nothing to do yet; what is deferred follows."
	case plan.Destroy:
		return "Nothing to destroy: nothing that is ours is there."
	case plan.Undeclared:
		return "No changes: what is declared is as declared. Something is recorded that is not declared: see above."
	default:
		return "No changes: the world is as declared."
	}
}

func (p *printer) planCounts(sum reconcile.Summary, results []reconcile.MetaResult) string {
	replaced, unchanged := countReplaced(results), sum.Skipped+countUnchanged(results)
	text := p.phrases(
		phrase{sum.Creates - replaced, "to create", sgrGreen},
		phrase{sum.Updates, "to update", sgrYellow},
		phrase{replaced, "to REPLACE", sgrLoud},
		phrase{sum.Deletes - replaced, "to DELETE", sgrLoud},
	)
	if unchanged > 0 {
		text += fmt.Sprintf("; %d unchanged", unchanged)
	}
	if deferred := countStatuses(results)[reconcile.StatusDeferred]; deferred > 0 {
		text += "; " + number(deferred, "resource") + " to follow"
	}
	return text
}

// countUnchanged counts the declared objects that no action is about.
func countUnchanged(results []reconcile.MetaResult) int {
	n := int64(0)
	for i := range results {
		if results[i].Plan == nil {
			continue
		}
		switch count := results[i].Plan.Metadata[reconcile.MetadataUnchanged].(type) {
		case int64:
			n += count
		case float64:
			n += int64(count)
		}
	}
	return int(n)
}

func countReplaced(results []reconcile.MetaResult) int {
	n := 0
	for i := range results {
		if results[i].Plan != nil {
			for _, change := range changesOf(results[i].Plan) {
				if change.kind == kindReplace {
					n++
				}
			}
		}
	}
	return n
}

// phrase is a number of something, in words.
type phrase struct {
	n    int
	what string
	sgr  string
}

// phrases joins those that count something: "3 to create, 1 to update".
func (p *printer) phrases(all ...phrase) string {
	var out []string
	for _, ph := range all {
		if ph.n > 0 {
			out = append(out, p.style.paint(ph.sgr, fmt.Sprintf("%d %s", ph.n, ph.what)))
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
