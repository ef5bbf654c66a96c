package reconcile

// The statuses of a [MetaResult]. The values are part of the JSON output and do
// not change.
const (
	// StatusSynced: the world is as declared.
	StatusSynced = "synced"
	// StatusDrifted: there are changes, and they were not applied because nobody
	// asked for it.
	StatusDrifted = "drifted"
	// StatusApplied: the changes were applied.
	StatusApplied = "applied"
	// StatusFailed: see the error.
	StatusFailed = "failed"
	// StatusSkipped: a dependency failed, was denied or was skipped, or the run
	// was cancelled.
	StatusSkipped = "skipped"
	// StatusSuspended: the resource is left alone.
	StatusSuspended = "suspended"
	// StatusDenied: the gate did not allow the plan.
	StatusDenied = "denied"
	// StatusDeferred: the plan waits for what other resources' applies will tell.
	StatusDeferred = "deferred"
)

// MetaResult is the outcome of one resource in a run.
type MetaResult struct {
	// Resource is the resource's name.
	Resource string `json:"resource"`
	// Status is one of the Status constants.
	Status string `json:"status"`
	Plan   *Plan  `json:"plan,omitempty"`
	Error  string `json:"error,omitempty"`
	// Duration in milliseconds.
	Duration int64 `json:"duration_ms"`

	detail *resultDetail
}

// resultDetail is what the documented JSON has no place for. It is behind a
// pointer so that a MetaResult stays comparable.
type resultDetail struct {
	err      error
	proposed Proposed
	results  []Result
	warnings []string
	health   ResourceStatus
}

// Err is the cause behind Error, for errors.Is and errors.As; nil where the
// resource did not fail. A deferred resource has a [*DeferredError].
func (r MetaResult) Err() error {
	if r.detail == nil {
		return nil
	}
	return r.detail.err
}

// Decision is the gate's ruling; the zero value, which denies, where the gate
// was not asked.
func (r MetaResult) Decision() Decision {
	if r.detail == nil {
		return Decision{}
	}
	return r.detail.proposed.Decision
}

// Review is what the gate ruled on; its Plan is nil where nothing was planned.
func (r MetaResult) Review() Review {
	if r.detail == nil {
		return Review{}
	}
	return r.detail.proposed.Review
}

// Digest is the digest of what was reviewed; empty where nothing was planned.
func (r MetaResult) Digest() string { return r.Review().Digest }

// Components are the digests of what the review rests on, kept apart.
func (r MetaResult) Components() Components {
	if r.detail == nil {
		return Components{}
	}
	return r.detail.proposed.Components
}

// Results are the outcomes of the actions that were applied.
func (r MetaResult) Results() []Result {
	if r.detail == nil {
		return nil
	}
	return r.detail.results
}

// Warnings are the plan's warnings and the engine's own.
func (r MetaResult) Warnings() []string {
	if r.detail == nil {
		return nil
	}
	return r.detail.warnings
}

// Health is what the provider said after the resource was done.
func (r MetaResult) Health() ResourceStatus {
	if r.detail == nil {
		return ResourceStatus{}
	}
	return r.detail.health
}
