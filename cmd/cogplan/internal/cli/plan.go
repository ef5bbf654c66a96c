package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/recording"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// runFlags are the flags of the commands that look at the world.
type runFlags struct {
	inputs      inputFlags
	output      outputFlags
	parallelism int
	full        bool
	effects     bool
	// unread takes the record for the world.
	unread      bool
	events      string
	selection   selection
	documents   documentFlags
	ruling      rulingFlags
	lockTimeout time.Duration
}

func (f *runFlags) add(flags *pflag.FlagSet) {
	f.inputs.add(flags)
	f.output.add(flags)
	f.output.addProgress(flags)
	flags.IntVar(&f.parallelism, "parallelism", 0, "work on at most `n` resources at once; 0 leaves it to the engine")
	flags.StringVar(&f.events, "events", "", "append a line of JSON for each step of the run to this `file`; - is standard error")
	flags.BoolVar(&f.full, "full", false, "show every value whole, in a long plan too")
}

// addRefresh adds the flag of what may leave the world unread.
func (f *runFlags) addRefresh(flags *pflag.FlagSet) {
	flags.Var(&inputFlag{&f.unread}, "refresh", "read the world; false takes what was recorded for it")
	flags.Lookup("refresh").NoOptDefVal = "true"
}

// addEffects adds the flag of what shows a plan.
func (f *runFlags) addEffects(flags *pflag.FlagSet) {
	flags.BoolVar(&f.effects, "effects", false, "show what each change will do to the world: files, requests, connections")
}

// addApply adds the flags of what writes.
func (f *runFlags) addApply(flags *pflag.FlagSet) {
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 0, "wait so long for the lock of the state, as 30s or 5m")
}

func (f *runFlags) check() error {
	if f.parallelism < 0 {
		return usagef("-parallelism is a number of resources, not %d", f.parallelism)
	}
	if f.lockTimeout < 0 {
		return usagef("-lock-timeout is a time to wait, not %s", f.lockTimeout)
	}
	return nil
}

// planOptions are the flags of plan besides those of every run.
type planOptions struct {
	detailed bool
	destroy  bool
	refresh  bool
	out      string
	record   string
}

func (a *app) planCommand() *cobra.Command {
	var flags runFlags
	var opts planOptions
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what apply would do, and what policy says about it",
		Long: "Compare what the module declares with the world, show what would be done, and\n" +
			"what policy says about it. Providers can only read meanwhile.",
		Example: "  cogplan plan\n  cogplan plan -var region=eu -detailed-exitcode\n  cogplan plan -out site.plan\n" +
			"  cogplan plan -out site.plan -json plan.json -markdown plan.md -sarif policy.sarif -junit policy.xml",
		Args: func(cmd *cobra.Command, args []string) error { return noArgs(cmd, flags.output.takeJSONFile(args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if err := flags.checkDocuments(opts.out); err != nil {
				return err
			}
			if !opts.refresh {
				return a.plan(cmd.Context(), &flags, opts)
			}
			if err := onlyRefresh(flags.unread || opts.out != "" || opts.record != "" || opts.destroy || flags.writesDocument() || len(flags.selection.Replace) > 0); err != nil {
				return err
			}
			return a.planRefresh(cmd.Context(), &flags, opts.detailed)
		},
	}
	flags.add(cmd.Flags())
	flags.addEffects(cmd.Flags())
	flags.selection.add(cmd.Flags())
	flags.ruling.add(cmd.Flags())
	flags.addDocuments(cmd.Flags())
	flags.addRefresh(cmd.Flags())
	cmd.Flags().BoolVar(&opts.detailed, "detailed-exitcode", false, "end with exit code 2 where there are changes")
	cmd.Flags().BoolVar(&opts.destroy, "destroy", false, "plan what destroy would do")
	cmd.Flags().BoolVar(&opts.refresh, "refresh-only", false, "show what apply -refresh-only would record")
	cmd.Flags().StringVar(&opts.record, "record", "", "keep in this `folder` what the plan rests on, for cogplan replay")
	cmd.Flags().StringVar(&opts.out, "out", "", "keep the plan in this `file`, for show and apply")
	return cmd
}

func (a *app) plan(ctx context.Context, flags *runFlags, opts planOptions) error {
	r := a.newRun("plan", flags)
	defer r.close()
	r.destroy, r.detailed = opts.destroy, opts.detailed
	if err := r.prepareToKeep(opts); err != nil {
		return err
	}
	proposal, o, err := r.look(ctx)
	if err != nil {
		return err
	}
	if r.recorder != nil {
		if err := r.writeRecording(opts.record, proposal); err != nil {
			r.session.messages = append(r.session.messages, errorMessage(err))
			o = outcomeFailed
		}
	}
	if o == outcomeNoChanges && len(r.undeclared)+len(r.records) > 0 {
		o = outcomeChanges
	}
	r.next = r.nextAfterPlan(proposal, opts.out)
	if opts.out != "" {
		o = r.keep(opts.out, o, proposal)
	}
	return r.finish(o, proposal, nil, func() { r.showPlan(proposal) })
}

// prepareToKeep gets ready for what is kept of the plan: a file, or a recording.
func (r *run) prepareToKeep(opts planOptions) error {
	if r.flags.unread && (opts.out != "" || opts.record != "") {
		return usagef("-refresh=false is for a look: a plan that is kept rests on the world as it was read")
	}
	if opts.out != "" && opts.record != "" {
		return usagef("-out and -record are for two plans: a plan file is bound to the sensitive variables, and a recording must not be")
	}
	if opts.out != "" {
		if err := planfile.Writable(opts.out); err != nil {
			return err
		}
		r.salt = planfile.NewSalt()
	}
	if opts.record != "" {
		if err := recording.Free(opts.record); err != nil {
			return err
		}
		r.recorder = recording.NewRecorder()
	}
	return nil
}

// keep saves what was planned, also what is denied, so that it can be looked at.
func (r *run) keep(path string, o outcome, proposal *reconcile.Proposal) outcome {
	if o != outcomeChanges && o != outcomeNoChanges && o != outcomeDenied && o != outcomeUnapproved {
		// An older plan may lie there, which must not be taken for this one.
		if !r.flags.output.json {
			fmt.Fprintf(r.app.proc.stderr, "The plan is not kept: %s is as it was.\n", render.Escape(path))
		}
		return o
	}
	if err := r.savePlan(path, o, proposal); err != nil {
		r.session.messages = append(r.session.messages, errorMessage(err))
		return outcomeFailed
	}
	r.saved = path
	return o
}

func (r *run) nextAfterPlan(proposal *reconcile.Proposal, out string) string {
	switch {
	case out != "" && proposal != nil && planOutcome(proposal) == outcomeUnapproved:
		return "cogplan approve " + shellWord(out)
	case proposal == nil || !proposal.HasChanges() && len(r.records) == 0 || proposal.Denied() || proposal.Failed():
		return ""
	case out != "":
		return "cogplan apply " + shellWord(out)
	default:
		return "cogplan " + r.mutates()
	}
}

// shellWord quotes a word for a shell, where it has to be.
func shellWord(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool { return !plainInShell(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func plainInShell(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./+,:@%", c)
}

// warned reports whether anything was warned of.
func (r *run) warned(proposal *reconcile.Proposal) bool {
	if len(r.session.messages) > 0 || proposal.Run != nil && len(proposal.Run.Findings) > 0 {
		return true
	}
	for _, result := range proposal.Results() {
		if len(result.Warnings()) > 0 || len(result.Decision().Findings) > 0 {
			return true
		}
	}
	return false
}

func (r *run) showPlan(proposal *reconcile.Proposal) {
	a := r.app
	a.tell(r.session)
	if proposal == nil || !r.planned() {
		return
	}
	fmt.Fprint(a.out, a.style().Plan(r.view(proposal)))
}

// view is the plan as it is shown.
func (r *run) view(proposal *reconcile.Proposal) *render.Plan {
	return &render.Plan{
		Command: r.command, Proposal: proposal, Sources: r.session.sources(),
		Where: r.session.where, Explain: r.session.explain, Full: r.flags.full, Effects: r.flags.effects, Next: r.next,
		Destroy: r.destroy, Undeclared: len(r.undeclared) > 0, Records: r.records, Saved: r.saved,
	}
}

// planned reports whether there is a plan to show.
func (r *run) planned() bool { return !r.session.broken() }

// endJSON writes the one document of a run.
func (r *run) endJSON(o outcome, proposal *reconcile.Proposal, applied *appliedRun) error {
	if err := render.WriteJSON(r.app.out, r.document(o, proposal, applied)); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return end(o, r.detailed)
}

// document is a run for programs.
func (r *run) document(o outcome, proposal *reconcile.Proposal, applied *appliedRun) *render.Document {
	doc := &render.Document{
		FormatVersion: render.FormatVersion, CogplanVersion: version, Command: r.command,
		Outcome: string(o), ExitCode: exitCode(o, r.detailed),
		Diagnostics: render.Diagnostics(r.messages(proposal, applied), r.session.sources()),
	}
	if proposal != nil && r.planned() {
		sum := proposal.Summary()
		doc.Digest, doc.Summary, doc.Policy = proposal.Digest(), &sum, proposal.Run
		doc.Resources = render.Resources(proposal.Results(), r.session.where)
		doc.Undeclared, doc.Saved, doc.Records = r.undeclared, r.saved, r.records
	}
	doc.Moved = r.moved
	if applied != nil {
		doc.Resources = render.Resources(applied.results, r.session.where)
		doc.Outputs = render.Outputs(applied.outputs)
	}
	return doc
}

// messages are what was found in the module, and why resources failed.
func (r *run) messages(proposal *reconcile.Proposal, applied *appliedRun) []render.Message {
	messages := r.session.messages
	results := proposal.Results()
	if applied != nil {
		results = applied.results
	}
	for i := range results {
		if results[i].Status != reconcile.StatusFailed {
			continue
		}
		for _, m := range r.session.explain(results[i]) {
			m.Address = results[i].Resource
			messages = append(messages, m)
		}
	}
	return messages
}
