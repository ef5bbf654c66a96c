package render

import (
	"strings"
	"unicode/utf8"
)

// Markdown is what a run came to, for a review: the text of a plan or of an apply
// as a block, and what the plan rests on behind it. What providers and people wrote
// cannot end the block.
type Markdown struct {
	// Title says how the run ended, where there is neither a plan nor an apply.
	Title string
	// Messages is text: what is wrong, and what was warned of. It may be empty.
	Messages string
	// Plan, or nil, with what it rests on.
	Plan  *Plan
	Basis Basis
	// Applied is what was applied of the plan, and is shown instead of it; or nil.
	Applied *Applied
	// Whole is the file of the plan, where it is in one; empty for none.
	Whole string
	// Warned says that the plan fails because of its warnings.
	Warned bool
	// Limit is the most bytes that are written; 0 for any number.
	Limit int
}

// String is the document. Where the whole is too long, values are left out first,
// and then lines; the title, what policy denies, and the line that sums the plan up
// are always there.
func (m Markdown) String() string {
	parts := m.parts(false)
	if text := parts.String(); m.Limit <= 0 || len(text) <= m.Limit {
		return text
	}
	parts = m.parts(true)
	parts.note = "Shortened to fit. The whole plan: `" + strings.ReplaceAll(m.whole(), "`", "'") + "`\n\n"
	if text := parts.String(); len(text) <= m.Limit {
		return text
	}
	parts.messages = cutLines(parts.messages, m.Limit/4)
	parts.facts = cutLines(parts.facts, m.Limit/8)
	if m.Plan != nil && m.Applied == nil {
		p := &printer{style: Style{Width: Unlimited}}
		p.allFindings(m.Plan)
		p.records(m.Plan.Records)
		parts.body = cutLines(p.String(), m.Limit/4) + parts.body
	}
	over := len(parts.String()) - m.Limit
	parts.body = cutLines(parts.body, max(len(parts.body)-over, 0))
	return parts.String()
}

func (m Markdown) whole() string {
	if m.Whole != "" {
		return "cogplan show " + Escape(m.Whole)
	}
	return "cogplan plan"
}

// markdownParts are the pieces of a document.
type markdownParts struct{ title, note, messages, body, facts, line string }

func (m Markdown) parts(short bool) markdownParts {
	style := Style{Width: Unlimited}
	parts := markdownParts{title: m.Title, messages: m.Messages}
	switch {
	case m.Applied != nil:
		parts.body = style.Applied(m.Applied)
	case m.Plan != nil:
		view := *m.Plan
		if short {
			view.Full, view.Compact = false, true
		}
		parts.title, parts.body, parts.facts = markdownTitle(&view, m.Warned), style.Plan(&view), style.Basis(m.Basis)
	}
	if m.Plan != nil && !m.Plan.Proposal.Failed() {
		parts.line = PlanLine(m.Plan.Proposal)
	}
	return parts
}

// String puts the pieces together.
func (p markdownParts) String() string {
	fence := fenceFor(p.messages + p.body + p.facts)
	var out strings.Builder
	out.WriteString("### cogplan " + p.title + "\n\n" + p.note)
	if p.messages != "" {
		out.WriteString(fence + "text\n" + p.messages + fence + "\n\n")
	}
	if p.body != "" {
		out.WriteString(fence + "diff\n" + diffMarks(p.body) + fence + "\n\n")
	}
	if p.facts != "" {
		out.WriteString("<details><summary>What the plan rests on</summary>\n\n" + fence + "\n" + p.facts + fence + "\n\n</details>\n\n")
	}
	if p.line != "" {
		out.WriteString("`" + p.line + "`\n")
	}
	return out.String()
}

// cutLines leaves out the last lines of a text, so that what is left, and a line
// that says so, is not longer than that many bytes.
func cutLines(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const note = "... the rest is left out\n"
	text = text[:max(limit-len(note), 0)]
	if end := strings.LastIndexByte(text, '\n'); end >= 0 {
		return text[:end+1] + note
	}
	for text != "" && !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	if text == "" {
		return note
	}
	return text + "\n" + note
}

func markdownTitle(plan *Plan, warned bool) string {
	p := &printer{style: Style{Width: Unlimited}}
	counts := ""
	if sum := plan.Proposal.Summary(); sum.HasChanges() {
		counts = ": " + p.planCounts(sum, plan.Proposal.Results())
	} else if n := len(plan.Records); n > 0 {
		counts = ": " + number(n, "record") + " to change"
	}
	switch {
	case plan.Proposal.Failed():
		return plan.Command + ": failed"
	case ruling(plan.Proposal) == rulingDeny:
		return plan.Command + ": denied by policy" + counts
	case ruling(plan.Proposal) == rulingApproval:
		return plan.Command + ": waits for approval" + counts
	case warned:
		return plan.Command + ": fails on warnings" + counts
	case counts == "" && !plan.Proposal.HasChanges():
		return plan.Command + ": no changes"
	default:
		return plan.Command + counts
	}
}

// fenceFor is a fence that does not occur in the text.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// diffMarks moves the marks of a plan to the begin of their lines, where viewers
// of differences look for them.
func diffMarks(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		mark, rest, ok := strings.Cut(trimmed, " ")
		switch {
		case indent == 0 || !ok:
			out.WriteString(line)
		case mark == "+", mark == "-":
			out.WriteString(mark + strings.Repeat(" ", indent+1) + rest)
		case mark == "~", mark == "-/+", mark == "x", mark == "!":
			out.WriteString("!" + line[1:])
		default:
			out.WriteString(line)
		}
	}
	return out.String()
}
