package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man folder",
		Short: "Write the manual pages, one for each command",
		Long: "Write the manual pages into a folder, one for each command. For all users:\n\n" +
			"  cogplan man /usr/local/share/man/man1",
		Example: "  cogplan man ~/.local/share/man/man1",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the folder that the pages go to", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.Mkdir(args[0], 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("make the folder of the pages: %w", err)
			}
			return writeManual(cmd.Root(), args[0])
		},
	}
}

// writeManual writes the page of a command and those of the commands below it.
func writeManual(cmd *cobra.Command, folder string) error {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			if err := writeManual(sub, folder); err != nil {
				return err
			}
		}
	}
	page := md2man.Render([]byte(manualPage(cmd)))
	if err := os.WriteFile(filepath.Join(folder, pageName(cmd)+".1"), page, 0o644); err != nil {
		return fmt.Errorf("write the page of %s: %w", cmd.CommandPath(), err)
	}
	return nil
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manualPage is the page of a command as md2man reads it: Markdown with a title
// block. It holds no date, so that one cogplan writes the same pages each time.
func manualPage(cmd *cobra.Command) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%% \"%s\" \"1\" \"\" \"cogplan %s\" \"cogplan\"\n\n# NAME\n%s - %s\n\n", strings.ToUpper(pageName(cmd)), version, pageName(cmd), cmd.Short)
	fmt.Fprintf(&out, "# SYNOPSIS\n**%s**\n\n", strings.ReplaceAll(useLine(cmd), "<", `\<`))
	if cmd.Long != "" {
		fmt.Fprintf(&out, "# DESCRIPTION\n%s\n\n", strings.ReplaceAll(cmd.Long, "\n  ", "\n\n    "))
	}
	if cmd.HasAvailableSubCommands() {
		out.WriteString("# COMMANDS\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&out, "**%s**(1)\n: %s\n\n", pageName(sub), sub.Short)
			}
		}
	}
	manualFlags(&out, "OPTIONS", cmd.LocalNonPersistentFlags())
	manualFlags(&out, "OPTIONS OF EVERY COMMAND", globalsOf(cmd))
	if cmd.HasExample() {
		out.WriteString("# EXAMPLES\n")
		for line := range strings.Lines(cmd.Example) {
			out.WriteString("    " + strings.TrimSpace(line) + "\n")
		}
		out.WriteString("\n")
	}
	out.WriteString(manualExits)
	if cmd.HasParent() {
		fmt.Fprintf(&out, "# SEE ALSO\n**%s**(1)\n", pageName(cmd.Parent()))
	}
	return out.String()
}

func manualFlags(out *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(out, "# %s\n", title)
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		what, usage := pflag.UnquoteUsage(flag)
		fmt.Fprintf(out, "**-%s**", flag.Name)
		if what != "" && flag.NoOptDefVal == "" {
			fmt.Fprintf(out, " _%s_", what)
		}
		fmt.Fprintf(out, "\n: %s", usage)
		if flag.DefValue != "" && flag.DefValue != "false" && flag.DefValue != "0" && flag.DefValue != "[]" {
			fmt.Fprintf(out, " (default %s)", flag.DefValue)
		}
		out.WriteString("\n\n")
	})
}

// manualExits is the table of docs/cli.md, in short.
const manualExits = `# EXIT STATUS
**0**
: done, or no changes

**1**
: an error

**2**
: there are changes, with -detailed-exitcode; something moved (drift)

**3**
: denied by policy

**4**
: an approval is missing, expired or not genuine

**5**
: the plan is stale, and nothing was applied

**6**
: applied in part

**64**
: a mistake on the command line

`
