package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// childArgument starts a process as an evaluator. It is no flag that people use.
const childArgument = "cogplan-internal-policy-evaluator"

// RunChildIfRequested turns this process into an evaluator of policies if it
// was started as one, and then never returns. Otherwise it does nothing. Call it
// first thing in main, before flags, files and signals are touched.
func RunChildIfRequested() {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		os.Exit(childMain(context.Background(), os.Stdin, os.Stdout)) //nolint:forbidigo // this is the main function of the evaluator
	}
}

// childRequest is all that an evaluator gets. It has no other input: no
// arguments, no environment, and it opens no file.
type childRequest struct {
	Memory   int64              `json:"memory"`
	Files    []File             `json:"files"`
	Data     []DataFile         `json:"data"`
	Rules    map[string]Setting `json:"rules"`
	Now      time.Time          `json:"now"`
	Deadline time.Duration      `json:"deadline"`
	Print    bool               `json:"print"`
	Run      bool               `json:"run"`
	Reviews  []reconcile.Review `json:"reviews"`
}

// childAnswer is what it says: the elements of each rule, in Rego, or an error.
type childAnswer struct {
	Elements map[string][]string `json:"elements,omitempty"`
	Error    string              `json:"error,omitempty"`
	Printed  []printedLine       `json:"printed,omitempty"`
}

type printedLine struct {
	Place string `json:"place"`
	Text  string `json:"text"`
}

func childMain(ctx context.Context, in io.Reader, out io.Writer) int {
	var answer childAnswer
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	var request childRequest
	if err := decoder.Decode(&request); err != nil {
		answer.Error = "read the request: " + err.Error()
	} else if err := limitProcess(request.Memory, request.Deadline); err != nil {
		answer.Error = "limit the process: " + err.Error()
	} else {
		answer = request.evaluate(ctx)
	}
	if err := json.NewEncoder(out).Encode(answer); err != nil {
		return 1
	}
	return 0
}

func (r *childRequest) evaluate(ctx context.Context) childAnswer {
	var answer childAnswer
	options := Options{Files: r.Files, Data: r.Data, Rules: userSettings(r.Rules), Now: r.Now, Deadline: r.Deadline}
	if r.Print {
		options.Print = func(place, text string) {
			const most = 10_000
			if len(answer.Printed) < most {
				answer.Printed = append(answer.Printed, printedLine{place, text})
			}
		}
	}
	e, err := Load(ctx, options)
	if err != nil {
		answer.Error = err.Error()
		return answer
	}
	found, err := e.evaluateHere(ctx, r.subjects(), r.Run, topdown.NewCancel())
	if err != nil {
		answer.Error = placed(err)
		return answer
	}
	answer.Elements = map[string][]string{}
	for rule, set := range found {
		answer.Elements[rule.name] = []string{}
		for _, term := range set.Slice() {
			answer.Elements[rule.name] = append(answer.Elements[rule.name], term.String())
		}
	}
	return answer
}

// userSettings leaves out those of the default policy, which stays outside.
func userSettings(settings map[string]Setting) map[string]Setting {
	own := map[string]Setting{}
	for name, s := range settings {
		if !strings.HasPrefix(name, builtinPackage+".") {
			own[name] = s
		}
	}
	return own
}

func (r *childRequest) subjects() []*subject {
	seen := make([]*subject, len(r.Reviews))
	for i := range r.Reviews {
		seen[i] = newSubject(r.Reviews[i])
	}
	return seen
}

// evaluateHere asks the module's policies, and not the default policy.
func (e *Engine) evaluateHere(ctx context.Context, seen []*subject, run bool, c topdown.Cancel) (answers, error) {
	if run {
		reviews := make([]reconcile.Review, len(seen))
		for i := range seen {
			reviews[i] = seen[i].Review
		}
		return evaluateRun(ctx, e.run, seen, reconcile.RunDigest(reviews), e.evaluation(c))
	}
	if len(seen) != 1 {
		return nil, errors.New("one plan is reviewed at a time")
	}
	return evaluate(ctx, e.plan[1:], seen[0], e.evaluation(c))
}

// read turns what an evaluator said into the answers of our rules. A rule that
// it left out is no answer, and denies.
func (a *childAnswer) read(programs []*program) (answers, error) {
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	out := answers{}
	left := len(a.Elements)
	for _, p := range programs {
		for _, r := range p.rules {
			elements, ok := a.Elements[r.name]
			if !ok {
				return nil, fmt.Errorf("%s: the evaluator gave no answer", r.name)
			}
			left--
			out[r] = ast.NewSet()
			for _, text := range elements {
				term, err := ast.ParseTerm(text)
				if err != nil || !term.IsGround() {
					return nil, fmt.Errorf("%s: the evaluator gave %q, which is no value", r.name, text)
				}
				out[r].Add(term)
			}
		}
	}
	if left != 0 {
		return nil, errors.New("the evaluator answered for rules that it was not asked")
	}
	return out, nil
}

// userPrograms are those that an isolated engine asks in a child process.
func userPrograms(programs []*program) []*program {
	return slices.DeleteFunc(slices.Clone(programs), func(p *program) bool { return p.builtin })
}
