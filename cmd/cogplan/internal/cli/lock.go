package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/lockfile"
	"github.com/cogplan/cogplan/cmd/cogplan/internal/render"
)

// The ways in which a command takes the lock file.
const (
	// lockCheck holds what is there against the lock file, where there is one.
	lockCheck = "check"
	// lockReadOnly refuses to go on without one, too.
	lockReadOnly = "readonly"
)

// checkLock refuses what is not as the lock file says, before any provider reads
// the world.
func (s *session) checkLock(ctx context.Context, mode string) {
	locked, err := lockfile.Read(moduleDir)
	if err != nil {
		s.messages = append(s.messages, render.Errorf("Lock file cannot be used", "%s.\n"+
			"Put it back from version control, or remove it and run `cogplan init` to trust the module anew.", sentence(err)))
		return
	}
	if locked == nil {
		if mode == lockReadOnly {
			s.messages = append(s.messages, render.Errorf("Nothing is locked",
				"There is no %s, and -lockfile=readonly wants one. Run `cogplan init` where a person can look at what is trusted, and keep the file with the module.", lockfile.Name))
		}
		return
	}
	for _, change := range lockfile.Compare(locked, s.lockable(ctx)) {
		if !change.Gone || s.unasked(change) {
			s.messages = append(s.messages, s.lockMessage(change))
		}
	}
}

// unasked reports whether what is gone is a policy that the module names no
// more: it would have said no to something. A provider that is gone does nothing,
// and of a policy that cannot be loaded the gate tells.
func (s *session) unasked(change lockfile.Change) bool {
	return change.Policy != "" && !slices.Contains(s.module.Policy().Paths, change.Policy)
}

func (s *session) lockMessage(change lockfile.Change) render.Message {
	if change.Gone {
		return located(render.Errorf("Policy is not asked", "%s names the %s, and the module does not: plans would be asked less than what was trusted.\n"+
			"Put it back, or run `cogplan init` to do without it.", lockfile.Name, change.What), s.lockRange(change))
	}
	summary := "Not as it was trusted"
	if change.New {
		summary = "Not trusted yet"
	}
	var lines strings.Builder
	for _, line := range change.Lines {
		lines.WriteString("\n  " + line)
	}
	return located(render.Errorf(summary, "The %s is not what %s says:%s\nLook at it, and run `cogplan init` to trust it.",
		change.What, lockfile.Name, lines.String()), s.lockRange(change))
}

// lockRange is where the module declares what changed.
func (s *session) lockRange(change lockfile.Change) hcl.Range {
	for _, block := range s.module.Providers() {
		if block.Name == change.Name {
			return block.Range
		}
	}
	return s.module.Policy().Range
}

// lockable is what the module wants to be trusted with now. Providers that cannot
// be loaded are left out: that has been told.
func (s *session) lockable(ctx context.Context) *lockfile.File {
	f := &lockfile.File{}
	for _, block := range s.module.Providers() {
		module, err := s.guests.module(block.Name)
		if err != nil || ctx.Err() != nil {
			continue
		}
		f.Providers = append(f.Providers, lockfile.Provider{
			Name: block.Name, Source: block.Source, Version: s.guests.byName[block.Name].description.Version,
			Digest: module.Digest(), Allow: lockfile.Grants(block.Grants, block.Trust),
		})
	}
	f.Policies = s.lockablePolicies()
	return f
}

// lockablePolicies are the policies from elsewhere, as they were loaded. Those that
// cannot be loaded are left out: that is told, and nothing is ruled by them.
func (s *session) lockablePolicies() []lockfile.Policy {
	root := repository(s.module.Dir())
	var pinned []lockfile.Policy
	for _, given := range s.module.Policy().Paths {
		path := given
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.module.Dir(), path)
		}
		if !fromElsewhere(root, path) || s.gate.wait() != nil {
			continue
		}
		if digest := s.gate.engine.PathDigests()[path]; digest != "" {
			pinned = append(pinned, lockfile.Policy{Path: given, Digest: digest})
		}
	}
	return pinned
}

var errNotTrusted = errors.New("what is shown is not trusted yet: run `cogplan init` in a terminal, or add -auto-approve to trust it without asking")
