package cli

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/planfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// showOptions are the flags of show.
type showOptions struct {
	json     bool
	markdown bool
	full     bool
	effects  bool
}

func (a *app) showCommand() *cobra.Command {
	var opts showOptions
	cmd := &cobra.Command{
		Use:   "show planfile",
		Short: "Show a plan that was kept with plan -out",
		Long: "Show a plan that `cogplan plan -out` kept: what it would do, what policy said, and\n" +
			"what it rests on. Nothing else is read, neither the module nor the world; whether\n" +
			"the plan still holds is what apply finds out.",
		Example: "  cogplan show site.plan\n  cogplan show -json site.plan\n  cogplan show -markdown site.plan > comment.md",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of one plan file", cmd.CommandPath())
			}
			if opts.json && opts.markdown {
				return usagef("%s prints -json or -markdown, not both", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return a.show(args[0], opts)
		},
	}
	cmd.Flags().BoolVar(&opts.json, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&opts.markdown, "markdown", false, "print Markdown, for a comment in a review")
	cmd.Flags().BoolVar(&opts.full, "full", false, "show every value whole, in a long plan too")
	cmd.Flags().BoolVar(&opts.effects, "effects", false, "show what each change will do to the world: files, requests, connections")
	return cmd
}

func (a *app) show(path string, opts showOptions) error {
	plan, err := planfile.Read(path)
	if err != nil {
		return a.unshown(opts, err)
	}
	if opts.json {
		return render.WriteJSON(a.out, planDocument(plan))
	}
	view := planView(plan, opts)
	if opts.markdown {
		fmt.Fprint(a.out, render.Markdown{Plan: view, Basis: basis(plan)}.String())
		return nil
	}
	style := a.style()
	fmt.Fprint(a.out, style.Basis(basis(plan)), "\n", style.Plan(view))
	return nil
}

// unshown ends a show of what is no plan.
func (a *app) unshown(opts showOptions, err error) error {
	if !opts.json {
		return err
	}
	doc := render.Document{
		FormatVersion: render.FormatVersion, CogplanVersion: version, Command: "show",
		Outcome: string(outcomeFailed), ExitCode: exitCode(outcomeFailed, false),
		Diagnostics: render.Diagnostics([]render.Message{errorMessage(err)}, nil),
	}
	if err := render.WriteJSON(a.out, doc); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return end(outcomeFailed, false)
}

// planView is a kept plan as it is shown: messages are at places in the source,
// of which the file holds no text.
func planView(plan *planfile.Plan, opts showOptions) *render.Plan {
	return &render.Plan{
		Command: plan.Command, Proposal: plan.Proposal(), Where: placesOf(plan), Full: opts.full, Effects: opts.effects,
		Explain: func(result reconcile.MetaResult) []render.Message {
			if result.Err() == nil {
				return nil
			}
			return []render.Message{resourceError(result.Err())}
		},
		Destroy: plan.Command == commandDestroy, Undeclared: len(plan.Undeclared) > 0,
	}
}

func placesOf(plan *planfile.Plan) func(string) (hcl.Range, bool) {
	places := map[string]hcl.Range{}
	for i := range plan.Resources {
		if at := plan.Resources[i].Declaration.Source; at.Filename != "" {
			places[plan.Resources[i].Address] = hcl.Range{
				Filename: at.Filename,
				Start:    hcl.Pos{Line: at.StartLine, Column: at.StartColumn},
				End:      hcl.Pos{Line: at.EndLine, Column: at.EndColumn},
			}
		}
	}
	return func(address string) (hcl.Range, bool) {
		at, ok := places[address]
		return at, ok
	}
}

// basis is what a kept plan rests on, for people.
func basis(plan *planfile.Plan) render.Basis {
	b := render.Basis{
		Command: plan.Command, CreatedAt: plan.CreatedAt, Version: plan.CogplanVersion,
		Targets: plan.Selection.Targets, Excludes: plan.Selection.Excludes, Replace: plan.Selection.Replace,
		Undeclared: plan.Undeclared, Environment: plan.Environment, Policy: plan.PolicyDigest,
	}
	for _, v := range plan.Variables {
		b.Variables = append(b.Variables, render.BasisVariable{Name: v.Name, Value: v.Value, Sensitive: v.Sensitive})
	}
	for _, p := range plan.Providers {
		b.Providers = append(b.Providers, render.BasisProvider{Name: p.Name, Source: p.Source, Version: p.Version, Digest: p.Digest})
	}
	return b
}

// keptDocument is the JSON of show: that of plan, and what the plan rests on.
type keptDocument struct {
	render.Document

	CreatedAt    string                   `json:"created_at"`
	For          string                   `json:"for"`
	Selection    planfile.Selection       `json:"selection"`
	Sources      map[string]string        `json:"sources"`
	Variables    []planfile.Variable      `json:"variables"`
	Environment  []string                 `json:"environment"`
	Providers    []reconcile.ProviderInfo `json:"providers"`
	PolicyDigest string                   `json:"policy_digest"`
}

func planDocument(plan *planfile.Plan) keptDocument {
	proposal := plan.Proposal()
	o := planOutcome(proposal)
	return keptDocument{
		Document: render.Document{
			FormatVersion: render.FormatVersion, CogplanVersion: plan.CogplanVersion, Command: "show",
			Outcome: string(o), ExitCode: exitDone, Digest: plan.Digest, Summary: &plan.Summary,
			Resources: render.Resources(proposal.Results(), placesOf(plan)), Policy: plan.Run,
			Undeclared: plan.Undeclared, Diagnostics: []render.DiagnosticDocument{},
		},
		CreatedAt: plan.CreatedAt, For: plan.Command, Selection: plan.Selection, Sources: plan.Sources,
		Variables: plan.Variables, Environment: plan.Environment, Providers: plan.Providers, PolicyDigest: plan.PolicyDigest,
	}
}
