package reconcile

import "context"

// Gate rules on plans. The engine applies nothing without a decision that
// allows exactly that plan. A nil gate denies everything.
//
// Review may be called from several goroutines at once. An error denies.
type Gate interface {
	Review(ctx context.Context, review Review) (Decision, error)
}

// RunGate is an optional ability of a gate: rules over all plans of a run at
// once. It is asked after the last plan and before the first apply.
type RunGate interface {
	ReviewRun(ctx context.Context, reviews []Review) (Decision, error)
}

// GateFunc makes a function a gate.
type GateFunc func(ctx context.Context, review Review) (Decision, error)

// Review calls f.
func (f GateFunc) Review(ctx context.Context, review Review) (Decision, error) {
	return f(ctx, review)
}

// Review is everything a gate may know about one plan. It is built by the
// engine from the plan that will be applied, never from text on the side.
type Review struct {
	// Plan is sealed: its summary agrees with its actions, and it is not
	// changed any more. The gate must not change it either.
	Plan *Plan
	// Digest is "sha256:" and the digest of the sealed plan.
	Digest      string
	Resource    MetaResource
	Declaration Declaration
	Provider    ProviderInfo
	State       StateSummary
	Run         RunContext
}

// StateSummary is what a gate may know of the recorded state.
type StateSummary struct {
	Lineage string `json:"lineage,omitempty"`
	Serial  int    `json:"serial"`
	// Managed is the number of recorded objects that are ours.
	Managed int `json:"managed"`
}

// RunContext says who runs what, and where. All of it is optional.
type RunContext struct {
	// Command is plan, apply or destroy.
	Command string `json:"command,omitempty"`
	Actor   string `json:"actor,omitempty"`
	CI      bool   `json:"ci,omitempty"`
	Commit  string `json:"commit,omitempty"`
	Branch  string `json:"branch,omitempty"`
	// Time of the run, RFC 3339 in UTC.
	Time string `json:"time,omitempty"`
}

// Level says what a finding means for the plan.
type Level string

// The levels, as in Sentinel: an advisory finding is shown, a soft-mandatory
// one denies unless it is overridden, a hard-mandatory one denies. An
// approval-level finding asks for approvals. Anything else denies.
const (
	LevelAdvisory      Level = "advisory"
	LevelSoftMandatory Level = "soft-mandatory"
	LevelHardMandatory Level = "hard-mandatory"
	LevelApproval      Level = "approval"
)

// Finding is one message from a policy.
type Finding struct {
	// Rule names the rule: "main.deny_prune", "cogplan.builtin.deny".
	Rule    string `json:"rule"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	// Resource is the address of the resource concerned.
	Resource string `json:"resource,omitempty"`
	// Object is the name of the object concerned; empty for the whole resource.
	Object string `json:"object,omitempty"`
	// Remedy says what to do; it may be empty.
	Remedy string `json:"remedy,omitempty"`
	// Override says by whom and why the finding was overridden; empty if not.
	Override string         `json:"override,omitempty"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// Denies reports whether the finding stands in the way of an apply.
func (f Finding) Denies() bool {
	switch f.Level {
	case LevelAdvisory, LevelApproval:
		return false
	case LevelSoftMandatory:
		return f.Override == ""
	case LevelHardMandatory:
		return true
	default:
		return true
	}
}

// Decision is a gate's ruling on one plan. The zero value denies.
type Decision struct {
	// Allowed is true only if the gate ruled and nothing denies.
	Allowed bool `json:"allowed"`
	// PlanDigest is the digest of the plan that was ruled on; the engine
	// refuses a decision on another plan.
	PlanDigest string `json:"plan_digest"`
	// PolicyDigest identifies the policies that ruled; empty for a native gate.
	PolicyDigest string    `json:"policy_digest,omitempty"`
	Findings     []Finding `json:"findings"`
}

// Denials returns the findings that deny.
func (d Decision) Denials() []Finding {
	var out []Finding
	for _, f := range d.Findings {
		if f.Denies() {
			out = append(out, f)
		}
	}
	return out
}
