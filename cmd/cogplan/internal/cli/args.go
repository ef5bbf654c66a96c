package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// doubleDashes gives long flags with one dash, as Terraform writes them, their
// second: -auto-approve becomes --auto-approve. Values stay as they are: what
// follows a flag that takes a value, "-" alone, and all that follows "--".
func doubleDashes(args []string, root *cobra.Command) []string {
	cmd, named := root, false
	flags := flagsOf(cmd)
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, hasValue := flagName(arg)
		flag := flags[name]
		if name == "" || flag == nil && !isLong(arg) {
			out = append(out, arg)
			if sub := subcommand(cmd, arg); sub != nil && !named {
				cmd, flags = sub, flagsOf(sub)
			} else {
				named = true // the first word that is no command is an argument
			}
			continue
		}
		out = append(out, withDashes(arg))
		if flag != nil && flag.NoOptDefVal == "" && !hasValue && i+1 < len(args) {
			i++
			out = append(out, args[i])
		}
	}
	return out
}

func subcommand(cmd *cobra.Command, word string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == word {
			return sub
		}
	}
	return nil
}

// flagName is the name in -name, --name, -name=value; empty for what is no flag.
func flagName(arg string) (name string, hasValue bool) {
	if !strings.HasPrefix(arg, "-") {
		return "", false
	}
	name, _, hasValue = strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name, hasValue
}

// isLong reports whether the argument names a flag of more than one letter. One
// that nobody knows is long too, so that the message names it whole.
func isLong(arg string) bool {
	name, _ := flagName(arg)
	return len(name) > 1
}

func withDashes(arg string) string {
	if isLong(arg) && !strings.HasPrefix(arg, "--") {
		return "-" + arg
	}
	return arg
}

// flagsOf are the flags of a command by name and shorthand.
func flagsOf(cmd *cobra.Command) map[string]*pflag.Flag {
	flags := map[string]*pflag.Flag{}
	add := func(flag *pflag.Flag) {
		flags[flag.Name] = flag
		if flag.Shorthand != "" {
			flags[flag.Shorthand] = flag
		}
	}
	cmd.Flags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return flags
}
