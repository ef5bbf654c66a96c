package reconcile

import "slices"

// Saved is one resource of a proposal that was kept outside of this process.
type Saved struct {
	Proposed Proposed
	// Err is why it failed, was skipped or waits: a [*DeferredError] for what
	// is deferred.
	Err      error
	Warnings []string
}

// Save takes a proposal apart, for [RestoreProposal].
func (p *Proposal) Save() []Saved {
	if p == nil {
		return nil
	}
	saved := make([]Saved, len(p.Resources))
	for i := range p.Resources {
		saved[i].Proposed, saved[i].Err = p.Resources[i], p.Resources[i].err
		if i < len(p.results) {
			saved[i].Warnings = slices.Clone(p.results[i].Warnings())
		}
	}
	return saved
}

// RestoreProposal puts a proposal together again, for looking at it and for
// comparing it with another one. [Engine.Execute] trusts what is in it: whoever
// read it from a file plans again and executes that.
func RestoreProposal(saved []Saved, run *Decision) *Proposal {
	proposal := &Proposal{Run: run}
	for _, one := range saved {
		one.Proposed.err = one.Err
		result := MetaResult{
			Resource: one.Proposed.Address, Status: one.Proposed.Status, Plan: one.Proposed.Review.Plan,
			detail: &resultDetail{err: one.Err, proposed: one.Proposed, warnings: one.Warnings},
		}
		if one.Err != nil && one.Proposed.Status != StatusDeferred {
			result.Error = one.Err.Error()
		}
		proposal.Resources = append(proposal.Resources, one.Proposed)
		proposal.results = append(proposal.results, result)
	}
	return proposal
}
