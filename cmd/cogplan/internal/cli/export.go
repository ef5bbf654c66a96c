package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/lang/generate"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func (a *app) exportCommand() *cobra.Command {
	var flags runFlags
	write := false
	cmd := &cobra.Command{
		Use:   "export address",
		Short: "Write HCL for what exists and is not declared",
		Long: "Have the provider of a resource look at all that is there, and print the resource's\n" +
			"block with what is not declared yet added to it: declare where, export what. With\n" +
			"-write the block is changed in its file. What is declared stays as it is written.\n" +
			"Nothing in the world is touched; the next apply makes what is declared ours, and a\n" +
			"plan shows that there is nothing to change.",
		Example: "  cogplan export file.site\n  cogplan export -write rest.zones && cogplan plan",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the address of one declared resource", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			at, err := lang.ParseObjectAddress(args[0])
			if err != nil || at.Type != "" {
				return usagef("export takes the address of one declared resource, like file.site, not %q", args[0])
			}
			return a.export(cmd.Context(), &flags, at.Resource, write)
		},
	}
	flags.inputs.add(cmd.Flags())
	flags.output.addProgress(cmd.Flags())
	cmd.Flags().IntVar(&flags.parallelism, "parallelism", 0, "work on at most `n` resources at once; 0 leaves it to the engine")
	cmd.Flags().BoolVar(&write, "write", false, "change the block in its file instead of printing it")
	return cmd
}

func (a *app) export(ctx context.Context, flags *runFlags, address string, write bool) error {
	r := a.newRun("export", flags)
	defer r.close()
	r.unruled = true
	flags.selection.Targets = []string{address}
	seen, err := r.lookAround(ctx)
	if usage, ok := errors.AsType[*usageError](err); ok {
		return usage
	}
	if err != nil {
		o := r.proposed(ctx, nil, err)
		a.tell(r.session)
		return end(o, false)
	}
	a.tell(r.session)
	resource := seen.resources[address]
	if resource == nil {
		return fmt.Errorf("%s has no provider", render.Escape(address))
	}
	header, err := r.exportable(address)
	if err != nil {
		return err
	}
	exported, err := resource.Export(ctx)
	if err != nil {
		r.session.messages = []render.Message{r.session.explainError(err, header)}
		a.tell(r.session)
		return end(outcomeFailed, false)
	}
	return r.writeExported(address, header, exported, write)
}

// lookAround reads what is chosen of the module, so that what the resource reads
// of others is known.
func (r *run) lookAround(ctx context.Context) (*observation, error) {
	r.progress.Start("Looking")
	defer r.progress.Stop()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	return r.observe(ctx, r.chosen.config)
}

// exportable is the header of the block that is added to, where that can be done:
// the instances of a block share what stands in it.
func (r *run) exportable(address string) (hcl.Range, error) {
	header, ok := r.session.where(address)
	switch {
	case !ok:
		return header, fmt.Errorf("%s is not declared", render.Escape(address))
	case strings.Contains(address, "["):
		return header, fmt.Errorf("%s is one instance of its block, and what is added to the block is added to all of them: "+
			"export it from a resource without for_each and count", render.Escape(address))
	case strings.HasPrefix(address, "module."):
		return header, fmt.Errorf("%s stands in a called module, which others may call too: export it from a resource of the root module", render.Escape(address))
	case strings.HasSuffix(header.Filename, ".json"):
		return header, fmt.Errorf("%s is JSON; export writes into .hcl files", render.Escape(header.Filename))
	default:
		return header, nil
	}
}

func (r *run) writeExported(address string, header hcl.Range, exported *wasm.Exported, write bool) error {
	body, err := generate.Missing(exported.Schema, exported.Declared, exported.Live, exported.Secret)
	if err != nil {
		return fmt.Errorf("what the provider exports of %s does not fit its own schema: %w", render.Escape(address), err)
	}
	for _, warning := range append(exported.Warnings, body.Left...) {
		fmt.Fprintln(r.app.proc.stderr, r.app.errStyle().Strong("Warning: ")+render.Escape(warning))
	}
	src, err := os.ReadFile(header.Filename)
	if err != nil {
		return fmt.Errorf("read the module: %w", err)
	}
	file, block, err := generate.Insert(src, header, body.Text)
	if err != nil {
		return fmt.Errorf("add to %s: %w", render.Escape(header.Filename), err)
	}
	if !write {
		_, err := fmt.Fprintf(r.app.out, "%s\n", block)
		return err
	}
	if body.Text == "" {
		fmt.Fprintf(r.app.out, "Everything that %s can export is declared; %s stays as it is.\n", render.Escape(address), render.Escape(header.Filename))
		return nil
	}
	if err := replaceFile(header.Filename, file); err != nil {
		return err
	}
	fmt.Fprintln(r.app.out, r.app.style().Good(fmt.Sprintf("%s: %s added to %s. Next: cogplan plan.",
		render.Escape(header.Filename), blocks(body.Blocks), render.Escape(address))))
	return nil
}

func blocks(n int) string {
	if n == 1 {
		return "1 block"
	}
	return fmt.Sprintf("%d blocks", n)
}
