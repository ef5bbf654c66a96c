package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func cliDocument(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEveryCommandAndFlagIsDocumented(t *testing.T) {
	text := cliDocument(t)
	words := 0
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.HasParent() && cmd.Name() != "help" {
			words++
			if name := strings.TrimPrefix(cmd.CommandPath(), "cogplan "); !strings.Contains(text, "`"+name) {
				t.Errorf("docs/cli.md does not name the command %q", cmd.CommandPath())
			}
		}
		check := func(flag *pflag.Flag) {
			words++
			if !regexp.MustCompile("[`, ]-" + regexp.QuoteMeta(flag.Name) + "[`=, ]").MatchString(text) {
				t.Errorf("docs/cli.md does not name -%s of %q", flag.Name, cmd.CommandPath())
			}
		}
		cmd.Flags().VisitAll(check)
		cmd.PersistentFlags().VisitAll(check)
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(testRoot())
	if words < 40 {
		t.Fatalf("only %d commands and flags were found", words)
	}
}

func TestEveryOutcomeAndCodeIsDocumented(t *testing.T) {
	text := cliDocument(t)
	for _, o := range []outcome{
		outcomeNoChanges, outcomeChanges, outcomeApplied, outcomePartial, outcomeDenied, outcomeUnapproved,
		outcomeStale, outcomeWarned, outcomeCancelled, outcomeFailed, outcomeInvalid,
	} {
		if !strings.Contains(text, "`"+string(o)+"`") {
			t.Errorf("docs/cli.md does not name the outcome %q", o)
		}
	}
	for _, code := range []string{"0", "1", "2", "3", "4", "5", "6", "64"} {
		if !strings.Contains(text, "\n| "+code+" | ") {
			t.Errorf("docs/cli.md does not explain the exit code %s", code)
		}
	}
}

// What is read of the environment, by looking at the source.
func TestEveryVariableOfTheEnvironmentIsDocumented(t *testing.T) {
	text := cliDocument(t)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`"((?:COGPLAN|GITHUB|GITLAB|CI)_[A-Z_]+|NO_COLOR|TERM|CI)"`)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range name.FindAllStringSubmatch(string(source), -1) {
			found++
			if !strings.Contains(text, "`"+match[1]) {
				t.Errorf("docs/cli.md does not name %s, which %s reads", match[1], file)
			}
		}
	}
	if found < 8 {
		t.Fatalf("only %d variables were found", found)
	}
}

// Whoever asks a command for help sees how it is typed.
func TestEveryCommandHasAnExample(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
		if cmd.HasSubCommands() || cmd.Name() == "help" {
			return
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%q has no example of itself: %q", cmd.CommandPath(), cmd.Example)
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%q is said to be %q", cmd.CommandPath(), cmd.Short)
		}
	}
	visit(testRoot())
}
