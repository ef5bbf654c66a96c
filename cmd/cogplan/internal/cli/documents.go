package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy/report"
)

// documentFlags name the files in which a run tells what it came to, beside what it
// prints.
type documentFlags struct {
	markdown string
	sarif    string
	junit    string
}

func (f *runFlags) addDocuments(flags *pflag.FlagSet) {
	flags.StringVar(&f.documents.markdown, "markdown", "", "write what was planned or applied as Markdown to this `file`, short enough for a comment")
	flags.StringVar(&f.documents.sarif, "sarif", "", "write the decisions as SARIF to this `file`, for code scanning")
	flags.StringVar(&f.documents.junit, "junit", "", "write the decisions as JUnit XML to this `file`, for test reports")
	flag := flags.Lookup("json")
	flag.Value = &jsonFlag{&f.output}
	flag.Usage = "print one JSON document; -json=file writes it to a file, beside the text"
}

// jsonFlag is -json, which prints the document, and -json=file, which writes it.
type jsonFlag struct{ to *outputFlags }

// String is the default.
func (f *jsonFlag) String() string { return "false" }

// Type is what the help calls the value.
func (f *jsonFlag) Type() string { return "bool" }

// Set takes true, false, or the name of a file.
func (f *jsonFlag) Set(text string) error {
	switch text {
	case "":
		return errors.New("the name of the file is empty")
	case "true", "false":
		f.to.json, f.to.jsonFile = text == "true", ""
	default:
		f.to.json, f.to.jsonFile = false, text
	}
	return nil
}

// takeJSONFile lets the name of the file stand behind a space, in a command that
// takes no other argument: -json plan.json.
func (f *outputFlags) takeJSONFile(args []string) []string {
	if !f.json || len(args) != 1 {
		return args
	}
	f.json, f.jsonFile = false, args[0]
	return nil
}

// writesDocument reports whether a document was asked for, which not every kind of
// run has.
func (f *runFlags) writesDocument() bool {
	return f.output.json || f.output.jsonFile != "" || f.documents != documentFlags{}
}

// checkDocuments refuses, before anything is done, what could not be written at
// its end, and what would write over what the run reads.
func (f *runFlags) checkDocuments(out string) error {
	names := []string{f.output.jsonFile, f.documents.markdown, f.documents.sarif, f.documents.junit}
	for _, wanted := range f.ruling.reports {
		names = append(names, wanted.file)
	}
	seen := map[string]bool{}
	if out != "" {
		seen[filepath.Clean(out)] = true
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if readByModules(name) {
			return usagef("%s is a file that modules are made of, and a report is not written over it; give the report another name", render.Escape(name))
		}
		info, err := os.Stat(filepath.Dir(name))
		if err == nil && !info.IsDir() {
			err = errors.New("it is not a directory")
		}
		if err != nil {
			return fmt.Errorf("write the report %s: its directory: %w; nothing was done", name, err)
		}
		info, err = os.Stat(name)
		if err == nil && info.IsDir() {
			return fmt.Errorf("write the report %s: it is a directory; nothing was done", name)
		}
		plain := err != nil || info.Mode().IsRegular() // many may go to /dev/stdout
		if clean := filepath.Clean(name); plain && seen[clean] {
			return usagef("two things are to be written to %s", render.Escape(name))
		} else if plain {
			seen[clean] = true
		}
	}
	return nil
}

func readByModules(name string) bool {
	return slices.ContainsFunc([]string{".hcl", ".hcl.json", ".hclvars", ".rego", ".wasm"}, func(suffix string) bool {
		return strings.HasSuffix(name, suffix)
	})
}

// writeReports writes the reports on the decisions, on what was allowed and on what
// was denied.
func (r *run) writeReports(proposal *reconcile.Proposal) error {
	wanted := slices.Clone(r.flags.ruling.reports)
	for format, file := range map[string]string{report.SARIF: r.flags.documents.sarif, report.JUnit: r.flags.documents.junit} {
		if file != "" {
			wanted = append(wanted, reportFlag{format, file})
		}
	}
	if proposal == nil || len(wanted) == 0 {
		return nil
	}
	items := reportItems(proposal)
	for _, one := range wanted {
		var text bytes.Buffer
		if err := report.Write(&text, one.format, items); err != nil {
			return fmt.Errorf("write the report %s: %w", one.file, err)
		}
		if err := putFile(one.file, text.Bytes()); err != nil {
			return fmt.Errorf("write the report %s: %w", one.file, err)
		}
	}
	return nil
}

// finish shows what a run came to, writes the documents that were asked for, and
// ends it. People are told first: no report may be in the way of what was done.
func (r *run) finish(o outcome, proposal *reconcile.Proposal, applied *appliedRun, show func()) error {
	if r.flags.output.json {
		if err := r.writeDocuments(o, proposal, applied); err != nil {
			r.session.messages = append(r.session.messages, unwritten(err, applied))
			o = withoutDocument(o)
		}
		return r.endJSON(o, proposal, applied)
	}
	show()
	if err := r.writeDocuments(o, proposal, applied); err != nil {
		fmt.Fprint(r.app.proc.stderr, r.app.errStyle().Messages([]render.Message{unwritten(err, applied)}, nil))
		o = withoutDocument(o)
	}
	return end(o, r.detailed)
}

// unwritten says that a document is not there, and what that means for the world:
// nothing.
func unwritten(err error, applied *appliedRun) render.Message {
	detail := "The plan itself is as it was shown."
	if applied != nil {
		detail = "What was applied stays applied, and is recorded."
	}
	return render.Errorf(sentence(err), "%s", detail)
}

// withoutDocument is the outcome where a document is missing. What is worse stays.
func withoutDocument(o outcome) outcome {
	if exitCode(o, false) == exitDone {
		return outcomeFailed
	}
	return o
}

// writeDocuments writes all of them, and says of the first that could not be.
func (r *run) writeDocuments(o outcome, proposal *reconcile.Proposal, applied *appliedRun) error {
	var errs []error
	put := func(what, name string, write func(string, []byte) error, text func() []byte) {
		if name == "" {
			return
		}
		if err := write(name, text()); err != nil {
			errs = append(errs, fmt.Errorf("write %s: %w", what, err))
		}
	}
	markdown := func() []byte { return []byte(r.markdown(o, proposal, applied)) }
	environ := r.app.proc.environ
	put("the report "+r.flags.documents.markdown, r.flags.documents.markdown, putFile, markdown)
	put("the summary of the job (GITHUB_STEP_SUMMARY)", environ["GITHUB_STEP_SUMMARY"], appendFile, markdown)
	put("the outputs of the step (GITHUB_OUTPUT)", environ["GITHUB_OUTPUT"], appendFile, func() []byte { return []byte(r.stepOutputs(o, proposal)) })
	put("the report "+r.flags.output.jsonFile, r.flags.output.jsonFile, putFile, func() []byte {
		var text bytes.Buffer
		if err := render.WriteJSON(&text, r.document(o, proposal, applied)); err != nil {
			errs = append(errs, err)
		}
		return text.Bytes()
	})
	return errors.Join(errs...)
}

// markdown is what a run came to, for a review.
func (r *run) markdown(o outcome, proposal *reconcile.Proposal, applied *appliedRun) string {
	var messages string
	if len(r.session.messages) > 0 {
		messages = render.Style{Width: render.Unlimited}.Messages(r.session.messages, r.session.sources())
	}
	doc := render.Markdown{Title: r.command + ": " + string(o), Messages: messages, Whole: r.saved, Limit: markdownLimit, Warned: o == outcomeWarned}
	if applied != nil {
		doc.Applied = r.applied(o, applied)
	}
	if proposal != nil && r.planned() {
		doc.Plan, doc.Basis = r.view(proposal), basis(r.kept(o, proposal))
	}
	return doc.String()
}

// markdownLimit is the most bytes of a document in Markdown. GitHub takes 65,536
// characters as a comment; the rest is for the line by which the comment is found.
const markdownLimit = 65_000

// stepOutputs are what the further steps of a workflow can ask for. Nothing in it
// comes from a provider or a policy.
func (r *run) stepOutputs(o outcome, proposal *reconcile.Proposal) string {
	var digest string
	var sum reconcile.Summary
	if proposal != nil && r.planned() {
		digest, sum = proposal.Digest(), proposal.Summary()
	}
	return fmt.Sprintf("outcome=%s\nexitcode=%d\ndigest=%s\ncreates=%d\nupdates=%d\ndeletes=%d\n",
		o, exitCode(o, r.detailed), digest, sum.Creates, sum.Updates, sum.Deletes)
}

// kept is the plan as a plan file keeps it.
func (r *run) kept(o outcome, proposal *reconcile.Proposal) *planfile.Plan {
	s := r.session
	plan := &planfile.Plan{
		CogplanVersion: version, CreatedAt: r.app.proc.now().UTC().Format(time.RFC3339),
		Command: r.mutates(), Outcome: string(o), Selection: r.flags.selection.Selection,
		Sources: s.digests, Variables: s.variables(), Environment: s.eval.EnvRead(),
		Binding: s.key.Binding(), Providers: s.providerInfos(), Undeclared: r.undeclared,
	}
	if plan.Environment == nil {
		plan.Environment = []string{}
	}
	plan.FromProposal(proposal)
	return plan
}

// putFile puts a file in place, whole or not at all; what is no plain file,
// such as /dev/stdout, is written to.
func putFile(path string, data []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, data, 0o644)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".cogplan-report-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err := errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// appendFile adds to a file that others add to as well.
func appendFile(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
