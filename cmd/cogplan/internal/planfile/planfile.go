// Package planfile keeps a reviewed plan in a file, so that it can be looked at
// and applied later, by another process or on another machine.
//
// The file holds no secret: plans are redacted, and of sensitive variables there
// is only a check value behind a slow key derivation. It is no authority either:
// whoever applies it plans again and compares. The package therefore refuses what
// is damaged, cut off, of another version or contradicts itself, and rules on
// nothing.
package planfile

import (
	"errors"
	"fmt"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// formatName and Version open every file. A file of another version is refused:
// what it binds is not known here.
const (
	formatName = "cogplan-plan"
	Version    = 1
)

// Plan is what the file holds.
type Plan struct {
	// CogplanVersion made the file.
	CogplanVersion string `json:"cogplan_version"`
	CreatedAt      string `json:"created_at"`
	// Command that the plan is for: apply or destroy.
	Command string `json:"command"`
	// Outcome of planning: changes, no-changes, denied.
	Outcome   string    `json:"outcome"`
	Selection Selection `json:"selection"`
	// Sources are the digests of the module's files by name.
	Sources map[string]string `json:"sources"`
	// Variables of the root module, sorted by name.
	Variables []Variable `json:"variables"`
	// Environment names what env() read.
	Environment []string `json:"environment"`
	Binding     Binding  `json:"binding"`
	// Providers of the module, sorted by name, with digests and grants.
	Providers    []reconcile.ProviderInfo `json:"providers"`
	PolicyDigest string                   `json:"policy_digest"`
	Resources    []Resource               `json:"resources"`
	// Run is the ruling on the run as a whole.
	Run *reconcile.Decision `json:"run,omitempty"`
	// Undeclared are recorded and no longer declared.
	Undeclared []string `json:"undeclared,omitempty"`
	// Digest of the whole proposal, and the counts of its actions.
	Digest  string            `json:"digest"`
	Summary reconcile.Summary `json:"summary"`
}

// Selection is which part of the module the plan is about.
type Selection struct {
	Targets  []string `json:"targets,omitempty"`
	Excludes []string `json:"excludes,omitempty"`
	Replace  []string `json:"replace,omitempty"`
}

// Variable is the value of one variable; that of a sensitive one is not there.
type Variable struct {
	Name      string `json:"name"`
	Sensitive bool   `json:"sensitive,omitempty"`
	Value     any    `json:"value,omitempty"`
	Digest    string `json:"digest,omitempty"`
}

// Binding lets whoever knows the sensitive variables check that they are the
// same; see [Bind].
type Binding struct {
	Salt  string `json:"salt"`
	Check string `json:"check"`
}

// Resource is one resource of the plan.
type Resource struct {
	Address    string                 `json:"address"`
	Status     string                 `json:"status"`
	Error      string                 `json:"error,omitempty"`
	WaitsFor   []string               `json:"waits_for,omitempty"`
	Warnings   []string               `json:"warnings,omitempty"`
	Components reconcile.Components   `json:"components"`
	Digest     string                 `json:"digest,omitempty"`
	Plan       *reconcile.Plan        `json:"plan,omitempty"`
	Decision   *reconcile.Decision    `json:"decision,omitempty"`
	Resource   reconcile.MetaResource `json:"resource"`
	// Declaration, Provider, State and Run are what the gate knew beside.
	Declaration reconcile.Declaration  `json:"declaration"`
	Provider    reconcile.ProviderInfo `json:"provider"`
	State       reconcile.StateSummary `json:"state"`
	Run         reconcile.RunContext   `json:"run"`
}

// FromProposal takes over what was planned.
func (p *Plan) FromProposal(proposal *reconcile.Proposal) {
	p.Digest, p.Summary, p.Run = proposal.Digest(), proposal.Summary(), proposal.Run
	if p.Run != nil {
		p.PolicyDigest = p.Run.PolicyDigest
	}
	for _, saved := range proposal.Save() {
		p.Resources = append(p.Resources, resourceOf(&saved))
	}
}

func resourceOf(saved *reconcile.Saved) Resource {
	proposed := &saved.Proposed
	review := &proposed.Review
	r := Resource{
		Address: proposed.Address, Status: proposed.Status, Warnings: saved.Warnings,
		Components: proposed.Components, Digest: review.Digest, Plan: review.Plan,
		Resource: review.Resource, Declaration: review.Declaration, Provider: review.Provider,
		State: review.State, Run: review.Run,
	}
	if review.Plan != nil {
		r.Decision = &proposed.Decision
	}
	if deferred, ok := errors.AsType[*reconcile.DeferredError](saved.Err); ok {
		r.WaitsFor = deferred.WaitsFor
	} else if saved.Err != nil {
		r.Error = saved.Err.Error()
	}
	return r
}

// Proposal is what was planned, for looking at it and for comparing.
func (p *Plan) Proposal() *reconcile.Proposal {
	saved := make([]reconcile.Saved, len(p.Resources))
	for i := range p.Resources {
		saved[i] = p.Resources[i].saved()
	}
	return reconcile.RestoreProposal(saved, p.Run)
}

func (r *Resource) saved() reconcile.Saved {
	saved := reconcile.Saved{Warnings: r.Warnings, Proposed: reconcile.Proposed{
		Address: r.Address, Status: r.Status, Components: r.Components,
		Review: reconcile.Review{
			Plan: r.Plan, Digest: r.Digest, Resource: r.Resource, Declaration: r.Declaration,
			Provider: r.Provider, State: r.State, Run: r.Run,
		},
	}}
	if r.Decision != nil {
		saved.Proposed.Decision = *r.Decision
	}
	switch {
	case r.Status == reconcile.StatusDeferred:
		saved.Err = &reconcile.DeferredError{Address: r.Address, WaitsFor: r.WaitsFor}
	case r.Error != "":
		saved.Err = errors.New(r.Error)
	}
	return saved
}

// DamagedError says why a file is not taken for a plan.
type DamagedError struct {
	Path   string
	Reason string
}

// Error names the file, the reason and what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the plan file %s cannot be used: %s; plan again with -out", e.Path, e.Reason)
}
