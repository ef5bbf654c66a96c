package main_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updatePages = flag.Bool("update-pages", false, "write into the pages what their commands say now")

// The pages are scripts, read from the top, in one shell that stands in an empty
// folder:
//
//	```console            a command behind each $, and what it says; a line ... is any
//	                      number of lines
//	```sh                 commands; each has to succeed
//	```hcl file=main.hcl  a file in the folder where the shell stands; rego, yaml and
//	                      other languages too
//	<!-- run rm main.hcl --> a command that readers do by hand
//	<!-- in examples/site --> from here on the shell stands in a new copy of that folder
//
// What else stands in a fence belongs to the tests of lang and policy.
func TestPages(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the pages are for a shell")
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, page := range append(pages, "../../README.md") {
		t.Run(filepath.Base(page), func(t *testing.T) {
			ran += runPage(t, page)
		})
	}
	only := flag.Lookup("test.run").Value.String() // one page may be asked for
	if ran < 60 && !strings.Contains(only, "/") {
		t.Errorf("only %d commands were run", ran)
	}
}

// command is one line behind a $, or a block of sh.
type pageCommand struct {
	text string
	// want is what it says; block and line say where that stands in the page.
	want        []string
	shown       bool
	first, last int
}

var (
	fence    = regexp.MustCompile("^```([a-z]*)(?: file=(\\S+))?$")
	standsIn = regexp.MustCompile(`^<!-- in (\S+) -->$`)
	byHand   = regexp.MustCompile(`^<!-- run (.*) -->$`)
)

// script makes a shell script of a page, and lists its commands.
func script(lines []string, out string) (text string, commands []pageCommand) {
	var b strings.Builder
	b.WriteString("RC=0\n")
	run := func(c pageCommand) {
		n := len(commands)
		fmt.Fprintf(&b, "(exit $RC); { %s\n} >%s/%d 2>&1 </dev/null; RC=$?; echo $RC >%s/%d.code\n", c.text, out, n, out, n)
		commands = append(commands, c)
	}
	folders := 0
	for i := 0; i < len(lines); i++ {
		if m := standsIn.FindStringSubmatch(lines[i]); m != nil {
			folders++
			fmt.Fprintf(&b, "mkdir ~/copy%d && cp -R ~/cogplan/%s/. ~/copy%d && cd ~/copy%d\n", folders, m[1], folders, folders)
			continue
		}
		if m := byHand.FindStringSubmatch(lines[i]); m != nil {
			run(pageCommand{text: m[1]})
			continue
		}
		m := fence.FindStringSubmatch(lines[i])
		if m == nil {
			continue
		}
		end := i + 1
		for end < len(lines) && lines[end] != "```" {
			end++
		}
		body := lines[i+1 : end]
		switch {
		case m[2] != "":
			fmt.Fprintf(&b, "mkdir -p \"$(dirname %s)\"; cat >%s <<'END-OF-FILE'\n%s\nEND-OF-FILE\n", m[2], m[2], strings.Join(body, "\n"))
		case m[1] == "sh":
			run(pageCommand{text: "set -e\n" + strings.Join(body, "\n") + "\nset +e"})
		case m[1] == "console":
			for j := 0; j < len(body); {
				c := pageCommand{text: strings.TrimPrefix(body[j], "$ "), shown: true}
				for j++; strings.HasSuffix(c.text, "\\") && j < len(body); j++ {
					c.text += "\n" + body[j]
				}
				c.first = i + 1 + j
				for ; j < len(body) && !strings.HasPrefix(body[j], "$ "); j++ {
					c.want = append(c.want, body[j])
				}
				c.last = i + 1 + j
				run(c)
			}
		}
		i = end
	}
	return b.String(), commands
}

func runPage(t *testing.T, page string) int {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	work, out := t.TempDir(), t.TempDir()
	lines := strings.Split(string(data), "\n")
	text, commands := script(lines, out)
	if len(commands) == 0 {
		return 0
	}
	cmd := exec.Command("bash", "-c", text)
	cmd.Dir = filepath.Join(work, "work")
	if err := os.Mkdir(cmd.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// On a page the repository is at ~/cogplan.
	if err := os.Symlink(root, filepath.Join(work, "cogplan")); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "HOME="+work, "COGPLAN_ACTOR=ann", "CI=", "GOWORK=off",
		"GOCACHE="+goEnv(t, "GOCACHE"), "GOPATH="+goEnv(t, "GOPATH"), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=ann", "GIT_AUTHOR_EMAIL=ann@example.org", "GIT_COMMITTER_NAME=ann", "GIT_COMMITTER_EMAIL=ann@example.org")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Logf("the shell: %v\n%s", err, said)
	}
	for i := len(commands) - 1; i >= 0; i-- {
		c := &commands[i]
		said, _ := os.ReadFile(filepath.Join(out, fmt.Sprint(i)))
		code, err := os.ReadFile(filepath.Join(out, fmt.Sprint(i, ".code")))
		if err != nil {
			t.Errorf("it did not come as far as\n%s", c.text)
			continue
		}
		got := spoken(strings.ReplaceAll(string(said), work, "/home/ann"))
		if !c.shown {
			if strings.TrimSpace(string(code)) != "0" {
				t.Errorf("%s\nends with %s%s", c.text, code, got)
			}
			continue
		}
		if matches(c.want, got) {
			continue
		}
		if *updatePages {
			lines = append(lines[:c.first:c.first], append(got, lines[c.last:]...)...)
			continue
		}
		t.Errorf("%s\nsays something else (go test ./cmd/cogplan -run TestPages -update-pages writes it):\n%s", c.text, cmp.Diff(c.want, got))
	}
	if *updatePages {
		if err := os.WriteFile(page, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return len(commands)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// progress is what a run says on the way where no terminal is; a page leaves it out.
var progress = regexp.MustCompile(`^([a-z][\w.\[\]"-]*: (applying|applied|destroying|waiting|compiling).*|[a-z]\w*: compiling the provider.*)$`)

// spoken are the lines of an output as a page shows them.
func spoken(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if !progress.MatchString(line) {
			out = append(out, line)
		}
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	for len(out) > 0 && out[0] == "" {
		out = out[1:]
	}
	return out
}

// varying is what differs from run to run.
var varying = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`sha256:[0-9a-f]{64}`), "sha256:DIGEST"},
	{regexp.MustCompile(`(sha256:)?\b[0-9a-f]{12}\.\.\.`), "DIGEST..."},
	{regexp.MustCompile(`\(([0-9.]+ (ms|s)|[0-9]+ min [0-9]+ s)\)`), "(TIME)"},
	{regexp.MustCompile(`ed25519:[A-Za-z0-9+/]+=`), "ed25519:KEY"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)`), "WHEN"},
	{regexp.MustCompile(`by cogplan \S+`), "by cogplan VERSION"},
	{regexp.MustCompile(`State after [0-9a-f]{7,}`), "State after COMMIT"},
}

func unvarying(line string) string {
	for _, v := range varying {
		line = v.what.ReplaceAllString(line, v.with)
	}
	return strings.TrimRight(line, " ")
}

// matches compares what a page shows with what was said. A line ... is any number
// of lines.
func matches(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for skip := 0; skip <= len(got); skip++ {
			if matches(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && unvarying(want[0]) == unvarying(got[0]) && matches(want[1:], got[1:])
}

func TestPagesAreCompared(t *testing.T) {
	for _, tc := range []struct {
		want, got string
		match     bool
	}{
		{"one\ntwo", "one\ntwo", true},
		{"one\ntwo", "one", false},
		{"one", "one\ntwo", false},
		{"...\ntwo", "one\nand\ntwo", true},
		{"one\n...", "one", true},
		{"...\nthree", "one\ntwo", false},
		{"Applied: 2 created (4 ms)", "Applied: 2 created (1.5 s)", true},
		{"Applied: 2 created (4 ms)", "Applied: 3 created (4 ms)", false},
	} {
		if matches(strings.Split(tc.want, "\n"), strings.Split(tc.got, "\n")) != tc.match {
			t.Errorf("%q and %q: want %t", tc.want, tc.got, tc.match)
		}
	}
}
