// Package conformance holds a provider against what every provider has to do, by
// running cogplan with it as a user would: in a folder of its own, with the real
// commands, one after the other.
//
// It trusts nothing that the provider says of itself, decides by what the commands
// report and by what lies on the disk, and touches nothing outside its folder but
// what the modules of the test grant.
package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Outcome of a check.
type Outcome string

// The outcomes. A warning is something that is allowed and that users will miss.
const (
	Passed  Outcome = "ok"
	Failed  Outcome = "FAIL"
	Warned  Outcome = "warn"
	Skipped Outcome = "skip"
)

// Result is one check.
type Result struct {
	Check   string  `json:"check"`
	Outcome Outcome `json:"outcome"`
	// Detail says what was wrong, or why it was skipped.
	Detail string `json:"detail,omitempty"`
}

// Suite is a test of one provider.
type Suite struct {
	// Executable is cogplan.
	Executable string
	// Module is the provider's file, and Steps the folders of the modules that are
	// applied one after the other.
	Module string
	Steps  []string
	// Environ of the commands.
	Environ []string

	dir     string
	results []Result
}

// errStop ends a test whose further checks would say nothing.
var errStop = errors.New("stopped")

// Run makes all checks. The error is one of the test itself.
func (s *Suite) Run(ctx context.Context) ([]Result, error) {
	dir, err := os.MkdirTemp("", "cogplan-provider-test-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is the system's folder for such things
	s.dir = dir
	err = s.run(ctx)
	if errors.Is(err, errStop) {
		err = ctx.Err()
	}
	return s.results, err
}

func (s *Suite) run(ctx context.Context) error {
	if err := s.describes(ctx); err != nil {
		return err
	}
	first := counts{}
	for i, step := range s.Steps {
		if err := s.enter(step); err != nil {
			return err
		}
		name := filepath.Base(step)
		planned, err := s.plans(ctx, name)
		if err != nil {
			return err
		}
		if i == 0 {
			first = planned.counts()
		}
		if err := s.plansWithin(ctx, name, planned); err != nil {
			return err
		}
		if err := s.applies(ctx, name, planned); err != nil {
			return err
		}
	}
	if err := s.remembers(ctx); err != nil {
		return err
	}
	if err := s.exports(ctx); err != nil {
		return err
	}
	if err := s.leaves(ctx, first); err != nil {
		return err
	}
	if err := s.appliesWithin(ctx); err != nil {
		return err
	}
	return s.survives(ctx)
}

func (s *Suite) note(outcome Outcome, check, detail string) {
	s.results = append(s.results, Result{check, outcome, detail})
}

// must notes a check, and stops where it failed.
func (s *Suite) must(ok bool, check, detail string) error {
	if ok {
		s.note(Passed, check, "")
		return nil
	}
	s.note(Failed, check, detail)
	return errStop
}

// enter puts the module of a step, and the provider, into the folder. What earlier
// steps declared is taken away.
func (s *Suite) enter(step string) error {
	old, err := filepath.Glob(filepath.Join(s.dir, "*.hcl"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(s.dir, "."), fresh{os.DirFS(step), s.dir}); err != nil {
		return fmt.Errorf("copy %s: %w", step, err)
	}
	wasm, err := os.ReadFile(s.Module)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, filepath.Base(s.Module)), wasm, 0o600) //nolint:gosec // a base name, in a folder of our own
}

// fresh is a folder without what an earlier step has put into another one: a step
// may bring further files, and changes none.
type fresh struct {
	fs.FS

	into string
}

// ReadDir leaves out what is there.
func (f fresh) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(entry fs.DirEntry) bool {
		_, err := os.Lstat(filepath.Join(f.into, name, entry.Name()))
		return err == nil && !entry.IsDir()
	}), err
}

// ran is what a command left behind.
type ran struct {
	code        int
	out, errout string
}

func (r *ran) said() string {
	const most = 1200
	text := strings.TrimSpace(r.errout + "\n" + r.out)
	if len(text) > most {
		text = text[:most] + " ..."
	}
	return fmt.Sprintf("it ended with exit code %d:\n%s", r.code, text)
}

func (s *Suite) cogplan(ctx context.Context, args ...string) (*ran, error) {
	cmd := exec.CommandContext(ctx, s.Executable, args...)
	var out, errout bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.Environ, &out, &errout
	err := cmd.Run()
	r := &ran{out: out.String(), errout: errout.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code, err = exit.ExitCode(), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return r, err
}

// document is what the checks read of the JSON of plan and apply.
type document struct {
	Digest    string `json:"digest"`
	Resources []struct {
		Address string `json:"address"`
		Status  string `json:"status"`
		Plan    *struct {
			Actions []struct {
				Action  string         `json:"action"`
				Type    string         `json:"resource_type"`
				Name    string         `json:"name"`
				Details map[string]any `json:"details"`
			} `json:"actions"`
		} `json:"plan"`
	} `json:"resources"`
}

// counts are the actions of a plan by kind.
type counts map[string]int

func (d *document) counts() counts {
	c := counts{}
	if d == nil {
		return c
	}
	for _, r := range d.Resources {
		if r.Plan != nil {
			for _, a := range r.Plan.Actions {
				c[a.Action]++
			}
		}
	}
	return c
}

// actions is all that a plan would do, as text to be compared.
func (d *document) actions() string {
	var all []any
	for _, r := range d.Resources {
		if r.Plan != nil {
			all = append(all, r.Address, r.Plan.Actions)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err.Error() // it was read as JSON
	}
	return string(text)
}

func (c counts) changes() int { return c["create"] + c["update"] + c["delete"] }

func (s *Suite) planned(ctx context.Context) (*document, *ran, error) {
	r, err := s.cogplan(ctx, "plan", "-json")
	if err != nil {
		return nil, nil, err
	}
	var doc document
	if err := json.Unmarshal([]byte(r.out), &doc); err != nil {
		return nil, r, nil //nolint:nilerr // what it said instead is shown
	}
	return &doc, r, nil
}

// fingerprint is one of all that lies in the folder, but what cogplan keeps.
func (s *Suite) fingerprint() (string, error) {
	sum, root := sha256.New(), os.DirFS(s.dir)
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".cog":
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(sum, path, info.Mode(), info.Size())
		if entry.Type().IsRegular() {
			data, err := fs.ReadFile(root, path)
			if err != nil {
				return err
			}
			sum.Write(data)
		}
		return nil
	})
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}
