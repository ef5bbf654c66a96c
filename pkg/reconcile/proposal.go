package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// Proposal is what [Engine.Propose] found: every resource planned and reviewed,
// nothing applied. Handing it to [Engine.Execute] is the approval of what it
// holds. A proposal may be rebuilt from a file: Execute reads of each resource
// its Address, Status, Components, Review.Digest and Decision.PolicyDigest.
type Proposal struct {
	// Resources in the order of the walk: by level, wave and name.
	Resources []Proposed `json:"resources"`
	// Run is the ruling of a [RunGate] over all plans at once; nil where the
	// gate is none.
	Run *Decision `json:"run,omitempty"`
	// results as the walk gave them, with durations and causes.
	results []MetaResult
}

// Proposed is one resource of a [Proposal].
type Proposed struct {
	Address string `json:"address"`
	// Status is synced, drifted (there are changes and they are allowed),
	// denied, deferred, failed, skipped or suspended.
	Status     string     `json:"status"`
	Review     Review     `json:"review"`
	Components Components `json:"components"`
	Decision   Decision   `json:"decision"`

	err error
}

// cause is why there is no plan.
func (p *Proposed) cause() error {
	if p.err != nil {
		return p.err
	}
	return fmt.Errorf("%s: %w", p.Address, errUnplanned)
}

// Components are digests of what a review rests on, kept apart so that a stale
// one can be named. An empty one is not known and not compared. Together they
// make the review's digest.
type Components struct {
	// Plan is the sealed plan without its time.
	Plan string `json:"plan"`
	// Config and Live are known where the provider's values are a [Digester].
	Config string `json:"config,omitempty"`
	Live   string `json:"live,omitempty"`
	// State is lineage and serial.
	State string `json:"state"`
	// Provider is the provider's identity: name, source, version, digest.
	Provider string `json:"provider"`
	// Grants are the provider's grants, limits and trust.
	Grants string `json:"grants"`
	// Declaration is what the author said around the body: prune, protect, tags.
	Declaration string `json:"declaration"`
}

// Digester is an optional ability of the config and live values that a provider
// returns: a digest that binds a review to them. A config that holds secrets
// gives a keyed one. A live value leaves times of reading out.
type Digester interface {
	Digest() string
}

// Results are the resources as the results of a run that applied nothing.
func (p *Proposal) Results() []MetaResult {
	if p == nil {
		return nil
	}
	return slices.Clone(p.results)
}

// Resource returns the resource of that address, or nil.
func (p *Proposal) Resource(address string) *Proposed {
	if p == nil {
		return nil
	}
	for i := range p.Resources {
		if p.Resources[i].Address == address {
			return &p.Resources[i]
		}
	}
	return nil
}

// Summary counts the actions of all plans.
func (p *Proposal) Summary() Summary {
	var sum Summary
	if p == nil {
		return sum
	}
	for i := range p.Resources {
		plan := p.Resources[i].Review.Plan
		if plan == nil {
			continue
		}
		sum.Creates += plan.Summary.Creates
		sum.Updates += plan.Summary.Updates
		sum.Deletes += plan.Summary.Deletes
		sum.Skipped += plan.Summary.Skipped
	}
	return sum
}

// HasChanges reports whether applying would do anything, deferred plans included.
func (p *Proposal) HasChanges() bool {
	return p.Summary().HasChanges() || p.count(StatusDeferred) > 0
}

// Denied reports whether the gate denied a plan or the run as a whole.
func (p *Proposal) Denied() bool {
	return p != nil && (p.count(StatusDenied) > 0 || p.Run != nil && !p.Run.Allowed)
}

// Failed reports whether a resource could not be planned.
func (p *Proposal) Failed() bool { return p.count(StatusFailed) > 0 }

func (p *Proposal) count(status string) int {
	if p == nil {
		return 0
	}
	n := 0
	for i := range p.Resources {
		if p.Resources[i].Status == status {
			n++
		}
	}
	return n
}

// Digest is the digest of the whole proposal.
func (p *Proposal) Digest() string { return RunDigest(p.Reviews()) }

// Reviews are the reviews of all planned resources.
func (p *Proposal) Reviews() []Review {
	if p == nil {
		return nil
	}
	var reviews []Review
	for i := range p.Resources {
		if p.Resources[i].Review.Digest != "" {
			reviews = append(reviews, p.Resources[i].Review)
		}
	}
	return reviews
}

// StaleError says what moved between the review and the apply. It is an
// [ErrStale].
type StaleError struct {
	Address string
	// Moved are of config, live, state, provider, grants, declaration, policy
	// and plan.
	Moved []string
}

// Error names what moved and what to do.
func (e *StaleError) Error() string {
	return e.Address + ": the plan is stale, " + strings.Join(e.Moved, ", ") +
		" changed since it was reviewed; plan again"
}

// Is makes it an [ErrStale].
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// RunDigest is the digest of several reviews together; a [RunGate] puts it into
// its decision. The order of the reviews does not matter.
func RunDigest(reviews []Review) string {
	lines := make([]string, 0, len(reviews))
	for i := range reviews {
		lines = append(lines, reviews[i].Resource.Name+"\x00"+reviews[i].Digest)
	}
	slices.Sort(lines)
	return DigestBytes([]byte(strings.Join(lines, "\n")))
}

func newProposal(results []MetaResult) *Proposal {
	proposal := &Proposal{Resources: make([]Proposed, len(results)), results: results}
	for i := range results {
		proposal.Resources[i] = results[i].detail.proposed
	}
	return proposal
}
