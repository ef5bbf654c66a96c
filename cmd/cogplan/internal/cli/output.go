package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
)

// outputOptions are the flags of output besides those of every run.
type outputOptions struct {
	raw  bool
	name string
}

func (a *app) outputCommand() *cobra.Command {
	var flags runFlags
	var opts outputOptions
	cmd := &cobra.Command{
		Use:   "output [name]",
		Short: "Print the outputs of the module",
		Long: "Print the outputs of the module, or one of them. They are worked out from what is\n" +
			"there now: providers read the world, as for a plan. One that is sensitive is\n" +
			"printed only where it is named.",
		Example: "  cogplan output\n  cogplan output -raw url",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("output takes the name of one output")
			}
			if opts.raw && len(args) == 0 {
				return usagef("output -raw takes the name of one output")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				opts.name = args[0]
			}
			return a.output(cmd.Context(), &flags, opts)
		},
	}
	flags.add(cmd.Flags())
	cmd.Flags().BoolVar(&opts.raw, "raw", false, "print the value alone: a string without quotes, for scripts")
	return cmd
}

func (a *app) output(ctx context.Context, flags *runFlags, opts outputOptions) error {
	r := a.newRun("output", flags)
	defer r.close()
	proposal, err := r.propose(ctx)
	o := r.proposed(ctx, proposal, err)
	if proposal == nil || r.session.broken() || proposal.Failed() {
		if flags.output.json {
			return r.endJSON(o, proposal, nil)
		}
		r.showPlan(proposal)
		return end(o, false)
	}
	outputs, diags := r.session.eval.Outputs(opts.name != "")
	if r.session.say(diags); diags.HasErrors() {
		a.tell(r.session)
		return end(outcomeInvalid, false)
	}
	if opts.name != "" {
		return a.oneOutput(outputs, flags, opts)
	}
	if flags.output.json {
		return render.WriteJSON(a.out, outputsDocument{render.FormatVersion, render.Outputs(outputs)})
	}
	fmt.Fprint(a.out, a.style().Outputs(outputs))
	return nil
}

// outputsDocument is the JSON of output.
type outputsDocument struct {
	FormatVersion string                           `json:"format_version"`
	Outputs       map[string]render.OutputDocument `json:"outputs"`
}

func (a *app) oneOutput(outputs []lang.Output, flags *runFlags, opts outputOptions) error {
	i := slices.IndexFunc(outputs, func(o lang.Output) bool { return o.Name == opts.name })
	if i < 0 {
		names := make([]string, len(outputs))
		for i := range outputs {
			names[i] = outputs[i].Name
		}
		return fmt.Errorf("the module has no output %q.%s", opts.name, lang.DidYouMean(opts.name, names, "output"))
	}
	one := outputs[i]
	text, isText := one.Value.(string)
	switch {
	case !one.Known:
		return fmt.Errorf("output %q is not known yet: it waits for %s; apply first", one.Name, strings.Join(one.WaitsFor, ", "))
	case flags.output.json:
		return render.WriteJSON(a.out, outputsDocument{render.FormatVersion, render.Outputs(outputs[i : i+1])})
	case opts.raw && isText:
		// The caller asked for the bytes, and gets them.
		fmt.Fprint(a.out, text)
	case opts.raw:
		fmt.Fprint(a.out, render.Value(one.Value))
	default:
		fmt.Fprintln(a.out, render.Value(one.Value))
	}
	return nil
}
