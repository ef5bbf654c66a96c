package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/lang/format"
)

// fmtOptions are the flags of fmt.
type fmtOptions struct {
	check, diff, recursive, write, list bool
}

func (a *app) fmtCommand() *cobra.Command {
	var opts fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [path...|-]",
		Short: "Bring .hcl and .hclvars files into their canonical form",
		Long: "Bring .hcl and .hclvars files into their canonical form, and print the names of\n" +
			"those that changed. A path is a file or a directory; without one it is the\n" +
			"working directory. \"-\" formats standard input to standard output.",
		Example: "  cogplan fmt\n  cogplan fmt -check -recursive\n  cogplan fmt - < main.hcl",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.fmt(args, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.check, "check", false, "change nothing, and end with exit code 1 where something would change")
	flags.BoolVar(&opts.diff, "diff", false, "print the differences")
	flags.BoolVar(&opts.recursive, "recursive", false, "enter directories below")
	flags.BoolVar(&opts.write, "write", true, "write the files")
	flags.BoolVar(&opts.list, "list", true, "print the names of the files that change")
	return cmd
}

func (a *app) fmt(paths []string, opts fmtOptions) error {
	if slices.Contains(paths, "-") {
		if len(paths) > 1 {
			return usagef("fmt formats standard input (\"-\") or files, not both at once")
		}
		return a.fmtStdin(opts)
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	files, err := fmtFiles(paths, opts.recursive)
	if err != nil {
		return err
	}
	run := fmtRun{app: a, opts: opts}
	for _, name := range files {
		if err := run.file(name); err != nil {
			return err
		}
	}
	return run.end()
}

// fmtRun is one run of fmt.
type fmtRun struct {
	app     *app
	opts    fmtOptions
	changed bool
	broken  bool
}

func (r *fmtRun) end() error {
	switch {
	case r.broken:
		return end(outcomeInvalid, false)
	case r.changed && r.opts.check:
		return end(outcomeFailed, false)
	default:
		return nil
	}
}

func (r *fmtRun) file(name string) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	formatted, ok := r.source(src, name)
	if !ok || bytes.Equal(src, formatted) {
		return nil
	}
	r.changed = true
	if r.opts.list {
		fmt.Fprintln(r.app.out, render.Escape(name))
	}
	r.difference(name, src, formatted)
	if r.opts.write && !r.opts.check {
		return replaceFile(name, formatted)
	}
	return nil
}

// source formats; what does not parse is shown and stays as it is.
func (r *fmtRun) source(src []byte, name string) ([]byte, bool) {
	formatted, diags := format.Source(src, name)
	if diags.HasErrors() {
		r.broken = true
		sources := render.Sources{name: &hcl.File{Bytes: src}}
		fmt.Fprint(r.app.proc.stderr, r.app.errStyle().Messages(render.FromDiagnostics(diags), sources))
		return nil, false
	}
	return formatted, true
}

func (r *fmtRun) difference(name string, before, after []byte) {
	if r.opts.diff {
		fmt.Fprint(r.app.out, r.app.style().Diff(name, string(before), string(after)))
	}
}

// maxFmtSource bounds what is read of standard input.
const maxFmtSource = 64 << 20

func (a *app) fmtStdin(opts fmtOptions) error {
	const name = "<stdin>"
	src, err := io.ReadAll(io.LimitReader(a.proc.stdin, maxFmtSource))
	if err != nil {
		return fmt.Errorf("format standard input: %w", err)
	}
	run := fmtRun{app: a, opts: opts}
	formatted, ok := run.source(src, name)
	if !ok {
		return run.end()
	}
	run.changed = !bytes.Equal(src, formatted)
	run.difference(name, src, formatted)
	if opts.write && !opts.check && !opts.diff {
		if _, err := a.out.Write(formatted); err != nil {
			return fmt.Errorf("write the output: %w", err)
		}
	}
	return run.end()
}

// fmtFiles are the files that the paths name, sorted, each once. A file that is
// named is formatted whatever its name; in a directory the name decides.
func fmtFiles(paths []string, recursive bool) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("format: %w", err)
		case !info.IsDir():
			files = append(files, filepath.Clean(path))
		default:
			below, err := format.Files(path, recursive)
			if err != nil {
				return nil, err
			}
			for i := range below {
				below[i] = filepath.Clean(below[i])
			}
			files = append(files, below...)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// replaceFile writes a file beside the old one and puts it in its place, so
// that a source is never half there.
func replaceFile(name string, data []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("format: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), ".cogplan-fmt-*")
	if err != nil {
		return fmt.Errorf("format %s: %w", name, err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // it is gone where the rename went through
	_, err = temporary.Write(data)
	if err == nil {
		err = temporary.Chmod(info.Mode().Perm())
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), target)
	}
	if err != nil {
		return fmt.Errorf("format %s: %w", name, err)
	}
	return nil
}
