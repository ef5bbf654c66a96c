package comment

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"plan", "a", "site/dns", "eu-west_1.prod", strings.Repeat("a", 100)} {
		if err := CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "a b", "-a", "a-", "a--b", "a-->", "a\n", "ä", "/a", strings.Repeat("a", 101)} {
		if CheckID(id) == nil {
			t.Errorf("%q is accepted", id)
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	for _, text := range []string{"", " \n\t", "a\x00b", "\xff"} {
		if _, _, err := compose(markOf("plan"), text, GitHub); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// What a plan shows must run no command with the rights of the token.
func TestLinesBeginWithNoCommand(t *testing.T) {
	for text, want := range map[string]string{
		"/merge":               " /merge\n",
		"a\n/approve\nb":       "a\n /approve\nb\n",
		"a\r\n/approve\r\n":    "a\n /approve\n",
		"a\r/approve":          "a\n /approve\n",
		"\r/approve":           "\n /approve\n",
		"```\n/close\n```\n":   "```\n /close\n```\n",
		" /etc/motd and a / b": " /etc/motd and a / b\n",
	} {
		body, _, err := compose(markOf("plan"), text, GitLab)
		if err != nil || body != markOf("plan")+"\n"+want {
			t.Errorf("%q became %q (%v)", text, body, err)
		}
	}
}

func TestBlocks(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"none", "a\nb\n", ""},
		{"code", "```diff\n+ a\n", "```\n"},
		{"code that has ended", "```\na\n```\n", ""},
		{"a longer fence", "````\n```\n", "````\n"},
		{"a longer end", "```\n`````\n", ""},
		{"a fence with a word ends nothing", "```\n``` x\n", "```\n"},
		{"tildes", "~~~\n```\n", "~~~\n"},
		{"code in a line", "```a``` b\n", ""},
		{"indented code", "    ```\n", ""},
		{"details", "<details><summary>x</summary>\n", "\n</details>\n"},
		{"details that have ended", "<details>\n</details>\n", ""},
		{"details in code", "```\n<details>\n```\n", ""},
		{"both", "<details>\n<details>\n```\n", "```\n\n</details>\n\n</details>\n"},
		{"an end without a begin", "</details>\n<details>\n", "\n</details>\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b blocks
			for line := range strings.Lines(tc.text) {
				b.see(line)
			}
			if got := b.closing(); got != tc.want || b.closingSize() != size(got) {
				t.Errorf("got %q, of size %d, want %q", got, b.closingSize(), tc.want)
			}
		})
	}
}

func TestShortenKeepsWholeLines(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for name, text := range map[string]string{
		"one line":          long + "\n",
		"a long last line":  "first\n" + long + "\n",
		"beyond one plane":  strings.Repeat("\U0001F600\U0001F600\n", 20_000),
		"many short":        strings.Repeat("a\n", 60_000),
		"a fence each line": strings.Repeat("```\n", 30_001),
		"deep details":      strings.Repeat("<details>\n", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			body, cut, err := compose(markOf("plan"), text, GitHub)
			if err != nil || !cut || size(body) > limitOf(GitHub) || !utf8.ValidString(body) {
				t.Fatalf("cut %v, size %d, %v", cut, size(body), err)
			}
			kept, _, ok := strings.Cut(strings.TrimPrefix(body, markOf("plan")+"\n"), "\n_Cut after line ")
			kept = strings.TrimSuffix(strings.ReplaceAll(kept, endOfDetails, ""), "```\n")
			if !ok || !strings.HasPrefix(text, kept) || kept != "" && !strings.HasSuffix(kept, "\n") {
				t.Errorf("kept %q", kept[:min(len(kept), 100)])
			}
		})
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("### plan\n```diff\n+ a\n```\n<details>\n", 500)
	f.Add("/merge\r\r\n", 70_000)
	f.Fuzz(func(t *testing.T, text string, times int) {
		if times < 1 || len(text)*min(times, 100_000) > 1<<20 {
			return
		}
		body, _, err := compose(markOf("plan"), strings.Repeat(text, min(times, 100_000)), GitHub)
		if err != nil {
			return
		}
		if !hasMark(body, markOf("plan")) || size(body) > limitOf(GitHub) || strings.Contains(body, "\n/") || strings.Contains(body, "\r") {
			t.Errorf("%q, %d times, became %q", text, times, body[:min(len(body), 200)])
		}
	})
}
