package render

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// compactFrom is the number of changes of one resource from which each takes
// one line: nobody reads 2,000 values, but everybody must see 2,000 names.
const compactFrom = 40

// maxContentLines is the most lines of one new text that a plan shows.
const maxContentLines = 8

// actions writes the changes of a plan. Every object that changes has its line,
// whatever is left out besides.
func (p *printer) actions(view *Plan, result *reconcile.MetaResult) {
	changes := changesOf(result.Plan)
	compact := (len(changes) >= compactFrom || view.Compact) && !view.Full
	for i := range changes {
		p.change(&changes[i], compact)
		if !compact {
			p.attributes(&changes[i], view.Full)
		}
		if view.Effects {
			p.effects(&changes[i])
		}
	}
	if compact {
		p.line("  ", p.style.dim("values are left out of a plan this long; -full shows them"))
	}
	p.unbounded(result)
	p.opaque(result, len(changes))
}

func (p *printer) change(c *change, compact bool) {
	symbol, sgr := symbolOf(c.kind)
	line := &printer{style: p.style}
	used := 0
	put := func(sgr, text string) {
		used += runewidth.StringWidth(text)
		line.WriteString(p.style.paint(sgr, text))
	}
	put("", "  ")
	put(sgr, p.style.mark(symbol)+" "+Escape(c.action.ResourceType)+" "+quote(c.action.Name))
	if word := loudWord(c.kind); word != "" {
		put("", "  ")
		put(sgrLoud, word)
	}
	if drifted(c.action) {
		put("", "  ")
		put(sgrYellow, "drift")
	}
	if compact && c.kind == kindUpdate {
		put("", "  ")
		put(sgrDim, Escape(strings.Join(changedNames(c), ", ")))
	}
	reason := detailString(c.action, reconcile.DetailReason)
	if compact || c.kind == kindCreate && !drifted(c.action) {
		reason = ""
	}
	// Most reasons are the same few words: they stand behind what they are for.
	if text := Escape(reason); reason != "" && used+2+runewidth.StringWidth(text) <= min(p.style.width(), reasonWidth) {
		put("", ": ")
		put(sgrDim, text)
		reason = ""
	}
	p.line(line.String())
	if reason != "" {
		p.wrapped("      ", reason)
	}
}

// reasonWidth is the most columns of a line with a reason in it.
const reasonWidth = 100

func symbolOf(k kind) (symbol, sgr string) {
	switch k {
	case kindCreate:
		return "+", sgrGreen
	case kindUpdate:
		return "~", sgrYellow
	case kindDelete:
		return "-", sgrLoud
	case kindReplace:
		return "-/+", sgrLoud
	default:
		return "?", sgrLoud
	}
}

func loudWord(k kind) string {
	switch k {
	case kindDelete:
		return "will be DELETED"
	case kindReplace:
		return "will be DELETED and created anew"
	case kindCreate, kindUpdate:
		return ""
	default:
		return ""
	}
}

// attributes writes what is new of a created object and what differs of a
// changed one. A deleted object is named, not described.
func (p *printer) attributes(c *change, full bool) {
	const indent = "      "
	switch c.kind {
	case kindCreate:
		p.newAttributes(indent, c.after, full)
	case kindUpdate, kindReplace:
		for _, name := range changedNames(c) {
			p.difference(indent, name, c, full)
		}
	case kindDelete:
	}
}

func (p *printer) newAttributes(indent string, attributes map[string]any, full bool) {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(attributes)), func(name string) bool { return attributes[name] == nil })
	width := longest(names)
	for _, name := range names {
		p.newAttribute(indent, fmt.Sprintf("%-*s = ", width, key1(name)), attributes[name], full)
	}
}

func (p *printer) newAttribute(indent, label string, value any, full bool) {
	if text, ok := value.(string); ok && isMultiline(text) {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		p.line(indent, label, p.style.dim(fmt.Sprintf("(%s, %d bytes)", number(len(lines), "line"), len(text))))
		for i, line := range lines {
			if i == maxContentLines && !full {
				p.line(indent, "  ", p.style.dim(fmt.Sprintf("%s %d more", ellipsis, len(lines)-i)))
				break
			}
			p.line(indent, "  ", p.style.paint(sgrGreen, p.fit(strings.TrimRight(escapeLine(p.style.mark("|")+line), " "), len(indent)+2, full)))
		}
		return
	}
	p.line(indent, label, p.fit(shown(value, full), len(indent)+len(label), full))
}

// shown is a value on one line. A digest tells nobody more at its full length.
func shown(value any, full bool) string {
	const enough = 12
	text, ok := value.(string)
	if ok && (text == reconcile.SensitiveText || summaryLike.MatchString(text)) {
		return text // the plan's own words, not the value
	}
	if ok && !full && digestLike.MatchString(text) {
		hexDigits := strings.IndexByte(text, ':') + 1
		return `"` + text[:hexDigits+enough] + ellipsis + `"`
	}
	return Value(value)
}

// summaryLike is what stands in a plan for a text that is too long for it.
var summaryLike = regexp.MustCompile(`^\([0-9]+ bytes, sha256:[0-9a-f]{64}\)$`)

var digestLike = regexp.MustCompile(`^(sha256:|sha512:)?[0-9a-f]{40,128}$`)

// fit cuts escaped text to what is left of the line.
func (p *printer) fit(text string, used int, full bool) string {
	if full {
		return text
	}
	return cut(text, max(p.style.width()-used, minWidth/2))
}

// difference writes one attribute before and after.
func (p *printer) difference(indent, name string, c *change, full bool) {
	before, hasBefore := c.before[name]
	after, hasAfter := c.after[name]
	oldText, oldIsText := before.(string)
	newText, newIsText := after.(string)
	if oldIsText && newIsText && (isMultiline(oldText) || isMultiline(newText)) {
		p.line(indent, key1(name), ":")
		p.lineDiff(indent+"  ", oldText, newText, full)
		return
	}
	if !hasBefore && !hasAfter {
		// The plan names the attribute and tells no values: it is sensitive, or
		// the provider tells none.
		p.line(indent, key1(name), " changes")
		return
	}
	if before == reconcile.SensitiveText && after == before {
		p.line(indent, key1(name), " = ", reconcile.SensitiveText, " changes")
		return
	}
	if isMultilineValue(after) {
		p.newAttribute(indent, key1(name)+" = ", after, full)
		return
	}
	p.oldAndNew(indent, name, before, after, full)
}

// oldAndNew writes both values on one line, or on two where they are long.
func (p *printer) oldAndNew(indent, name string, before, after any, full bool) {
	label := key1(name) + " = "
	was, is := shown(before, full), shown(after, full)
	if len(indent)+len(label)+len(was)+len(is)+4 <= p.style.width() {
		p.line(indent, label, p.style.paint(sgrRed, was), " "+p.style.mark("->")+" ", p.style.paint(sgrGreen, is))
		return
	}
	used := len(indent) + len(label) + 3
	blank := strings.Repeat(" ", max(len(label)-3, 0))
	p.line(indent, label, p.style.paint(sgrRed, p.fit(was, used, full)))
	p.line(indent, blank, p.style.mark("->")+" ", p.style.paint(sgrGreen, p.fit(is, used, full)))
}

// changedNames are the names of the attributes that differ, sorted: those the
// plan names, and those it shows with two values.
func changedNames(c *change) []string {
	names := map[string]bool{}
	for _, path := range detailStrings(c.action, reconcile.DetailChanged) {
		names[rootOf(path, c)] = true
	}
	for name, after := range c.after {
		if before, ok := c.before[name]; ok && !reflect.DeepEqual(before, after) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// rootOf is the attribute that a path begins with.
func rootOf(path string, c *change) string {
	for _, attributes := range []map[string]any{c.after, c.before} {
		if _, ok := attributes[path]; ok {
			return path
		}
	}
	root, _, _ := strings.Cut(path, ".")
	root, _, _ = strings.Cut(root, "[")
	return root
}

func isMultilineValue(v any) bool {
	text, ok := v.(string)
	return ok && isMultiline(text)
}

func isMultiline(text string) bool {
	return strings.Contains(strings.TrimSuffix(text, "\n"), "\n")
}

func longest(names []string) int {
	n := 0
	for _, name := range names {
		n = max(n, len(key1(name)))
	}
	return n
}
