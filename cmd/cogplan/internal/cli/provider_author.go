package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/conformance"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/scaffold"
)

// languageGo is the language with an SDK.
const languageGo = "go"

func (a *app) providerNewCommand() *cobra.Command {
	language, sdk := languageGo, ""
	cmd := &cobra.Command{
		Use:   "new name",
		Short: "Write the first version of a provider, with its test",
		Long: "Write a provider that builds and passes its test into a new folder of its name. Make\n" +
			"it your own from there.",
		Example: "  cogplan provider new notes -lang rust && cd notes && make test\n  cogplan provider new notes\n  cd notes && go get github.com/cogplan/cogplan && make test",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the name of the provider", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.providerNew(args[0], language, sdk) },
	}
	cmd.Flags().Var(&choiceFlag{&language, scaffold.Languages()}, "lang", "the language of the provider")
	cmd.Flags().StringVar(&sdk, "sdk", "", "use the SDK of the checkout of cogplan in this `folder`")
	return cmd
}

func (a *app) providerNew(name, language, sdk string) error {
	if err := scaffold.CheckName(name); err != nil {
		return usagef("%s", err.Error())
	}
	if sdk != "" && language != languageGo {
		return usagef("-sdk is for providers in Go; one in %s needs no SDK", language)
	}
	files, err := scaffold.Write(name, language, name)
	if err != nil {
		return err
	}
	next := "cd " + name + " && make test"
	if language == languageGo {
		next = "cd " + name + " && go get github.com/cogplan/cogplan && make test"
	}
	if sdk != "" {
		if err := useCheckout(filepath.Join(name, "go.mod"), sdk); err != nil {
			return err
		}
		next = "cd " + name + " && make test"
	}
	for _, file := range files {
		fmt.Fprintln(a.out, render.Escape(file))
	}
	fmt.Fprintln(a.out, "\n"+a.style().Strong("Next: ")+next)
	return nil
}

// useCheckout has a module of Go take the SDK from a folder.
func useCheckout(file, dir string) error {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if text, err := os.ReadFile(filepath.Join(absolute, "go.mod")); err != nil || !strings.HasPrefix(string(text), "module github.com/cogplan/cogplan\n") {
		return fmt.Errorf("%s is no checkout of cogplan", render.Escape(dir))
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	const path = "github.com/cogplan/cogplan"
	if _, err := fmt.Fprintf(out, "\nrequire %s v0.0.0\n\nreplace %s => %q\n", path, path, absolute); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

func (a *app) providerTestCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "test file folder",
		Short: "Hold a provider against what every provider has to do",
		Long: "Run cogplan with a provider as a user would, in a folder of its own: describe, plan\n" +
			"(which changes nothing and is the same twice), apply (with the declared effects and\n" +
			"nothing else), plan again (nothing to change), forget and find again, export, destroy.\n" +
			"The folder holds a module, or folders of modules that are applied one after the other;\n" +
			"they name the provider's file as source, with ./ in front.",
		Example: "  cogplan provider test notes.wasm test",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("%s takes the file of the provider, and the folder of its test", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.providerTest(cmd.Context(), args[0], args[1], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// testDocument is the JSON of provider test.
type testDocument struct {
	FormatVersion string               `json:"format_version"`
	Passed        bool                 `json:"passed"`
	Results       []conformance.Result `json:"results"`
}

func (a *app) providerTest(ctx context.Context, module, dir string, asJSON bool) error {
	steps, err := testSteps(dir)
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this executable: %w", err)
	}
	suite := conformance.Suite{Executable: executable, Module: module, Steps: steps, Environ: a.environList()}
	results, err := suite.Run(ctx)
	failed := err != nil
	for _, result := range results {
		failed = failed || result.Outcome == conformance.Failed
	}
	if asJSON {
		if err := render.WriteJSON(a.out, testDocument{render.FormatVersion, !failed, results}); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
	} else {
		a.showTest(results)
	}
	switch {
	case err != nil:
		return fmt.Errorf("test the provider: %w", err)
	case failed:
		return end(outcomeFailed, false)
	default:
		return nil
	}
}

func (a *app) showTest(results []conformance.Result) {
	for _, result := range results {
		fmt.Fprintf(a.out, "%-4s  %s\n", result.Outcome, render.Escape(result.Check))
		for line := range strings.Lines(result.Detail) {
			fmt.Fprintln(a.out, "      "+render.Escape(strings.TrimRight(line, "\n")))
		}
	}
}

// testSteps are the folders with a module below a folder, sorted, or the folder
// itself.
func testSteps(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the test: %w", err)
	}
	var steps []string
	for _, entry := range entries {
		if found, _ := filepath.Glob(filepath.Join(dir, entry.Name(), "*.hcl")); entry.IsDir() && len(found) > 0 {
			steps = append(steps, filepath.Join(dir, entry.Name()))
		}
	}
	if len(steps) > 0 {
		return steps, nil
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.hcl")); len(found) == 0 {
		return nil, fmt.Errorf("%s has no module, and no folders with modules", render.Escape(dir))
	}
	return []string{dir}, nil
}

func (a *app) environList() []string {
	list := make([]string, 0, len(a.proc.environ))
	for _, name := range slices.Sorted(maps.Keys(a.proc.environ)) {
		list = append(list, name+"="+a.proc.environ[name])
	}
	return list
}
