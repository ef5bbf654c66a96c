package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
)

// errNoAnswer says that input ended before an answer.
var errNoAnswer = errors.New("no answer: the input has ended")

// ask writes a question and returns the line that is typed. It gives up when
// the context ends: a read of a terminal cannot be interrupted otherwise.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(a.proc.stderr, question)
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := readLine(a.proc.stdin)
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.proc.stderr)
		return "", ctx.Err()
	case got := <-answers:
		return got.line, got.err
	}
}

// maxLine is the longest answer.
const maxLine = 64 << 10

// readLine reads byte by byte: what follows the line belongs to the next
// question.
func readLine(file *os.File) (string, error) {
	var line []byte
	buf := make([]byte, 1)
	for len(line) < maxLine {
		n, err := file.Read(buf)
		if n == 1 && buf[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, buf[:n]...)
		if errors.Is(err, io.EOF) {
			if len(line) == 0 {
				return "", errNoAnswer
			}
			return string(line), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", errors.New("the answer is too long")
}

// approved asks whether to go on. Only "yes" does.
func (a *app) approved(ctx context.Context, what string) (bool, error) {
	style := a.errStyle()
	text := fmt.Sprintf("\n%s\n  Only \"yes\" applies them: ", style.Strong(what))
	line, err := a.ask(ctx, text)
	if errors.Is(err, errNoAnswer) || errors.Is(err, context.Canceled) {
		fmt.Fprintln(a.proc.stderr)
		return false, nil
	}
	return strings.TrimSpace(line) == "yes", err
}

// promptVariable asks for a variable, where a person can be asked; nil where
// not. What is sensitive is not echoed.
func (a *app) promptVariable(ctx context.Context, noInput bool, progress *render.Progress) func(lang.Variable) (string, error) {
	if noInput || !isTerminal(a.proc.stdin) || a.proc.environ["CI"] != "" {
		return nil
	}
	return func(v lang.Variable) (string, error) {
		resume := progress.Pause()
		defer resume()
		question := "var." + render.Escape(v.Name)
		if v.Description != "" {
			question += " (" + render.Escape(v.Description) + ")"
		}
		if !v.Sensitive {
			return a.ask(ctx, question+": ")
		}
		fmt.Fprint(a.proc.stderr, question+", not shown: ")
		secret, err := term.ReadPassword(int(a.proc.stdin.Fd()))
		fmt.Fprintln(a.proc.stderr)
		return string(secret), err
	}
}
