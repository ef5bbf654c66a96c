package cli

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func testRoot() *cobra.Command {
	a := &app{proc: &process{environ: map[string]string{}}, out: &checked{}}
	return a.root()
}

func TestDoubleDashes(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"a switch", []string{"apply", "-auto-approve"}, []string{"apply", "--auto-approve"}},
		{"two dashes stay", []string{"apply", "--auto-approve"}, []string{"apply", "--auto-approve"}},
		{"a value behind =", []string{"plan", "-var=a=-b"}, []string{"plan", "--var=a=-b"}},
		{"a value behind a space", []string{"plan", "-var", "a=b"}, []string{"plan", "--var", "a=b"}},
		{"a value that looks like a flag", []string{"plan", "-var", "-json"}, []string{"plan", "--var", "-json"}},
		{"a value of the double-dash form", []string{"plan", "--var", "-json", "-json"}, []string{"plan", "--var", "-json", "--json"}},
		{"a flag before the command", []string{"-chdir", "-odd", "plan", "-json"}, []string{"--chdir", "-odd", "plan", "--json"}},
		{"a switch with a value", []string{"plan", "-input=false"}, []string{"plan", "--input=false"}},
		{"a switch does not swallow", []string{"plan", "-input", "-json"}, []string{"plan", "--input", "--json"}},
		{"a shorthand", []string{"version", "-v", "-h"}, []string{"version", "-v", "-h"}},
		{"one dash alone", []string{"fmt", "-"}, []string{"fmt", "-"}},
		{"behind two dashes", []string{"fmt", "--", "-check", "-"}, []string{"fmt", "--", "-check", "-"}},
		{"nobody knows it", []string{"plan", "-nonsense", "x"}, []string{"plan", "--nonsense", "x"}},
		{"a value is missing", []string{"plan", "-var"}, []string{"plan", "--var"}},
		{"a switch of one command", []string{"show", "-markdown", "-full", "x"}, []string{"show", "--markdown", "--full", "x"}},
		{"a value of another", []string{"plan", "-markdown", "-full", "-full"}, []string{"plan", "--markdown", "-full", "--full"}},
		{"of a command below a command", []string{"-chdir", "state", "state", "push", "-lock-timeout", "-x"}, []string{"--chdir", "state", "state", "push", "--lock-timeout", "-x"}},
		{"a command's name as an argument", []string{"output", "plan", "-raw"}, []string{"output", "plan", "--raw"}},
		{"no arguments", nil, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := doubleDashes(tc.args, testRoot()); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzDoubleDashes(f *testing.F) {
	f.Add("plan", "-var", "a=b", "--")
	f.Add("-chdir=x", "--", "-", "---json=")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		args := []string{a, b, c, d}
		got := doubleDashes(args, testRoot())
		if len(got) != len(args) {
			t.Fatalf("%q became %q", args, got)
		}
		for i := range args {
			if got[i] != args[i] && got[i] != "-"+args[i] {
				t.Errorf("%q became %q", args[i], got[i])
			}
		}
	})
}
