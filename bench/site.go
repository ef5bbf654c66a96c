package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// budget is what a warm plan of the example may take on an idle machine.
const budget = 0.150

// siteRuns is more than the cases get: a single plan is short, and its median
// is what users wait for most.
const siteRuns = 21

// measureSite times the commands of a user's day on the example: the first plan
// of all, which compiles the provider, then warm plans before and after apply.
func measureSite(ctx context.Context, o options, tools []tool, out io.Writer) error {
	i := slices.IndexFunc(tools, func(t tool) bool { return t.name == toolCogplan })
	if i < 0 {
		return nil
	}
	cogplan := tools[i]
	scratch, err := os.MkdirTemp("", "cogplan-bench-site-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	dir := filepath.Join(scratch, "site")
	if err := os.CopyFS(dir, os.DirFS(o.site)); err != nil {
		return err
	}
	cogplan.env = append(slices.Clone(cogplan.env), "COGPLAN_CACHE_DIR="+filepath.Join(scratch, "cache"))
	fmt.Fprintf(out, "%s, median of %d, wall and CPU in ms\n", o.site, siteRuns)
	for _, step := range []struct {
		what, args string
		runs       int
	}{
		{"first plan of all (compiles)", "plan", 1},
		{"validate", "validate", siteRuns},
		{"warm plan, all to create", "plan", siteRuns},
		{"apply", "apply -auto-approve", 1},
		{"warm plan, nothing to do", "plan -detailed-exitcode", siteRuns},
	} {
		r := row{Case: "site", Tool: toolCogplan}
		for range step.runs {
			s, err := measure(ctx, command{argv: append([]string{cogplan.path}, strings.Fields(step.args)...), dir: dir, env: cogplan.env, limit: o.limit})
			if err != nil {
				return err
			}
			if s.failed() {
				return fmt.Errorf("cogplan %s in %s: %s\n%s", step.args, o.site, verdict(s), indent(s.Output))
			}
			r.Samples = append(r.Samples, s)
		}
		fmt.Fprintf(out, "  %-30s %7.1f %7.1f%s\n", step.what, r.median(wall)*1e3, r.median(cpu)*1e3, judged(step.what, r))
	}
	_, err = fmt.Fprintln(out)
	return err
}

// judged compares a warm plan with the budget.
func judged(what string, r row) string {
	if !strings.HasPrefix(what, "warm") {
		return ""
	}
	if m := r.median(wall); m > budget {
		return fmt.Sprintf("   over the budget of %.0f ms, at load %.1f", budget*1e3, r.median(load))
	}
	return fmt.Sprintf("   within %.0f ms", budget*1e3)
}
