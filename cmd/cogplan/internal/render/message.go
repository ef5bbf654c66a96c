package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hcled"
	"github.com/mattn/go-runewidth"

	"github.com/cogplan/cogplan/lang"
)

// Severity says how bad a message is.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Message is one thing that a person should know: a diagnostic of the language,
// or an error of anything else.
type Message struct {
	Severity Severity
	// Summary is a short phrase; Detail says what to do. Detail may be empty.
	Summary string
	Detail  string
	// Range is where; nil where it is no place in the source.
	Range *hcl.Range
	// Address is the resource that the message is about; empty for none.
	Address string
	// values of the variables in a failed expression.
	values []ValueDocument
}

// Errorf makes an error without a place.
func Errorf(summary, format string, args ...any) Message {
	return Message{Severity: SeverityError, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// At returns the message with a place.
func (m Message) At(rng hcl.Range) Message {
	m.Range = &rng
	return m
}

// FromDiagnostics makes messages of diagnostics.
func FromDiagnostics(diags hcl.Diagnostics) []Message {
	messages := make([]Message, 0, len(diags))
	for _, d := range diags {
		m := Message{Severity: SeverityError, Summary: d.Summary, Detail: d.Detail, Range: d.Subject, values: expressionValues(d)}
		if d.Severity == hcl.DiagWarning {
			m.Severity = SeverityWarning
		}
		messages = append(messages, m)
	}
	return messages
}

// HasErrors reports whether one of the messages is an error.
func HasErrors(messages []Message) bool {
	return slices.ContainsFunc(messages, func(m Message) bool { return m.Severity == SeverityError })
}

// Count returns the number of messages of that severity.
func Count(messages []Message, severity Severity) int {
	n := 0
	for _, m := range messages {
		if m.Severity == severity {
			n++
		}
	}
	return n
}

// Sources finds the files that ranges name.
type Sources map[string]*hcl.File

// Messages writes messages as text.
func (s Style) Messages(messages []Message, sources Sources) string {
	p := &printer{style: s}
	for i := range messages {
		if i > 0 {
			p.line()
		}
		p.message(&messages[i], sources)
	}
	return p.String()
}

func (p *printer) message(m *Message, sources Sources) {
	title, sgr := "Error", sgrRed
	if m.Severity == SeverityWarning {
		title, sgr = "Warning", sgrYellow
	}
	about := ""
	if m.Address != "" {
		about = " (" + Escape(m.Address) + ")"
	}
	p.line(p.style.paint("1;"+sgr, title+": "), p.style.bold(Escape(m.Summary)), about)
	if m.Range != nil && m.Range.Filename != "" {
		p.snippet("  ", *m.Range, sources, sgr)
	}
	for _, value := range m.values {
		p.line("  ", p.style.dim(cut("with "+Escape(value.Traversal+" "+value.Statement), p.style.width()-2)))
	}
	if m.Detail != "" {
		p.wrapped("  ", m.Detail)
	}
}

// maxSnippet is the most lines of source that a message shows.
const maxSnippet = 4

// snippet writes the place and the lines of source with the range underlined.
func (p *printer) snippet(indent string, rng hcl.Range, sources Sources, sgr string) {
	lines := sourceLines(sources[rng.Filename])
	first, last := rng.Start.Line, max(rng.End.Line, rng.Start.Line)
	if first < 1 || first > len(lines) {
		p.line(indent, p.style.paint(sgrCyan, place(rng)))
		return
	}
	last = min(last, len(lines), first+maxSnippet-1)
	if p.style.Plain {
		p.line(indent, "at ", place(rng), insideOf(rng, sources))
		for n := first; n <= last; n++ {
			p.line(indent, fmt.Sprintf("line %d: ", n), strings.TrimSpace(escapeLine(lines[n-1])))
		}
		return
	}
	gutter := len(strconv.Itoa(last))
	bar := p.style.dim(" |")
	p.line(indent, strings.Repeat(" ", gutter), p.style.dim("--> "), p.style.paint(sgrCyan, place(rng)), p.style.dim(insideOf(rng, sources)))
	p.line(indent, strings.Repeat(" ", gutter), bar)
	for n := first; n <= last; n++ {
		text := strings.TrimSuffix(lines[n-1], "\r")
		p.line(indent, p.style.dim(fmt.Sprintf("%*d", gutter, n)), bar, " ", p.source(text, gutter+len(indent)))
		if before, mark := underline(text, n, rng); mark != "" {
			room := max(p.style.width()-gutter-len(indent)-4-len(before), 1)
			p.line(indent, strings.Repeat(" ", gutter), bar, " ", before, p.style.paint("1;"+sgr, mark[:min(len(mark), room)]))
		}
	}
	if rng.End.Line > last && rng.End.Column > 1 {
		p.line(indent, strings.Repeat(" ", gutter), bar, " ", p.style.dim(ellipsis))
	}
}

func (p *printer) source(text string, used int) string {
	return strings.TrimRight(cut(escapeLine(text), max(p.style.width()-used-4, minWidth)), " ")
}

// insideOf names the block that the range is in.
func insideOf(rng hcl.Range, sources Sources) string {
	header := blockHeader(rng, sources)
	if header == "" {
		return ""
	}
	return ", in " + Escape(header)
}

func blockHeader(rng hcl.Range, sources Sources) string {
	file := sources[rng.Filename]
	if file == nil || file.Nav == nil {
		return ""
	}
	return hcled.ContextString(file, rng.Start.Byte)
}

// place is file:line:column, as editors and terminals link it.
func place(rng hcl.Range) string {
	if rng.Start.Line < 1 {
		return Escape(rng.Filename)
	}
	return fmt.Sprintf("%s:%d:%d", Escape(rng.Filename), rng.Start.Line, max(rng.Start.Column, 1))
}

func sourceLines(file *hcl.File) []string {
	if file == nil {
		return nil
	}
	return strings.Split(string(file.Bytes), "\n")
}

// underline returns what stands before the marks and the marks for the part of
// the range that is on line n. Columns of a range count characters; the marks
// stand under what the terminal shows for them.
func underline(text string, n int, rng hcl.Range) (before, marks string) {
	runes := []rune(text)
	from, to := 0, len(runes)
	if n == rng.Start.Line {
		from = min(max(rng.Start.Column-1, 0), len(runes))
	} else {
		from = len(runes) - len([]rune(strings.TrimLeft(text, " \t")))
	}
	if n == rng.End.Line {
		to = min(max(rng.End.Column-1, 0), len(runes))
	}
	if to <= from && n != rng.Start.Line {
		return "", ""
	}
	width := runewidth.StringWidth(escapeLine(string(runes[from:max(to, from)])))
	return strings.Repeat(" ", runewidth.StringWidth(escapeLine(string(runes[:from])))), strings.Repeat("^", max(width, 1))
}

// expressionValues tells the values of the variables in the expression that
// failed: most mistakes are seen at once where one sees what was there.
func expressionValues(d *hcl.Diagnostic) []ValueDocument {
	var out []ValueDocument
	for _, line := range lang.ExpressionValues(d) {
		traversal, statement, _ := strings.Cut(line, " is ")
		out = append(out, ValueDocument{Traversal: traversal, Statement: "is " + statement})
	}
	return out
}
