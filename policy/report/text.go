package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// clean shows what could not be seen or would move the cursor.
func clean(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteByte(' ')
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// writeGitHub writes workflow commands. Messages cannot begin another one: they
// are on one line, and what the runner decodes is encoded.
func writeGitHub(w io.Writer, items []Item) error {
	out := bufio.NewWriter(w)
	kinds := map[string]string{"error": "error", "warning": "warning", "note": "notice"}
	for _, item := range items {
		for _, f := range findings(item) {
			fmt.Fprintf(out, "::%s %s::%s\n", kinds[severity(f)], properties(item, f), data(sentence(f)))
		}
	}
	return out.Flush()
}

func properties(item Item, f reconcile.Finding) string {
	title := "title=" + property(strings.TrimSpace(clean(item.Address+" "+f.Rule)))
	if item.Source.Filename == "" {
		return title
	}
	s := item.Source
	return fmt.Sprintf("file=%s,line=%d,endLine=%d,%s", property(clean(s.Filename)), max(s.StartLine, 1), max(s.EndLine, s.StartLine, 1), title)
}

func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(text))
}

func writeMarkdown(w io.Writer, items []Item) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, "| Resource | Decision | Rule | Finding |\n| --- | --- | --- | --- |\n")
	for _, item := range items {
		word := "denied"
		switch {
		case item.Decision.Allowed:
			word = "allowed"
		case reconcile.AwaitApproval([]reconcile.Decision{item.Decision}):
			word = "needs approval"
		}
		address := item.Address
		if address == "" {
			address = "the run"
		}
		all := findings(item)
		if len(all) == 0 {
			fmt.Fprintf(out, "| %s | %s | | |\n", markdown(address), word)
		}
		for _, f := range all {
			fmt.Fprintf(out, "| %s | %s | %s | %s: %s |\n", markdown(address), word, markdown(f.Rule), severity(f), markdown(sentence(f)))
		}
	}
	return out.Flush()
}

// markdown is text that stays text: no table, no markup, no link, no mention.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range clean(text) {
		if strings.ContainsRune("\\`*_{}[]()<>#+!|~@&$:", r) {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
