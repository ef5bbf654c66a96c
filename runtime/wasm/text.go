package wasm

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessage is the longest message of a guest that is passed on, in bytes.
const maxMessage = 4 << 10

// sanitize makes a guest's text safe to show: no control characters, so no
// terminal sequences; no invisible or reordering characters; valid UTF-8. Line
// ends stay.
func sanitize(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r),
			r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, withoutSequences(s)))
}

// withoutSequences takes terminal sequences out as a whole, so that what is
// left reads well. What it misses is harmless without its escape character.
func withoutSequences(s string) string {
	head, rest, found := strings.Cut(s, "\x1b")
	if !found {
		return s
	}
	var b strings.Builder
	for found {
		b.WriteString(head)
		head, rest, found = strings.Cut(afterSequence(rest), "\x1b")
	}
	b.WriteString(head)
	return b.String()
}

// afterSequence is the text behind a sequence whose escape character is gone.
func afterSequence(s string) string {
	if s == "" {
		return s
	}
	switch s[0] {
	case '[': // control sequence: up to its final byte
		if end := strings.IndexFunc(s[1:], func(r rune) bool { return r >= '@' && r <= '~' }); end >= 0 {
			return s[end+2:]
		}
	case ']', 'P', '_', '^': // a string: up to its terminator
		end := strings.IndexAny(s, "\x07\x1b")
		if end >= 0 && s[end] == '\x07' {
			return s[end+1:]
		}
		if end >= 0 {
			return strings.TrimPrefix(s[end+1:], "\\")
		}
	}
	return s
}

// clip cuts a text that is longer than limit bytes, and says so.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "… (cut)"
}

const redacted = "(sensitive)"

// redactor takes secrets out of texts.
type redactor struct {
	replacer *strings.Replacer
	// short are the secrets that are too short to be looked for.
	short map[string]bool
}

// minSecret is the shortest secret that is looked for inside of other texts:
// a shorter one would make holes everywhere. A text that is exactly such a
// secret is redacted all the same.
const minSecret = 4

func newRedactor(lists ...[]string) *redactor {
	var pairs []string
	seen := map[string]bool{}
	r := &redactor{short: map[string]bool{}}
	for _, list := range lists {
		for _, s := range list {
			if s != "" && len(s) < minSecret {
				r.short[s] = true
			}
			for _, form := range forms(s) {
				if len(form) >= minSecret && !seen[form] {
					seen[form] = true
					pairs = append(pairs, form, redacted)
				}
			}
		}
	}
	if pairs != nil {
		r.replacer = strings.NewReplacer(pairs...)
	}
	return r
}

// holdsAny reports whether there is a secret to look for.
func (r *redactor) holdsAny() bool {
	return r != nil && (r.replacer != nil || len(r.short) > 0)
}

// text returns s without secrets.
func (r *redactor) text(s string) string {
	switch {
	case r == nil:
		return s
	case r.short[s]:
		return redacted
	case r.replacer == nil:
		return s
	}
	return r.replacer.Replace(s)
}

// secret returns s without secrets, and whether it held one.
func (r *redactor) secret(s string) (string, bool) {
	clean := r.text(s)
	return clean, clean != s
}

// show is what a person may see of a guest's text.
func (r *redactor) show(s string) string { return clip(sanitize(r.text(s)), maxMessage) }
