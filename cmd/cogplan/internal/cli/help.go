package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageText is the help of a command, with flags as people type them: one dash.
func usageText(cmd *cobra.Command) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Usage:\n  %s\n", useLine(cmd))
	if cmd.HasExample() {
		fmt.Fprintf(&out, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&out, "\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&out, "  %-*s  %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if flags := flagLines(cmd.LocalNonPersistentFlags()); flags != "" {
		fmt.Fprintf(&out, "\nFlags:\n%s", flags)
	}
	if flags := flagLines(globalsOf(cmd)); flags != "" {
		fmt.Fprintf(&out, "\nFlags of every command:\n%s", flags)
	}
	return out.String()
}

func useLine(cmd *cobra.Command) string {
	line := cmd.CommandPath()
	if _, rest, ok := strings.Cut(cmd.Use, " "); ok {
		line += " " + rest
	}
	if cmd.HasAvailableSubCommands() {
		line += " <command>"
	}
	return line + " [flags]"
}

func globalsOf(cmd *cobra.Command) *pflag.FlagSet {
	if cmd.HasParent() {
		return cmd.InheritedFlags()
	}
	return cmd.PersistentFlags()
}

func flagLines(flags *pflag.FlagSet) string {
	type row struct{ name, usage string }
	var rows []row
	width := 0
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		what, usage := pflag.UnquoteUsage(flag)
		name := "-" + flag.Name
		if what != "" && flag.NoOptDefVal == "" {
			name += " " + what
		}
		if flag.Shorthand != "" {
			name = "-" + flag.Shorthand + ", " + name
		}
		if flag.DefValue != "" && flag.DefValue != "false" && flag.DefValue != "0" {
			usage += " (default " + flag.DefValue + ")"
		}
		rows = append(rows, row{name, usage})
		width = max(width, len(name))
	})
	var out strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&out, "  %-*s  %s\n", width, r.name, r.usage)
	}
	return out.String()
}
