package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/policy"
)

// policyMemory is what policies from outside may use in their own process.
const policyMemory = 1 << 30

// policyOptions are the policies that the module names, beside the default ones.
func (a *app) policyOptions(module *lang.Module) policy.Options {
	settings := module.Policy()
	opts := policy.Options{Now: a.proc.now(), Rules: map[string]policy.Setting{}, Approvals: a.ruling.approvals, Overrides: a.ruling.overrides}
	root := repository(module.Dir())
	for _, path := range settings.Paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(module.Dir(), path)
		}
		if fromElsewhere(root, path) {
			opts.Isolation = isolation()
		}
		opts.Paths = append(opts.Paths, path)
	}
	if opts.BundleKey = settings.Key; opts.BundleKey != "" && !filepath.IsAbs(opts.BundleKey) {
		opts.BundleKey = filepath.Join(module.Dir(), opts.BundleKey)
	}
	for _, rule := range settings.Rules {
		opts.Rules[rule.Name] = policy.Setting{Level: rule.Level, Parameters: rule.Parameters}
	}
	return opts
}

// fromElsewhere reports whether a policy comes from outside the repository: by its
// path, or because it is a bundle, which somebody else has built.
func fromElsewhere(root, path string) bool { return policy.IsBundle(path) || !inside(root, path) }

// isolation is a process of cogplan itself. Where nobody knows which program
// this is there is no isolation, and policies from outside are not loaded.
func isolation() *policy.Isolation {
	executable, err := os.Executable()
	if err != nil {
		executable = ""
	}
	return &policy.Isolation{Executable: executable, Memory: policyMemory}
}

// repository is the folder of what is under change together with a module: the
// nearest one above it that holds .git, or the module's own.
func repository(dir string) string {
	module := resolved(dir)
	for at := module; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return module
		}
	}
}

// resolved is the path without symbolic links, as far as there is something.
func resolved(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	if followed, err := filepath.EvalSymlinks(absolute); err == nil {
		return followed
	}
	if parent := filepath.Dir(absolute); parent != absolute {
		return filepath.Join(resolved(parent), filepath.Base(absolute))
	}
	return absolute
}

// inside reports whether a path is in a folder, by where it leads.
func inside(folder, path string) bool {
	relative, err := filepath.Rel(folder, resolved(path))
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}

// ruling is what the command line says about the gate.
type ruling struct {
	approvals []policy.Approval
	overrides []policy.Override
	log       *decisionLog
}

// deniedOutcome is the outcome of denials.
func deniedOutcome(decisions []reconcile.Decision) outcome {
	if reconcile.AwaitApproval(decisions) {
		return outcomeUnapproved
	}
	return outcomeDenied
}

// deniedResults is deniedOutcome for what an apply came to.
func deniedResults(results []reconcile.MetaResult) outcome {
	var decisions []reconcile.Decision
	for i := range results {
		if results[i].Status == reconcile.StatusDenied {
			decisions = append(decisions, results[i].Decision())
		}
	}
	return deniedOutcome(decisions)
}

// checkTrustFile refuses who may approve where those who change the module could
// change that too.
func checkTrustFile(path string) error {
	if root := repository(moduleDir); inside(root, path) {
		return fmt.Errorf("the trust file %s is in the repository of the module (%s), where whoever changes the module could make themselves an approver; "+
			"keep it elsewhere, and name it with -trust or COGPLAN_TRUST", path, root)
	}
	return nil
}
