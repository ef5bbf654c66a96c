package comment

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// idShape is what can stand in a comment of HTML and end it nowhere.
var idShape = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,98}[A-Za-z0-9])?$`)

// CheckID refuses what cannot be the name of a comment.
func CheckID(id string) error {
	if !idShape.MatchString(id) || strings.Contains(id, "--") {
		return fmt.Errorf("the name of a comment is letters, digits and single - . _ / between them, at most 100, and not %q", id)
	}
	return nil
}

func markOf(id string) string { return "<!-- cogplan:" + id + " -->" }

// hasMark reports whether a comment begins with the mark. What stands further
// down is what somebody wrote, or what a plan shows.
func hasMark(body, mark string) bool {
	first, _, _ := strings.Cut(body, "\n")
	return strings.TrimSuffix(first, "\r") == mark
}

// limitOf is how many characters a comment of the forge may have; 0 where none is
// documented.
func limitOf(forge Forge) int {
	switch forge {
	case GitHub:
		return 65_536
	case GitLab:
		return 1_000_000
	case Gitea:
		return 0
	default:
		return 0
	}
}

// compose makes the body: the mark, and the text cut to what the forge takes.
func compose(mark, markdown string, forge Forge) (body string, cut bool, err error) {
	switch {
	case strings.TrimSpace(markdown) == "":
		return "", false, errors.New("there is nothing in it to comment")
	case !utf8.ValidString(markdown) || strings.ContainsRune(markdown, 0):
		return "", false, errors.New("it is no text in UTF-8")
	}
	text := withoutCommands(strings.TrimRight(unixLines(markdown), "\n") + "\n")
	limit := limitOf(forge)
	if limit == 0 || size(mark)+1+size(text) <= limit {
		return mark + "\n" + text, false, nil
	}
	return mark + "\n" + shorten(text, limit-size(mark)-1, forge), true, nil
}

// unixLines makes all ends of lines one: GitLab takes a lone carriage return away
// before it looks at how a line begins.
func unixLines(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}

// command is a line that GitLab, or a bot, takes for one: /merge.
var command = regexp.MustCompile(`(?m)^/`)

// withoutCommands puts a space before a slash that begins a line. What a plan
// shows may be the words of whoever proposes it, and the token may do more than
// they may. In Markdown the space means nothing.
func withoutCommands(text string) string { return command.ReplaceAllString(text, " /") }

// size counts as the forges might: characters outside the first plane as two.
func size(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// shorten keeps as many whole lines as fit together with what closes the blocks
// that are open there, and the note.
func shorten(text string, room int, forge Forge) string {
	total := strings.Count(text, "\n")
	used, end, kept := 0, 0, 0
	var open, atEnd blocks
	reserved := size(cutNote(total, total, forge))
	length, lines := 0, 0
	for line := range strings.Lines(text) {
		used += size(line)
		length += len(line)
		lines++
		open.see(line)
		if used > room {
			break
		}
		if used+open.closingSize()+reserved <= room {
			end, kept, atEnd = length, lines, open
		}
	}
	return text[:end] + atEnd.closing() + cutNote(kept, total, forge)
}

func cutNote(kept, total int, forge Forge) string {
	return fmt.Sprintf("\n_Cut after line %d of %d: %s takes %d characters in a comment. The whole is with the job that wrote this._\n", kept, total, forge, limitOf(forge))
}

// blocks are the blocks of Markdown that are open at a line. The zero value has
// none.
type blocks struct {
	// fence is what closes the block of code; empty outside of one.
	fence   string
	details int
}

// see takes one more line into account.
func (b *blocks) see(line string) {
	trimmed := strings.TrimLeft(line, " ")
	marks := fenceOf(trimmed)
	rest := strings.TrimSpace(trimmed[len(marks):])
	switch {
	case len(line)-len(trimmed) > 3:
	case b.fence != "":
		if strings.HasPrefix(marks, b.fence) && rest == "" {
			b.fence = ""
		}
		return
	case len(marks) >= 3 && (marks[0] == '~' || !strings.Contains(rest, "`")):
		b.fence = marks
		return
	}
	if b.fence == "" {
		b.details = max(b.details+strings.Count(line, "<details")-strings.Count(line, "</details>"), 0)
	}
}

// fenceOf is the run of backticks or tildes that a line begins with.
func fenceOf(line string) string {
	if line == "" || line[0] != '`' && line[0] != '~' {
		return ""
	}
	return line[:len(line)-len(strings.TrimLeft(line, line[:1]))]
}

const endOfDetails = "\n</details>\n"

// closing is what closes them.
func (b *blocks) closing() string {
	text := ""
	if b.fence != "" {
		text = b.fence + "\n"
	}
	return text + strings.Repeat(endOfDetails, b.details)
}

// closingSize is the size of that, without making it: it is asked at every line.
func (b *blocks) closingSize() int {
	n := b.details * len(endOfDetails)
	if b.fence != "" {
		n += len(b.fence) + len("\n")
	}
	return n
}
