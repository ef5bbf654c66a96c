package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
)

func (a *app) consoleCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Evaluate expressions with what the module knows",
		Long: "Evaluate expressions as if they stood in the module, with its variables and what\n" +
			"its providers read. Nothing is changed. On a terminal lines can be edited, and the\n" +
			"arrows bring earlier ones back; elsewhere each expression of standard input is\n" +
			"evaluated. An expression goes on over lines while a bracket is open. `exit` ends.",
		Example: "  cogplan console\n  echo 'length(var.regions)' | cogplan console",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			return a.console(cmd.Context(), &flags)
		},
	}
	flags.inputs.add(cmd.Flags())
	return cmd
}

func (a *app) console(ctx context.Context, flags *runFlags) error {
	r := a.newRun("console", flags)
	defer r.close()
	proposal, err := r.propose(ctx)
	if r.session == nil || r.session.eval == nil || errors.Is(err, errInvalid) {
		if r.session != nil {
			a.tell(r.session)
		}
		return orEnd(err, outcomeInvalid)
	}
	if err != nil {
		return err
	}
	if proposal.Failed() {
		r.session.messages = append(r.session.messages, render.Message{
			Severity: render.SeverityWarning, Summary: "Something cannot be read",
			Detail: "A resource failed; what depends on it is not known here. `cogplan plan` says why.",
		})
	}
	a.tell(r.session)
	c := &console{app: a, eval: r.session.eval, out: a.out, errs: a.proc.stderr}
	if isTerminal(a.proc.stdin) {
		return c.onTerminal()
	}
	return c.run(ctx, bufio.NewReader(a.proc.stdin))
}

// orEnd is the end of a command that has told why it ends, or else the error.
func orEnd(err error, o outcome) error {
	if err != nil && !errors.Is(err, errInvalid) {
		return err
	}
	return end(o, false)
}

// console reads expressions and writes what they come to.
type console struct {
	app  *app
	eval *lang.Evaluation
	out  io.Writer
	errs io.Writer
	// pending are the lines of an expression that is not complete.
	pending string
	failed  bool
}

// onTerminal lets lines be edited. Nothing of them is kept: they may hold
// secrets.
func (c *console) onTerminal() error {
	stdin := c.app.proc.stdin
	state, err := term.MakeRaw(int(stdin.Fd()))
	if err != nil {
		return fmt.Errorf("set up the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(stdin.Fd()), state) }()
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{stdin, c.app.proc.stderr}, "> ")
	c.out, c.errs = screen, screen
	for {
		screen.SetPrompt(c.prompt())
		line, err := screen.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return fmt.Errorf("read the terminal: %w", err)
		}
		if c.take(line) {
			return nil
		}
	}
}

func (c *console) prompt() string {
	if c.pending != "" {
		return "  "
	}
	return "> "
}

// run evaluates what a file or a program gives. A mistake does not stop it, and
// makes the exit code that of a module with mistakes.
func (c *console) run(ctx context.Context, in *bufio.Reader) error {
	for ctx.Err() == nil {
		line, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read standard input: %w", err)
		}
		if len(c.pending)+len(line) > maxExpression {
			return errors.New("an expression is longer than 1 MiB")
		}
		if done := c.take(strings.TrimRight(line, "\r\n")); done || err != nil {
			break
		}
	}
	if c.pending != "" {
		c.evaluate(c.pending) // it says what is missing
	}
	if c.failed {
		return end(outcomeInvalid, false)
	}
	return ctx.Err()
}

const maxExpression = 1 << 20

// take reads one line, and reports whether the user wants to leave.
func (c *console) take(line string) bool {
	if c.pending == "" {
		switch strings.TrimSpace(line) {
		case "":
			return false
		case "exit", "quit":
			return true
		}
	}
	text := c.pending + line
	if open(text) {
		c.pending = text + "\n"
		return false
	}
	c.pending = ""
	c.evaluate(text)
	return false
}

// open reports whether a bracket of an expression is open.
func open(text string) bool {
	tokens, diags := hclsyntax.LexExpression([]byte(text), lang.ExpressionFile, hcl.InitialPos)
	if diags.HasErrors() {
		return false
	}
	depth := 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace:
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace:
			depth--
		default:
		}
	}
	return depth > 0
}

func (c *console) evaluate(text string) {
	value, diags := c.eval.Expression(text)
	switch {
	case diags.HasErrors():
		c.failed = true
		sources := render.Sources{lang.ExpressionFile: &hcl.File{Bytes: []byte(text)}}
		fmt.Fprint(c.errs, c.app.errStyle().Messages(render.FromDiagnostics(diags), sources))
	case value.Sensitive:
		fmt.Fprintln(c.out, "(sensitive)")
	case !value.Known:
		fmt.Fprintln(c.out, "(not known yet: waits for "+render.Escape(strings.Join(value.WaitsFor, ", "))+")")
	default:
		fmt.Fprintln(c.out, render.Value(value.Value))
	}
}
