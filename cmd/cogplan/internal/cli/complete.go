package cli

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/embedded"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/scaffold"
	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy/report"
)

// names are what a shell may complete in the module at hand. Nothing is evaluated,
// no provider is asked, and what cannot be read offers nothing: who presses a key
// in the middle of a line wants no error there.
type names struct{ app *app }

// completer offers words for what was typed so far.
type completer func(ctx context.Context) []string

// complete tells the shells what stands where: behind which flags, and as which
// arguments.
func (a *app) complete(root *cobra.Command) {
	n := names{a}
	flags := map[string]completer{
		"target": n.addresses, "exclude": n.addresses, "replace": n.objects, "var": n.variables, "resource": n.addresses,
		"report": words(report.Formats(), "="), "lang": words(scaffold.Languages(), ""),
	}
	arguments := map[string]completer{
		"state show": n.recorded, "state rm": n.recordedAndObjects, "state history": n.recorded, "state restore": n.recorded,
		"state pull": n.recorded, "state mv": n.recorded, "state replace-provider": n.providers,
		"import": n.addresses, "export": n.addresses, "policy input": n.addresses, "output": n.outputs,
		"provider inspect": n.sources, "provider docs": n.sources,
	}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if complete, ok := flags[flag.Name]; ok {
				_ = cmd.RegisterFlagCompletionFunc(flag.Name, completion(a, complete)) // its only error is to do it twice
			} else if choice, ok := flag.Value.(*choiceFlag); ok {
				_ = cmd.RegisterFlagCompletionFunc(flag.Name, completion(a, words(choice.choices, "")))
			}
		})
		if complete, ok := arguments[strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")]; ok {
			cmd.ValidArgsFunction = completion(a, complete)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// completion is a completer as cobra wants it. A word that ends with = goes on.
func completion(a *app, complete completer) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		directive := cobra.ShellCompDirectiveNoFileComp
		if err := a.changeDir(); err != nil {
			return nil, directive
		}
		var out []string
		for _, word := range complete(cmd.Context()) {
			// A name with a control character is nothing to type.
			if strings.HasPrefix(word, typed) && render.Escape(word) == word {
				out = append(out, word)
				if strings.HasSuffix(word, "=") {
					directive |= cobra.ShellCompDirectiveNoSpace
				}
			}
		}
		slices.Sort(out)
		return slices.Compact(out), directive
	}
}

// words are always the same.
func words(list []string, suffix string) completer {
	out := make([]string, len(list))
	for i, word := range list {
		out[i] = word + suffix
	}
	return func(context.Context) []string { return out }
}

// symbols are the declarations of a kind, as addresses from the root module.
func (n names) symbols(kind lang.SymbolKind, rootOnly bool) []string {
	module, _ := lang.Load(moduleDir, lang.WithVersion(version))
	if module == nil {
		return nil
	}
	var out []string
	for _, symbol := range module.Symbols() {
		if symbol.Kind != kind || rootOnly && symbol.Module != "" {
			continue
		}
		name := symbol.Name
		if symbol.Module != "" {
			name = symbol.Module + "." + name
		}
		out = append(out, name)
	}
	return out
}

// addresses are the resources and modules that are declared, and what is recorded:
// that knows the instances.
func (n names) addresses(ctx context.Context) []string {
	return append(append(n.symbols(lang.SymbolResource, false), n.symbols(lang.SymbolModule, false)...), n.recorded(ctx)...)
}

func (n names) recorded(ctx context.Context) []string {
	addresses, err := reconcile.NewFileStore(moduleDir).List(ctx)
	if err != nil {
		return nil
	}
	return addresses
}

// objects are the recorded objects.
func (n names) objects(ctx context.Context) []string {
	store := reconcile.NewFileStore(moduleDir)
	var out []string
	for _, address := range n.recorded(ctx) {
		state, _, err := store.Load(ctx, address)
		if err != nil || state == nil {
			continue
		}
		for i := range state.Resources {
			out = append(out, reconcile.ObjectAddress(address, state.Resources[i].Type, state.Resources[i].Name))
		}
	}
	return out
}

func (n names) recordedAndObjects(ctx context.Context) []string {
	return append(n.recorded(ctx), n.objects(ctx)...)
}

func (n names) variables(context.Context) []string {
	var out []string
	for _, name := range n.symbols(lang.SymbolVariable, true) {
		out = append(out, strings.TrimPrefix(name, "var.")+"=")
	}
	return out
}

func (n names) outputs(context.Context) []string {
	var out []string
	for _, name := range n.symbols(lang.SymbolOutput, true) {
		out = append(out, strings.TrimPrefix(name, "output."))
	}
	return out
}

func (n names) providers(context.Context) []string {
	out := map[string]bool{}
	for _, name := range n.symbols(lang.SymbolProvider, false) {
		out[name[strings.LastIndexByte(name, '.')+1:]] = true
	}
	return slices.Collect(maps.Keys(out))
}

// sources are the providers inside cogplan and those of the module.
func (n names) sources(context.Context) []string {
	out := embedded.Names()
	if module, _ := lang.Load(moduleDir, lang.WithVersion(version)); module != nil {
		for _, block := range module.Providers() {
			out = append(out, block.Source)
		}
	}
	return out
}

// completes reports whether the script of a shell asks what may stand somewhere.
func completes(args []string) bool {
	return len(args) > 1 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// typedFlag gives a flag that is not whole yet the dashes by which cobra knows it.
func typedFlag(args []string) []string {
	if last := args[len(args)-1]; strings.HasPrefix(last, "-") && !strings.HasPrefix(last, "--") {
		return append(slices.Clone(args[:len(args)-1]), "-"+last)
	}
	return args
}

// singleDashes gives completions of flags the dashes that the person typed: for -o
// the shell drops what begins with --o.
func singleDashes(args []string, text []byte) []byte {
	if !completes(args) {
		return text
	}
	if last := args[len(args)-1]; !strings.HasPrefix(last, "-") || strings.HasPrefix(last, "--") {
		return text
	}
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("--")) {
			line = bytes.ReplaceAll(line[1:], []byte("`"), nil)
		}
		out.Write(line)
	}
	return out.Bytes()
}
