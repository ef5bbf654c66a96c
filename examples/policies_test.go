// Package examples checks the policies of the examples as their authors would:
// strict compilation, layout, and their own tests. That the modules themselves
// work is shown by `make demo` and by the scripts of the command line.
package examples

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cogplan/cogplan/policy"
)

func TestPoliciesOfTheExamples(t *testing.T) {
	dirs, err := filepath.Glob("*/policy")
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) == 0 {
		t.Fatal("no example has policies")
	}
	for _, dir := range dirs {
		t.Run(filepath.ToSlash(dir), func(t *testing.T) {
			options := policy.Options{Paths: []string{dir}, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
			mistakes, err := policy.Check(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range mistakes {
				t.Error(m)
			}
			report, err := policy.Test(t.Context(), policy.TestOptions{Options: options})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				if r.Outcome != policy.TestPassed {
					t.Errorf("%s:%d: %s: %s", r.File, r.Line, r.Outcome, r.Message)
				}
			}
			for _, problem := range report.Problems {
				t.Error(problem)
			}
			for _, m := range report.NotCovered {
				t.Error(m)
			}
		})
	}
}
