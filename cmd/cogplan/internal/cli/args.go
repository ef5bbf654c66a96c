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
	flags := allFlags(root)
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

// allFlags are the flags of all commands by name and shorthand. A name means
// the same kind of flag in each of them; a test holds that.
func allFlags(root *cobra.Command) map[string]*pflag.Flag {
	flags := map[string]*pflag.Flag{}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		add := func(flag *pflag.Flag) {
			flags[flag.Name] = flag
			if flag.Shorthand != "" {
				flags[flag.Shorthand] = flag
			}
		}
		cmd.Flags().VisitAll(add)
		cmd.PersistentFlags().VisitAll(add)
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return flags
}
