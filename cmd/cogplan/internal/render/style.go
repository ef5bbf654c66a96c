package render

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// Style says how text is laid out. The zero value is plain text of 80 columns.
type Style struct {
	// Color permits colours.
	Color bool
	// Width of the terminal in columns; 0 is 80. Nothing is cut in text that
	// does not go to a terminal: there Width is [Unlimited].
	Width int
	// Plain says with words what else is said with marks and columns, for those who
	// hear it: nothing has to be seen below or beside something else.
	Plain bool
}

// Unlimited is the width of what is not a terminal.
const Unlimited = 1 << 20

// defaultWidth serves a terminal that does not tell its own.
const defaultWidth = 80

// minWidth keeps the layout from folding into nothing on a tiny terminal.
const minWidth = 20

func (s Style) width() int {
	if s.Width <= 0 {
		return defaultWidth
	}
	return max(s.Width, minWidth)
}

// The colours, as SGR parameters.
const (
	sgrBold   = "1"
	sgrDim    = "2"
	sgrRed    = "31"
	sgrGreen  = "32"
	sgrYellow = "33"
	sgrCyan   = "36"
	sgrLoud   = "1;31"
)

// paint colours text, which must be escaped already.
func (s Style) paint(sgr, text string) string {
	if !s.Color || sgr == "" || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// mark is what stands before a line: one character, or the word for it.
func (s Style) mark(symbol string) string {
	switch {
	case symbol == "|" && s.Plain:
		return ""
	case symbol == "|":
		return "| "
	case !s.Plain:
		return symbol
	}
	switch symbol {
	case "+":
		return "create"
	case "~":
		return "update"
	case "-":
		return "delete"
	case "-/+":
		return "replace"
	case "x":
		return "error:"
	case "!":
		return "notice:"
	case "?":
		return "question:"
	case ".":
		return "note:"
	case "->":
		return "becomes"
	default:
		return symbol
	}
}

// markName is what a sentence calls a mark.
func (s Style) markName(symbol string) string { return strings.TrimSuffix(s.mark(symbol), ":") }

func (s Style) bold(text string) string { return s.paint(sgrBold, text) }
func (s Style) dim(text string) string  { return s.paint(sgrDim, text) }

// cut shortens escaped text to a number of columns.
func cut(text string, columns int) string {
	if runewidth.StringWidth(text) <= columns {
		return text
	}
	return runewidth.Truncate(text, max(columns, len(ellipsis)), ellipsis)
}

const ellipsis = "..."

// printer collects lines. It is written out at once, so that text and progress
// of several writers do not mix.
type printer struct {
	strings.Builder
	style Style
}

// line writes its parts and a newline; an empty line where there are none.
func (p *printer) line(parts ...string) {
	for _, part := range parts {
		p.WriteString(part)
	}
	p.WriteByte('\n')
}

// wrapped writes text below an indent, broken at spaces to the width.
func (p *printer) wrapped(indent, text string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		for _, line := range wrap(Escape(paragraph), p.style.width()-len(indent)) {
			p.line(strings.TrimRight(indent+line, " "))
		}
	}
}

// wrappedBelow writes text behind an indent, its further lines below its first.
func (p *printer) wrappedBelow(indent, text string) {
	for i, line := range wrap(Escape(text), p.style.width()-len(indent)-2) {
		if i > 0 {
			line = "  " + line
		}
		p.line(indent, line)
	}
}

// wrap breaks escaped text at spaces into lines of at most so many columns.
// Words that are longer stand alone, uncut: a path must stay copyable.
func wrap(text string, columns int) []string {
	if columns >= Unlimited-minWidth || runewidth.StringWidth(text) <= columns {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case runewidth.StringWidth(line)+1+runewidth.StringWidth(word) <= columns:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// Strong is text that stands out. The text is escaped.
func (s Style) Strong(text string) string { return s.bold(Escape(text)) }

// Good is text that says that all is well. The text is escaped.
func (s Style) Good(text string) string { return s.paint(sgrGreen, Escape(text)) }

// Paragraph is text behind an indent, broken to the width; nothing for no text.
func (s Style) Paragraph(indent, text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	p := &printer{style: s}
	p.wrapped(indent, strings.TrimSpace(text))
	return p.String()
}
