package render

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// findingGroup are findings of one rule with one remedy: ten deletes of one
// resource are one reason with ten lines.
type findingGroup struct {
	rule     string
	level    reconcile.Level
	remedy   string
	override string
	denies   bool
	messages []string
}

func groupFindings(findings []reconcile.Finding) []findingGroup {
	var groups []findingGroup
	for _, f := range findings {
		i := slices.IndexFunc(groups, func(g findingGroup) bool {
			return g.rule == f.Rule && g.level == f.Level && g.remedy == f.Remedy && g.override == f.Override
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, findingGroup{rule: f.Rule, level: f.Level, remedy: f.Remedy, override: f.Override, denies: f.Denies()})
		}
		if !slices.Contains(groups[i].messages, f.Message) {
			groups[i].messages = append(groups[i].messages, f.Message)
		}
	}
	// What denies comes first; the rest stays in the order of the policy.
	slices.SortStableFunc(groups, func(a, b findingGroup) int {
		switch {
		case a.denies == b.denies:
			return 0
		case a.denies:
			return -1
		default:
			return 1
		}
	})
	return groups
}

// findings writes what policy says about one resource, with its place in the
// source below the first reason that denies.
func (p *printer) findings(plan *Plan, address string, decision reconcile.Decision) {
	var at *hcl.Range
	if rng, ok := plan.Where(address); ok && address != "" {
		at = &rng
	}
	for _, group := range groupFindings(decision.Findings) {
		p.findingGroup(plan, &group, at)
		if group.denies {
			at = nil
		}
	}
}

// maxFindingMessages is the most messages of one rule that are shown at once.
const maxFindingMessages = 20

func (p *printer) findingGroup(plan *Plan, group *findingGroup, at *hcl.Range) {
	symbol, head, sgr := findingHead(group)
	p.line("  ", p.style.paint(sgr, p.style.mark(symbol)+" "+head), " ", p.style.dim("("+Escape(group.rule)+")"))
	for i, message := range group.messages {
		if i == maxFindingMessages && !plan.Full {
			p.line("    ", ellipsis, " and ", number(len(group.messages)-i, "more finding"), " of this rule")
			break
		}
		p.wrapped("    ", message)
	}
	if group.denies && at != nil {
		p.snippet("    ", *at, plan.Sources, sgrRed)
	}
	if group.override != "" {
		p.wrapped("    ", group.override)
	}
	if group.remedy != "" {
		p.remedy(group.remedy)
	}
}

func (p *printer) remedy(text string) {
	p.wrapped("    ", "To go on: "+strings.TrimSuffix(text, ".")+".")
}

func findingHead(group *findingGroup) (symbol, head, sgr string) {
	switch {
	case group.denies:
		return "x", "denied, " + Escape(string(group.level)), sgrLoud
	case group.level == reconcile.LevelApproval && group.override == "":
		return "?", "needs approval", sgrYellow
	case group.level == reconcile.LevelApproval:
		return "!", "approved", sgrYellow
	case group.level == reconcile.LevelSoftMandatory:
		return "!", "overridden", sgrLoud
	case group.override != "":
		return "!", "excepted", sgrYellow
	default:
		return "!", "warning", sgrYellow
	}
}

// runFindings writes what policy says about the run as a whole.
func (p *printer) runFindings(plan *Plan) {
	run := plan.Proposal.Run
	if run == nil || run.Allowed && len(run.Findings) == 0 {
		return
	}
	status, sgr := "policy on the run as a whole", sgrYellow
	if reconcile.AwaitApproval([]reconcile.Decision{*run}) {
		status = "the run as a whole needs approval"
	} else if !run.Allowed {
		status, sgr = "DENIED by policy on the run as a whole", sgrLoud
	}
	p.line()
	p.line(p.style.paint(sgr, status))
	p.findings(plan, "", *run)
}

// allFindings writes what policy denies, of all resources and of the run.
func (p *printer) allFindings(plan *Plan) {
	results := plan.Proposal.Results()
	for i := range results {
		if decision := results[i].Decision(); !decision.Allowed && len(decision.Findings) > 0 {
			p.line(Escape(results[i].Resource))
			p.findings(plan, results[i].Resource, decision)
		}
	}
	p.runFindings(plan)
	if p.Len() > 0 {
		p.line()
	}
}

// Answered writes the findings that people answered for, with an override or an
// approval: what is lifted is never passed over in silence.
func (s Style) Answered(plan *Plan) string {
	p := &printer{style: s}
	results := plan.Proposal.Results()
	for i := range results {
		p.answered(plan, results[i].Resource, results[i].Decision())
	}
	if plan.Proposal.Run != nil {
		p.answered(plan, "", *plan.Proposal.Run)
	}
	if p.Len() > 0 {
		p.line()
	}
	return p.String()
}

func (p *printer) answered(plan *Plan, address string, decision reconcile.Decision) {
	decision.Findings = slices.DeleteFunc(slices.Clone(decision.Findings), func(f reconcile.Finding) bool {
		return f.Override == ""
	})
	if len(decision.Findings) == 0 {
		return
	}
	title := Escape(address)
	if address == "" {
		title = "the run as a whole"
	}
	p.line(p.style.bold(title))
	p.findings(plan, address, decision)
}
