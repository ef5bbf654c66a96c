package render

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "a b~", "a b~"},
		{"letters of the world", "grüße 世界 🌱", "grüße 世界 🌱"},
		{"escape sequence", "\x1b[31mred", `\x1b[31mred`},
		{"new line and tab", "a\nb\tc\r", `a\nb\tc\r`},
		{"bidirectional mark", "a\u202eb", `a\u202eb`},
		{"zero width", "a\u200bb", `a\u200bb`},
		{"no-break space", "a\u00a0b", `a\u00a0b`},
		{"C1 control", "a\u009bb", `a\u009bb`},
		{"not UTF-8", "a\xffb", `a\xffb`},
		{"replacement character itself", "a\ufffdb", "a\ufffdb"},
		{"tag beyond the plane", "\U000e0001", `\U000e0001`},
		{"quotes stay", `"'`, `"'`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Escape(tc.text); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b]0;x\a\u202e\xff\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := Escape(text)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q has %U", got, r)
			}
		}
		if Escape(got) != got {
			t.Fatalf("%q changes when it is escaped again", got)
		}
		if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) < 0 && got != text {
			t.Fatalf("%q was changed to %q", text, got)
		}
	})
}
