package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/lockfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/starter"
)

// begin writes a module to start from: the one that is named, or, in a folder that
// has none, the one that a person chooses.
func (a *app) begin(ctx context.Context, inputs *inputFlags, name string) error {
	there, err := hasModule(moduleDir)
	switch {
	case err != nil:
		return err
	case there && name != "":
		return usagef("-starter is for a folder without a module, and there is one here")
	case there:
		return nil
	case name != "" && inputs.lockfile == lockReadOnly:
		return usagef("-lockfile=readonly writes nothing, and -starter does")
	case name == "" && (inputs.noInput || !isTerminal(a.proc.stdin) || inputs.lockfile == lockReadOnly):
		return fmt.Errorf("there is no module here: no .hcl file is in this folder. Write one, go to where it is with -chdir, or start from one with: cogplan init -starter %s",
			strings.Join(starter.Names(), "|"))
	case name == "":
		if name, err = a.chooseStarter(ctx); err != nil {
			return err
		}
	}
	names, err := starter.Write(moduleDir, name)
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Fprintln(a.out, "Wrote "+render.Escape(name))
	}
	fmt.Fprintln(a.out)
	return nil
}

// chooseStarter asks. Nothing but a number or a name chooses.
func (a *app) chooseStarter(ctx context.Context) (string, error) {
	style := a.errStyle()
	var text strings.Builder
	text.WriteString(style.Strong("There is no module in this folder. Start from one?") + "\n")
	all := starter.All()
	for i, s := range all {
		fmt.Fprintf(&text, "  %d  %-6s %s\n", i+1, s.Name, s.About)
	}
	line, err := a.ask(ctx, text.String()+"  A number, or nothing to leave the folder as it is: ")
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	for i, s := range all {
		if line == strconv.Itoa(i+1) || line == s.Name {
			return s.Name, nil
		}
	}
	fmt.Fprintln(a.proc.stderr, "Nothing was written.")
	return "", end(outcomeCancelled, false)
}

// hasModule reports whether a folder has a file that a module is made of.
func hasModule(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() && name != lockfile.Name && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")) {
			return true, nil
		}
	}
	return false, nil
}
