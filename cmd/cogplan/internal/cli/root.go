package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/policy"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// app is what all commands share.
type app struct {
	proc   *process
	global globalFlags
	// out takes what a command tells; it remembers an error of writing.
	out *checked
	// ruling is what the command line says about the gate.
	ruling ruling
	// lines are the logs that were asked for.
	lines []*lineLog
}

// globalFlags are the flags of every command.
type globalFlags struct {
	chdir   string
	noColor bool
	// plain writes words for marks, and no line that is written over.
	plain bool
}

// Main runs cogplan, or a worker of it, and returns the exit code.
func Main(ctx context.Context) int {
	becomeHelperIfRequested() //nolint:contextcheck // a helper ends with its pipe, and has a context of its own
	proc := thisProcess()
	collectLater(proc.environ)
	return cogplan(ctx, proc)
}

// becomeHelperIfRequested never returns where this process was started as a
// worker or as an evaluator of policies. It comes before anything else.
func becomeHelperIfRequested() {
	wasm.RunWorkerIfRequested()
	policy.RunChildIfRequested()
}

func cogplan(ctx context.Context, proc *process) int {
	a := &app{proc: proc, out: &checked{out: proc.stdout}}
	ctx, stop := proc.interruptible(ctx)
	defer stop()
	root := a.root() //nolint:contextcheck // each command has the context that ExecuteContext gives it
	args := doubleDashes(proc.args, root)
	var offered bytes.Buffer
	if completes(proc.args) {
		args = typedFlag(args)
		root.SetOut(&offered)
	}
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	_, _ = a.out.Write(singleDashes(proc.args, offered.Bytes())) // it remembers its error
	if err == nil && a.out.err != nil {
		err = fmt.Errorf("write the output: %w", a.out.err)
	}
	if err == nil {
		err = a.linesFailure()
	}
	a.complain(err)
	return codeOf(err)
}

// complain shows an error that nobody has shown yet.
func (a *app) complain(err error) {
	if err == nil {
		return
	}
	if _, told := errors.AsType[*endError](err); told {
		return
	}
	style := a.errStyle()
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprint(a.proc.stderr, style.Messages([]render.Message{render.Errorf("Wrong command line", "%s", usage.text)}, nil))
		return
	}
	fmt.Fprint(a.proc.stderr, style.Messages([]render.Message{{Severity: render.SeverityError, Summary: sentence(err)}}, nil))
}

// sentence is an error as a person begins one.
func sentence(err error) string {
	text := err.Error()
	if text == "" {
		return "Unknown error"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func (a *app) style() render.Style    { return a.styleOf(a.proc.stdout) }
func (a *app) errStyle() render.Style { return a.styleOf(a.proc.stderr) }

func (a *app) styleOf(file *os.File) render.Style {
	if a.isPlain() {
		return render.Style{Width: render.Unlimited, Plain: true}
	}
	return a.proc.style(file, a.global.noColor)
}

// isPlain reports whether somebody listens to what is written.
func (a *app) isPlain() bool { return a.global.plain || a.proc.environ["COGPLAN_PLAIN"] == "1" }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "cogplan",
		Short: "Plan what is declared, ask policy, apply what is allowed",
		Long: "cogplan compares what your .hcl files declare with the world, shows a plan,\n" +
			"asks policy about exactly that plan, and applies what is allowed. Providers run\n" +
			"in a sandbox and can touch only what your module grants them.",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
		Args:              unknownCommand,
		RunE:              needsCommand,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.changeDir() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(a.helpCommand())
	root.SetVersionTemplate("cogplan {{.Version}}\n")
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := io.WriteString(cmd.OutOrStdout(), usageText(cmd))
		return err
	})
	root.SetOut(a.out)
	root.SetErr(a.proc.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s See: %s -help", flagMistake(cmd, err), cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.global.chdir, "chdir", "", "switch to this `directory` first")
	flags.BoolVar(&a.global.noColor, "no-color", false, "write no colours (as NO_COLOR does)")
	flags.BoolVar(&a.global.plain, "plain", false, "write words instead of marks, colours and live lines, for screen readers (as COGPLAN_PLAIN=1 does)")
	root.AddCommand(
		a.initCommand(), a.validateCommand(), a.planCommand(), a.showCommand(), a.commentCommand(), a.approveCommand(), a.applyCommand(), a.destroyCommand(),
		a.driftCommand(), a.statusCommand(), a.importCommand(), a.exportCommand(),
		a.outputCommand(), a.stateCommand(), a.policyCommand(), a.providerCommand(), a.replayCommand(), a.graphCommand(), a.consoleCommand(),
		a.fmtCommand(), a.versionCommand(), a.completionCommand(), a.manCommand(),
	)
	a.complete(root)
	return root
}

// changeDir serves -chdir before anything reads a path.
func (a *app) changeDir() error {
	if a.global.chdir == "" {
		return nil
	}
	if err := os.Chdir(a.global.chdir); err != nil {
		return fmt.Errorf("-chdir: %w", err)
	}
	return nil
}

// singleDash shows flags as the documentation writes them.
func singleDash(text string) string { return strings.ReplaceAll(text, "--", "-") }

var (
	unknownFlag   = regexp.MustCompile(`^unknown (?:flag: -+|shorthand flag: '.' in -)(\S+)$`)
	invalidNumber = regexp.MustCompile(`^invalid argument "(.*)" for "-+(\S+)" flag: strconv\..*$`)
)

// flagMistake says what is wrong with a flag, and which one may have been meant.
func flagMistake(cmd *cobra.Command, err error) string {
	if m := unknownFlag.FindStringSubmatch(err.Error()); m != nil {
		var names []string
		for name := range flagsOf(cmd) {
			names = append(names, "-"+name)
		}
		return "Unknown flag: -" + render.Escape(m[1]) + "." + lang.DidYouMean("-"+m[1], names, "flag")
	}
	if m := invalidNumber.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Sprintf("-%s takes a number, and %q is none.", m[2], m[1])
	}
	return singleDash(err.Error()) + "."
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Tell about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), args)
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// noArgs refuses what stands after a command that takes nothing.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, but got %q. See: %s -help", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// unknownCommand refuses a word that is no command, and names the nearest ones.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("%s has no command %q.", cmd.CommandPath(), args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(" Did you mean %q?", near[0])
	}
	return usagef("%s See: %s -help", text, cmd.CommandPath())
}

// needsCommand is what a command does that only groups others: a script that
// forgot the command must not go on as if all were well.
func needsCommand(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return &endError{outcome: outcomeUsage}
}
