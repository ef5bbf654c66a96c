package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// evaluatedPlan is the JSON of policy eval with a plan file.
type evaluatedPlan struct {
	FormatVersion string              `json:"format_version"`
	Digest        string              `json:"digest"`
	Outcome       outcome             `json:"outcome"`
	Resources     []evaluatedResource `json:"resources"`
	// Run is the decision on all of it together.
	Run reconcile.Decision `json:"run"`
}

type evaluatedResource struct {
	Address  string             `json:"address"`
	Decision reconcile.Decision `json:"decision"`
}

// policyEvalPlan asks the policies as they are now about a plan that was kept.
func (a *app) policyEvalPlan(ctx context.Context, path string) error {
	plan, err := planfile.Read(path)
	if err != nil {
		return err
	}
	engine, err := a.loadPolicies(ctx)
	if err != nil {
		return err
	}
	reviews := plan.Proposal().Reviews()
	doc := evaluatedPlan{FormatVersion: render.FormatVersion, Digest: plan.Digest, Resources: []evaluatedResource{}}
	decisions := []reconcile.Decision{}
	for i := range reviews {
		decision, err := engine.Review(ctx, reviews[i])
		if err != nil {
			return fmt.Errorf("ask the policies about %s: %w", reviews[i].Resource.Name, err)
		}
		decisions = append(decisions, decision)
		doc.Resources = append(doc.Resources, evaluatedResource{reviews[i].Resource.Name, decision})
	}
	if doc.Run, err = engine.ReviewRun(ctx, reviews); err != nil {
		return fmt.Errorf("ask the policies about the run: %w", err)
	}
	doc.Outcome = evaluatedOutcome(append(decisions, doc.Run))
	if err := render.WriteJSON(a.out, doc); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return end(doc.Outcome, false)
}

// outcomeAllowed is that of policy eval alone: nothing was planned or applied.
const outcomeAllowed outcome = "allowed"

func evaluatedOutcome(decisions []reconcile.Decision) outcome {
	for _, decision := range decisions {
		if !decision.Allowed {
			return deniedOutcome(decisions)
		}
	}
	return outcomeAllowed
}

func (a *app) policyNewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "new name",
		Short: "Write a first rule and its test, to be changed into what you want",
		Long: "Write policy/name.rego with a rule, and policy/name_test.rego with a test of it. Both\n" +
			"pass `cogplan policy check` and `cogplan policy test`. If the module names folders of\n" +
			"policies, the first of them takes the files. What is there is never written over.",
		Example: "  cogplan policy new keep_zones",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || !policyName().MatchString(args[0]) {
				return usagef("%s takes one name, of lower-case letters, digits and _, that begins with a letter", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.policyNew(args[0]) },
	}
}

func policyName() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`) }

const newRule = `package main

# NAME: nothing is deleted. Say here why, and change the rule into yours:
# docs/policy.md lists all of the input, and cogplan policy input shows one.
deny_NAME contains finding if {
	some action in input.plan.actions
	action.action == "delete"
	finding := {
		"msg": sprintf("%s would be deleted", [action.name]),
		"object": action.name,
		"remedy": "declare it again, or ask whoever looks after it",
	}
}
`

const newTest = `package main

test_NAME_denies if {
	actions := [{"action": "delete", "name": "old"}]
	found := deny_NAME with input.plan.actions as actions
	{finding.object | some finding in found} == {"old"}
}

test_NAME_allows_the_rest if {
	actions := [{"action": "create", "name": "new"}, {"action": "update", "name": "old"}]
	found := deny_NAME with input.plan.actions as actions
	count(found) == 0
}
`

func (a *app) policyNew(name string) error {
	if strings.HasSuffix(name, "_test") {
		return usagef("policy new: a name that ends in _test is that of a test; leave the ending out")
	}
	s, err := a.policySession()
	if err != nil {
		return err
	}
	dir, named := "policy", false
	for _, path := range s.module.Policy().Paths {
		if !strings.HasSuffix(path, ".rego") && inside(repository(s.module.Dir()), filepath.Join(s.module.Dir(), path)) {
			dir, named = path, true
			break
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the policy: %w", err)
	}
	files := []struct{ path, text string }{
		{filepath.Join(dir, name+".rego"), newRule}, {filepath.Join(dir, name+"_test.rego"), newTest},
	}
	for _, file := range files {
		if _, err := os.Lstat(file.path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there; give another name", file.path)
		}
	}
	for _, file := range files {
		if err := createFile(file.path, strings.ReplaceAll(file.text, "NAME", name)); err != nil {
			return fmt.Errorf("write the policy: %w", err)
		}
		fmt.Fprintln(a.out, render.Escape(file.path))
	}
	if settings := s.module.Policy(); !named && settings.Range.Filename != "" {
		fmt.Fprintf(a.proc.stderr, "To have it asked, write in the cogplan block: policy { paths = [%q] }\n", dir)
	}
	return nil
}

func createFile(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
