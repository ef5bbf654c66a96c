package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/embedded"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/runtime/wasm"
)

func (a *app) providerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "provider", Short: "Write a provider, test it, look at it", Args: unknownCommand, RunE: needsCommand,
	}
	cmd.AddCommand(a.providerNewCommand(), a.providerTestCommand(), a.providerInspectCommand(), a.providerDocsCommand())
	return cmd
}

func (a *app) providerInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect file|name",
		Short: "Print what a provider says of itself, and what its module is",
		Long: "Print what a provider says of itself: what it manages, what it asks for and why. It\n" +
			"runs without any capability meanwhile. A name is that of a provider inside cogplan.",
		Example: "  cogplan provider inspect ./build/mine.wasm\n  cogplan provider inspect rest -json",
		Args:    oneModule,
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := a.inspect(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return render.WriteJSON(a.out, doc)
			}
			_, err = io.WriteString(a.out, a.style().Provider(doc))
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func (a *app) providerDocsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "docs file|name",
		Short:   "Print a provider's documentation in Markdown, from its schema",
		Example: "  cogplan provider docs ./build/mine.wasm > README.md",
		Args:    oneModule,
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := a.inspect(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(a.out, render.ProviderMarkdown(doc))
			return err
		},
	}
}

// oneModule wants the one argument of commands that look at a provider.
func oneModule(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s takes the path of one module, or the name of a provider inside cogplan %q. See: %s -help",
			cmd.CommandPath(), embedded.Names(), cmd.CommandPath())
	}
	return nil
}

// inspect asks a provider what it is.
func (a *app) inspect(ctx context.Context, source string) (*render.ProviderDocument, error) {
	module, err := loadProvider(source)
	if err != nil {
		return nil, err
	}
	host, err := a.providerHost(wasm.Options{Time: a.proc.now()})
	if err != nil {
		return nil, err
	}
	defer host.Close() //nolint:errcheck // it never fails
	description, err := host.Describe(ctx, module)
	if err != nil {
		return nil, err
	}
	abilities, err := host.Abilities(ctx, module)
	if err != nil {
		return nil, err
	}
	return &render.ProviderDocument{
		FormatVersion: render.FormatVersion, Source: source, Digest: module.Digest(), Size: module.Size(), Memory: module.Memory(),
		Description: description, Abilities: abilities, Imports: module.Imports(), Exports: module.Exports(), Limits: wasm.DefaultLimits(),
	}, nil
}

// loadProvider finds the module that an argument names: a provider inside
// cogplan, or a file. A file needs no "./" in front here.
func loadProvider(source string) (*wasm.Module, error) {
	if _, ok := embedded.Provider(source); ok || isPath(source) {
		return loadGuest(source, moduleDir)
	}
	module, err := wasm.Load(source)
	if err != nil {
		return nil, fmt.Errorf("%w; inside cogplan there are %s.%s", err, strings.Join(embedded.Names(), ", "), lang.DidYouMean(source, embedded.Names(), "provider"))
	}
	return module, nil
}

// providerHost is a host for looking at one provider, with cogplan's cache.
func (a *app) providerHost(opts wasm.Options) (*wasm.Host, error) {
	dir, err := a.proc.cacheDir()
	if err != nil {
		return nil, err
	}
	opts.CacheDir, opts.Version = dir, version
	if opts.Log == nil {
		opts.Log = a.proc.logger(render.NewProgress(a.proc.stderr, a.errStyle(), render.ProgressPlain, a.proc.now))
	}
	return wasm.New(opts)
}
