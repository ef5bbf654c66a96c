package render

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// contextLines is how many unchanged lines stand around a changed one.
const contextLines = 2

// maxDiffLines is the most lines of one difference that a plan shows.
const maxDiffLines = 60

// lineDiff writes the difference of two texts line by line.
func (p *printer) lineDiff(indent, before, after string, all bool) {
	unified, err := udiff.ToUnified("", "", before, udiff.Lines(before, after), contextLines)
	if err != nil {
		p.line(indent, Escape(err.Error()))
		return
	}
	lines := strings.Split(strings.TrimSuffix(unified, "\n"), "\n")
	if len(lines) > 2 {
		lines = lines[2:] // the names of the files
	}
	for i, line := range lines {
		if i == maxDiffLines && !all {
			p.line(indent, p.style.dim(fmt.Sprintf("%s %d more lines of this difference", ellipsis, len(lines)-i)))
			return
		}
		p.diffLine(indent, line)
	}
}

func (p *printer) diffLine(indent, line string) {
	if line == "" {
		p.line()
		return
	}
	if p.style.Plain {
		p.line(indent, strings.TrimRight(spokenDiff(line), " "))
		return
	}
	text := strings.TrimRight(cut(escapeLine(line), p.style.width()-len(indent)), " ")
	switch line[0] {
	case '+':
		text = p.style.paint(sgrGreen, text)
	case '-':
		text = p.style.paint(sgrRed, text)
	case '@', '\\':
		text = p.style.dim(text)
	}
	p.line(indent, text)
}

// spokenDiff is a line of a difference with the word for its mark.
func spokenDiff(line string) string {
	rest := escapeLine(line[1:])
	switch line[0] {
	case '+':
		return "added: " + rest
	case '-':
		return "removed: " + rest
	case ' ':
		return "unchanged: " + rest
	case '@':
		// @@ -1,3 +1,3 @@
		at, _, _ := strings.Cut(strings.TrimPrefix(line, "@@ -"), ",")
		at, _, _ = strings.Cut(at, " ")
		return "at line " + escapeLine(at) + ":"
	default:
		return escapeLine(line)
	}
}

// Diff is the difference of two texts in unified form, with names for both.
func (s Style) Diff(name, before, after string) string {
	unified, err := udiff.ToUnified(name, name, before, udiff.Lines(before, after), contextLines+1)
	if err != nil || unified == "" {
		return ""
	}
	p := &printer{style: s}
	for line := range strings.SplitSeq(strings.TrimSuffix(unified, "\n"), "\n") {
		p.diffLine("", line)
	}
	return p.String()
}
