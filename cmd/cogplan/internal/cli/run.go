package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/recording"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// run is one plan, apply or destroy.
type run struct {
	app      *app
	flags    *runFlags
	command  string
	progress *render.Progress
	session  *session
	engine   *reconcile.Engine
	events   reconcile.EventSink
	// chosen is the part of the module that the run is about.
	chosen *selected
	// destroy takes everything away.
	destroy bool
	// recordOnly records the world as it is, and changes nothing.
	recordOnly bool
	// adopt are objects to import, by the resource that they belong to.
	adopt map[string][]wasm.Adoption
	// context is who runs what, once somebody has asked.
	context reconcile.RunContext
	// recorder takes down what providers answer; nil where nothing is recorded.
	recorder *recording.Recorder
	// replayed is the recording that is replayed.
	replayed *recording.Recording
	// unruled runs only look, and ask no policy.
	unruled bool
	// salt is that of the plan file that is made; file is the one that is applied.
	salt string
	file *planfile.Plan
	// recorded have a state; undeclared of them are no longer declared.
	recorded   map[string]bool
	undeclared []string
	moved      []string
	saved      string
	next       string
	// records says what an apply does to the records alone.
	records  []string
	detailed bool
}

func (a *app) newRun(command string, flags *runFlags) *run {
	return &run{app: a, flags: flags, command: command, progress: a.progressOf(&flags.output)}
}

func (r *run) close() {
	r.progress.Stop()
	if r.session != nil {
		r.session.close()
	}
}

// errInvalid says that the session holds messages that say why nothing was
// planned.
var errInvalid = errors.New("the module is not valid")

// look plans everything and says how that ended. The error is a mistake on the
// command line.
func (r *run) look(ctx context.Context) (*reconcile.Proposal, outcome, error) {
	proposal, err := r.propose(ctx)
	if usage, ok := errors.AsType[*usageError](err); ok {
		return nil, outcomeUsage, usage
	}
	o := r.proposed(ctx, proposal, err)
	if err := r.writeReports(proposal); err != nil {
		r.session.messages = append(r.session.messages, errorMessage(err))
		o = outcomeFailed
	}
	return proposal, o, nil
}

// propose opens the module and plans what is chosen of it.
func (r *run) propose(ctx context.Context) (*reconcile.Proposal, error) {
	r.progress.Start("Planning")
	defer r.progress.Stop()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	var err error
	if r.events, err = r.app.openEvents(r.flags.events); err != nil {
		return nil, err
	}
	if r.destroy {
		if err := r.settleForDestroy(ctx); err != nil {
			return nil, err
		}
	}
	r.engine = r.newEngine()
	proposal, err := r.engine.Propose(ctx, r.chosen.config, reconcile.MetaOpts{DryRun: true})
	if !r.unruled {
		r.session.checkPolicies()
	}
	if r.session.broken() {
		return nil, errInvalid
	}
	if err == nil && r.file != nil {
		err = movedResources(r.file, proposal)
	}
	return proposal, err
}

// open opens the module, and compares it with the plan file that is to be
// applied.
func (r *run) open(ctx context.Context) error {
	if err := r.app.openRuling(&r.flags.ruling); err != nil {
		r.session = newSession(r.app)
		return err
	}
	session, err := r.app.openSessionFor(ctx, &r.flags.inputs, r.progress, r.use())
	r.session = session
	if r.file != nil && err == nil {
		err = movedModule(r.file, session)
	}
	if err != nil {
		return err
	}
	if session.broken() {
		session.checkPolicies()
		return errInvalid
	}
	if err := r.findUndeclared(ctx); err != nil {
		return err
	}
	r.chosen, err = r.flags.selection.choose(session.eval.MetaConfig(), r.destroy)
	if err == nil && r.destroy {
		// What nothing is recorded of has nothing to lose, and may read what is
		// not there.
		r.chosen.config = newLinks(r.chosen.config, true).part(r.recorded)
	}
	return r.explainTarget(err)
}

func (r *run) use() sessionUse {
	use := sessionUse{recorded: r.flags.unread, salt: r.salt, replace: r.flags.selection.Replace, adopt: r.adopt, recorder: r.recorder, replayed: r.replayed}
	if r.file != nil {
		use.salt = r.file.Binding.Salt
	}
	switch {
	case r.destroy:
		use.purpose = wasm.PurposeDestroy
	case r.recordOnly:
		use.purpose = wasm.PurposeObserve
	}
	return use
}

func (r *run) newEngine() *reconcile.Engine {
	proc := r.app.proc
	var gate reconcile.Gate = r.session.gate
	if r.unruled {
		gate = reconcile.AllowAll{}
	}
	options := []reconcile.Option{
		reconcile.WithRegistry(&r.session.registry),
		reconcile.WithStore(r.session.store),
		reconcile.WithEvents(r.events),
		reconcile.WithObserver(r.progress),
		reconcile.WithParallelism(r.flags.parallelism),
		reconcile.WithRunContext(r.runContext()),
		reconcile.WithLock(proc.holder(), r.flags.lockTimeout),
		reconcile.WithClock(proc.now),
	}
	if r.command == "status" {
		options = append(options, reconcile.WithHealthShown())
	}
	if r.destroy {
		options = append(options, reconcile.WithDestroy())
	} else {
		options = append(options, reconcile.WithSettled(r.session.settle), reconcile.WithRemoved(r.session.removed))
	}
	return reconcile.NewEngine(moduleDir, gate, options...)
}

// runContext says who runs what, for the policies: in a replay who ran it then.
func (r *run) runContext() reconcile.RunContext {
	if r.replayed != nil {
		return r.replayed.Head.Run
	}
	if r.context == (reconcile.RunContext{}) {
		r.context = r.app.proc.runContext(r.told())
	}
	return r.context
}

// told is the command that policies are told. A plan of a destroy is ruled on as
// the destroy that it is for.
func (r *run) told() string {
	if r.destroy {
		return commandDestroy
	}
	return r.command
}

// proposed is the outcome of a plan. What is in the way of showing it becomes a
// message.
func (r *run) proposed(ctx context.Context, proposal *reconcile.Proposal, err error) outcome {
	moved, isMoved := errors.AsType[*movedError](err)
	switch {
	case errors.Is(err, errInvalid):
		return outcomeInvalid
	case isMoved:
		r.moved = moved.moved
		r.session.messages = []render.Message{moved.message()}
		return outcomeStale
	case errors.Is(err, context.Canceled):
		r.session.messages = append(r.session.messages, render.Errorf("Interrupted", "Nothing was applied."))
		return outcomeCancelled
	case err != nil:
		r.session.messages = append(r.session.messages, errorMessage(err))
		return outcomeFailed
	}
	r.sayPart()
	r.warnOfUndeclared(ctx)
	r.records = r.session.store.changes()
	if !r.destroy {
		r.records = append(r.records, r.session.adoptionsToCome(ctx, r.session.store)...)
		r.session.sayChecks()
	}
	o := planOutcome(proposal)
	if (o == outcomeChanges || o == outcomeNoChanges) && r.flags.output.failsOnWarnings() && r.warned(proposal) {
		return outcomeWarned
	}
	return o
}

// sayUnread warns that the world was not looked at.
func (r *run) sayUnread() {
	if r.flags.unread {
		r.session.messages = append(r.session.messages, render.Message{
			Severity: render.SeverityWarning, Summary: "The world was not read",
			Detail: "With -refresh=false the plan rests on what was recorded. What has moved since is not in it.",
		})
	}
}

// sayPart warns that the run is about a part of the module.
func (r *run) sayPart() {
	r.sayUnread()
	notes := r.chosen.notes
	if r.adopt != nil {
		return // it is about one object, and says so
	}
	if part := &r.flags.selection; len(part.Targets) > 0 || len(part.Excludes) > 0 {
		notes = append([]string{"-target and -exclude are for exceptions: the rest of the module may have changes too"}, notes...)
	}
	if len(notes) == 0 {
		return
	}
	r.session.messages = append(r.session.messages, render.Message{
		Severity: render.SeverityWarning, Summary: "A part of the module is looked at",
		Detail: strings.Join(notes, ".\n") + ".",
	})
}

// findUndeclared lists what is recorded and no longer declared: nobody looks
// after it any more.
func (r *run) findUndeclared(ctx context.Context) error {
	recorded, err := r.session.store.List(ctx)
	if err != nil {
		return err
	}
	r.recorded = map[string]bool{}
	for _, address := range recorded {
		r.recorded[address] = true
	}
	declared := newLinks(r.session.eval.MetaConfig(), false).all()
	r.undeclared = slices.DeleteFunc(recorded, func(address string) bool { return declared[address] })
	return nil
}

// warnOfUndeclared names them, and says what can be done.
func (r *run) warnOfUndeclared(ctx context.Context) {
	if len(r.undeclared) == 0 {
		return
	}
	store := r.session.store
	var lines []string
	for _, address := range r.undeclared {
		objects := "its state cannot be read"
		if state, _, err := store.Load(ctx, address); err == nil && state != nil {
			objects = objectCount(len(state.Resources))
		}
		lines = append(lines, fmt.Sprintf("- %s (%s)", address, objects))
	}
	r.session.messages = append(r.session.messages, render.Message{
		Severity: render.SeverityWarning,
		Summary:  "Recorded but no longer declared",
		Detail: strings.Join(lines, "\n") + "\nWhat they manage is left as it is. " +
			"To delete it, declare the resource again, run `cogplan destroy -target address`, and take the block out. " +
			"To leave it in the world and forget it, run `cogplan state rm address`. " +
			"If it only has another address now, run `cogplan state mv old new`.",
	})
}

func objectCount(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// explainTarget says more of a target that is recorded and not declared.
func (r *run) explainTarget(err error) error {
	if err == nil {
		return nil
	}
	for _, address := range r.flags.selection.Targets {
		if slices.Contains(r.undeclared, address) {
			return usagef("-target %s: it is recorded and no longer declared, so nobody knows where its objects are; "+
				"declare it again to reach them, or forget it with: cogplan state rm %s", render.Escape(address), shellWord(address))
		}
	}
	return err
}

func atMostOne(what string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%s takes at most one %s, but got %d", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}
