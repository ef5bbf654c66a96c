package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/embedded"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// version is set by the build.
var version = "dev"

// versionDocument is the JSON of version.
type versionDocument struct {
	FormatVersion string   `json:"format_version"`
	Version       string   `json:"version"`
	Go            string   `json:"go"`
	Platform      string   `json:"platform"`
	Providers     []string `json:"providers"`
	// Walls are what the operating system has around the processes of providers.
	Walls   []wasm.Wall `json:"walls,omitempty"`
	Modules []module    `json:"modules,omitempty"`
}

type module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON, verbose bool
	cmd := &cobra.Command{
		Use:     "version",
		Example: "  cogplan version\n  cogplan version -v",
		Short:   "Print the version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.version(asJSON, verbose)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "tell also what cogplan is made of, and what this system has to confine providers")
	return cmd
}

func (a *app) version(asJSON, verbose bool) error {
	doc := versionDocument{
		FormatVersion: render.FormatVersion, Version: version, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Providers: embedded.Names(),
	}
	if doc.Providers == nil {
		doc.Providers = []string{}
	}
	if info, ok := debug.ReadBuildInfo(); ok && verbose {
		for _, dep := range info.Deps {
			doc.Modules = append(doc.Modules, module{dep.Path, dep.Version})
		}
	}
	if verbose {
		doc.Walls = wasm.Walls()
	}
	if asJSON {
		return render.WriteJSON(a.out, doc)
	}
	fmt.Fprintf(a.out, "cogplan %s\n", doc.Version)
	if !verbose {
		return nil
	}
	fmt.Fprintf(a.out, "%s %s\nproviders: %q\n", doc.Go, doc.Platform, doc.Providers)
	for _, wall := range doc.Walls {
		fmt.Fprintf(a.out, "%s: %s\n", wall.Name, wall.Says)
	}
	for _, m := range doc.Modules {
		fmt.Fprintf(a.out, "%s %s\n", m.Path, m.Version)
	}
	return nil
}
