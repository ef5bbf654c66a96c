package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
)

// inputFlags are the flags of every command that evaluates the module.
type inputFlags struct {
	variables []lang.VariableArg
	noInput   bool
	// lockfile is how strictly the lock file is taken.
	lockfile string
	// audit is the file of the audit; empty for none.
	audit string
}

func (f *inputFlags) add(flags *pflag.FlagSet) {
	flags.Var(&variableFlag{&f.variables}, "var", "set a variable: `name=value`; may be repeated")
	flags.Var(&variableFileFlag{&f.variables}, "var-file", "read variables from this `file`; may be repeated")
	flags.Var(&inputFlag{&f.noInput}, "input", "ask for variables that have no value, where a terminal is there")
	flags.Lookup("input").NoOptDefVal = "true"
	f.lockfile = lockCheck
	flags.Var(&choiceFlag{&f.lockfile, []string{lockCheck, lockReadOnly}}, "lockfile",
		"refuse what is not as cogplan.lock.hcl says; readonly: also where there is no such file")
	flags.StringVar(&f.audit, "audit", "", "append a line of JSON for each use that a provider makes of what it is granted, or tries to, to this `file`; - is standard error")
}

// variableFlag and variableFileFlag fill one list: their order decides which
// value wins.
type variableFlag struct{ to *[]lang.VariableArg }

// String has no default to show.
func (f *variableFlag) String() string { return "" }

// Type is what the help calls the value.
func (f *variableFlag) Type() string { return "name=value" }

// Set takes one name=value.
func (f *variableFlag) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || strings.TrimSpace(name) == "" {
		return fmt.Errorf("%q is not of the form name=value", text)
	}
	*f.to = append(*f.to, lang.VariableArg{Name: strings.TrimSpace(name), Value: value})
	return nil
}

type variableFileFlag struct{ to *[]lang.VariableArg }

// String has no default to show.
func (f *variableFileFlag) String() string { return "" }

// Type is what the help calls the value.
func (f *variableFileFlag) Type() string { return "file" }

// Set takes the name of one file.
func (f *variableFileFlag) Set(text string) error {
	if text == "" {
		return fmt.Errorf("the name of the file is empty")
	}
	*f.to = append(*f.to, lang.VariableArg{File: text})
	return nil
}

// inputFlag is a switch that is on by default.
type inputFlag struct{ off *bool }

// String is the default.
func (f *inputFlag) String() string { return "true" }

// Type is what the help calls the value.
func (f *inputFlag) Type() string { return "bool" }

// Set takes true or false.
func (f *inputFlag) Set(text string) error {
	switch text {
	case "true", "false":
		*f.off = text == "false"
		return nil
	default:
		return fmt.Errorf("%q is neither true nor false", text)
	}
}

// choiceFlag is one of a few words.
type choiceFlag struct {
	value   *string
	choices []string
}

// String is the value.
func (f *choiceFlag) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}

// Type is what the help calls the value.
func (f *choiceFlag) Type() string { return strings.Join(f.choices, "|") }

// Set takes one of the words.
func (f *choiceFlag) Set(text string) error {
	if !slices.Contains(f.choices, text) {
		return fmt.Errorf("it is one of %s", strings.Join(f.choices, ", "))
	}
	*f.value = text
	return nil
}

// outputFlags say how a command tells what it did.
type outputFlags struct {
	json bool
	// jsonFile takes the JSON document, of a command that can write it to a file.
	jsonFile string
	progress string
	failOn   string
}

func (f *outputFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.json, "json", false, "print one JSON document")
	flags.Var(&choiceFlag{&f.failOn, []string{"error", "warn"}}, "fail-on", "what ends with exit code 1: errors alone, or warnings too")
	f.failOn = "error"
	flags.Lookup("fail-on").DefValue = "error"
}

func (f *outputFlags) addProgress(flags *pflag.FlagSet) {
	modes := []string{"auto", "live", "plain", "json", "none"}
	flags.Var(&choiceFlag{&f.progress, modes}, "progress", "how progress is shown on standard error")
	f.progress = "auto"
	flags.Lookup("progress").DefValue = "auto"
}

// failsOnWarnings reports whether warnings count as errors.
func (f *outputFlags) failsOnWarnings() bool { return f.failOn == "warn" }

// progressOf is the progress of a run. A program that asked for JSON is shown
// nothing else unless it asks; a person on a terminal sees a live line.
func (a *app) progressOf(f *outputFlags) *render.Progress {
	mode := render.ProgressMode(f.progress)
	if mode == "auto" || mode == "" {
		switch {
		case f.json:
			mode = render.ProgressNone
		case !a.isPlain() && isTerminal(a.proc.stderr) && a.proc.environ["TERM"] != "dumb" && a.proc.environ["CI"] == "":
			mode = render.ProgressLive
		default:
			mode = render.ProgressPlain
		}
	}
	progress := render.NewProgress(a.proc.stderr, a.errStyle(), mode, a.proc.now)
	progress.Measure(func() int { return a.styleOf(a.proc.stderr).Width })
	return progress
}
