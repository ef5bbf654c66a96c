package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Isolation evaluates the module's policies in a process of their own, one for
// each review, that is killed when its time or its memory is used up. It is for
// policies that come from outside. The default policy stays in this process.
type Isolation struct {
	// Executable is a program whose main function calls [RunChildIfRequested]
	// first: cogplan itself.
	Executable string
	// Memory that the process may use, in bytes; zero is [DefaultMemory]. The
	// operating system enforces it on Linux; elsewhere only the time is bounded.
	Memory int64
}

// DefaultMemory is what an isolated evaluation may use where nothing else is set.
const DefaultMemory = 1 << 30

// maxAnswer bounds what an evaluator may say.
const maxAnswer = 64 << 20

// isolated is an Isolation with what the child is told.
type isolated struct {
	Isolation
	request childRequest
}

// ask has a child evaluate the module's policies about reviews.
func (i *isolated) ask(ctx context.Context, e *Engine, reviews []reconcile.Review, run bool) (*childAnswer, error) {
	request := i.request
	request.Reviews, request.Run = reviews, run
	encoded, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("hand the plan to the evaluator: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, e.deadline)
	defer stop()
	var out, complaint limitedBuffer
	out.left, complaint.left = maxAnswer, 4<<10
	command := exec.CommandContext(ctx, i.Executable, childArgument)
	command.Env = []string{}
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(encoded), &out, &complaint
	command.WaitDelay = time.Second
	switch err := command.Run(); {
	case ctx.Err() != nil:
		return nil, deadlineError(ctx, e.deadline)
	case err != nil:
		return nil, fmt.Errorf("the evaluator ended: %w: %s", err, firstLine(complaint.String()))
	case out.left < 0:
		return nil, errors.New("the evaluator said too much")
	}
	var answer childAnswer
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return nil, fmt.Errorf("read what the evaluator said: %w", err)
	}
	for _, line := range answer.Printed {
		if e.printed != nil {
			e.printLine(line.Place, line.Text)
		}
	}
	return &answer, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// limitedBuffer keeps what fits and counts the rest as too much.
type limitedBuffer struct {
	bytes.Buffer
	left int
}

// Write takes everything, so that the writer comes to its end.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if keep := min(len(p), max(b.left, 0)); keep > 0 {
		b.Buffer.Write(p[:keep])
	}
	b.left -= len(p)
	return len(p), nil
}

// ReadFrom is not bytes.Buffer's, which knows no limit.
func (b *limitedBuffer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

// answer asks all programs: the default policy here, and the module's here or in
// a process of their own.
func (e *Engine) answer(ctx context.Context, programs []*program, seen []*subject, run bool) (answers, error) {
	here := programs
	if e.isolated != nil {
		here = nil
		for _, p := range programs {
			if p.builtin {
				here = append(here, p)
			}
		}
	}
	found, err := limited(ctx, e.hands, e.deadline, func(ctx context.Context, c topdown.Cancel) (answers, error) {
		if run {
			return evaluateRun(ctx, here, seen, runDigest(seen), e.evaluation(c))
		}
		return evaluate(ctx, here, seen[0], e.evaluation(c))
	})
	outside := userPrograms(programs)
	if err != nil || e.isolated == nil || len(outside) == 0 {
		return found, err
	}
	reviews := make([]reconcile.Review, len(seen))
	for i := range seen {
		reviews[i] = seen[i].Review
	}
	answer, err := e.isolated.ask(ctx, e, reviews, run)
	if err != nil {
		return nil, err
	}
	more, err := answer.read(outside)
	if err != nil {
		return nil, err
	}
	maps.Copy(found, more)
	return found, nil
}

func runDigest(seen []*subject) string {
	reviews := make([]reconcile.Review, len(seen))
	for i := range seen {
		reviews[i] = seen[i].Review
	}
	return reconcile.RunDigest(reviews)
}
