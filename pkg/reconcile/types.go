package reconcile

import "context"

// ActionType says what an action does to one object. The values are stored in
// files and do not change.
type ActionType string

// The actions a plan can hold.
const (
	ActionCreate ActionType = "create"
	ActionUpdate ActionType = "update"
	ActionDelete ActionType = "delete"
	ActionSkip   ActionType = "skip"
)

// ApplyStatus is the outcome of one action.
type ApplyStatus string

// The outcomes of an action.
const (
	ApplySucceeded ApplyStatus = "succeeded"
	ApplyFailed    ApplyStatus = "failed"
	ApplySkipped   ApplyStatus = "skipped"
)

// ResourceMode says who owns a tracked object.
type ResourceMode string

// The ownership of a tracked object.
const (
	ModeManaged   ResourceMode = "managed"
	ModeUnmanaged ResourceMode = "unmanaged"
	ModeData      ResourceMode = "data"
)

// Action is one create, update, delete or skip in a plan.
type Action struct {
	// Action is what happens to the object.
	Action ActionType `json:"action"`
	// ResourceType is the type of the object, as the provider's schema names it.
	ResourceType string `json:"resource_type"`
	// Name is the object's name, unique for its type within the resource.
	Name string `json:"name"`
	// Details explains the action; the Detail constants name its keys. It holds
	// JSON values only and no secret. It may be nil.
	Details map[string]any `json:"details"`
}

// The keys of [Action.Details] that the host writes and reads. A provider may
// add others.
const (
	// DetailBefore holds the live attributes of the object (map[string]any).
	DetailBefore = "before"
	// DetailAfter holds the desired attributes of the object (map[string]any).
	DetailAfter = "after"
	// DetailChanged holds the paths of the attributes that differ ([]any of string).
	DetailChanged = "changed"
	// DetailReason holds one sentence on why the action is planned (string).
	DetailReason = "reason"
	// DetailEffects holds what the action will do to the world ([]any; see [Effect]).
	DetailEffects = "effects"
	// DetailReplace is true where a delete and a create replace one object (bool).
	DetailReplace = "replace"
	// DetailExternalID holds the provider's own ID of the object, where known (string).
	DetailExternalID = "external_id"
	// DetailDrift is true where the world moved away from the recorded state,
	// rather than the declaration from the world (bool).
	DetailDrift = "drift"
)

// Summary counts the actions of a plan by kind.
type Summary struct {
	Creates int `json:"creates"`
	Updates int `json:"updates"`
	Deletes int `json:"deletes"`
	Skipped int `json:"skipped"`
}

// HasChanges reports whether anything but skips is counted.
func (s Summary) HasChanges() bool { return s.Creates > 0 || s.Updates > 0 || s.Deletes > 0 }

// Total is the number of all counted actions, skips included.
func (s Summary) Total() int { return s.Creates + s.Updates + s.Deletes + s.Skipped }

// Plan is an ordered proposal for one resource.
type Plan struct {
	ResourceType string         `json:"resource_type"`
	GeneratedAt  string         `json:"generated_at"`
	ConfigPath   string         `json:"config_path"`
	Actions      []Action       `json:"actions"`
	Summary      Summary        `json:"summary"`
	Warnings     []string       `json:"warnings"`
	Metadata     map[string]any `json:"metadata,omitempty"`
}

// Result is the outcome of one action.
type Result struct {
	Phase     string      `json:"phase"`
	Action    string      `json:"action"`
	Name      string      `json:"name"`
	Status    ApplyStatus `json:"status"`
	Error     string      `json:"error,omitempty"`
	CreatedID string      `json:"created_id,omitempty"`
}

// Resource is one object, desired, live or recorded: a file, a DNS record, a
// role. One type serves all three, so that they can be compared.
type Resource struct {
	Address         string         `json:"address"`
	Type            string         `json:"type"`
	Mode            ResourceMode   `json:"mode"`
	ExternalID      string         `json:"external_id"`
	Name            string         `json:"name"`
	ParentAddress   string         `json:"parent_address,omitempty"`
	ParentID        string         `json:"parent_id,omitempty"`
	Attributes      map[string]any `json:"attributes,omitempty"`
	UnmanagedReason string         `json:"unmanaged_reason,omitempty"`
	LastRefreshed   string         `json:"last_refreshed"`
}

// State is what was last recorded about one resource and its objects.
type State struct {
	Version      int            `json:"version"`
	Lineage      string         `json:"lineage"`
	Serial       int            `json:"serial"`
	ResourceType string         `json:"resource_type"`
	GeneratedAt  string         `json:"generated_at"`
	Resources    []Resource     `json:"resources"`
	Metadata     map[string]any `json:"metadata,omitempty"`
}

// Reconcilable is the contract of a provider: it turns a declaration into a
// config, reads the world, proposes a plan, carries it out and describes what
// is to be recorded. It has seven methods and does not grow; new abilities are
// optional interfaces.
//
// The engine never calls one Reconcilable from two goroutines at a time. The
// config and live values are the provider's own; the engine hands them back
// unread.
type Reconcilable interface {
	// Type names the resource type that the provider manages.
	Type() string
	// LoadConfig reads and checks the declaration below root.
	LoadConfig(root string) (any, error)
	// FetchLive reads the world. It changes nothing.
	FetchLive(ctx context.Context, config any) (any, error)
	// ComputePlan compares; it neither reads nor changes the world. The state is
	// nil where none is recorded.
	ComputePlan(config any, live any, state *State) (*Plan, error)
	// ApplyPlan carries out the plan and returns a result for each action that
	// it reached, also when it fails.
	ApplyPlan(ctx context.Context, plan *Plan) ([]Result, error)
	// BuildState describes what is to be recorded. The existing state is nil
	// where none is recorded; its lineage and serial are kept.
	BuildState(config any, live any, existing *State) (*State, error)
	// Health says how the resource fares, as far as the provider knows.
	Health() ResourceStatus
}

// ConfigExporter is optional: it writes a declared config file from live state.
type ConfigExporter interface {
	ExportConfig(root string) error
}

// Tokenable is optional: the provider takes a token. See [ConfigureProvider].
type Tokenable interface {
	SetToken(token string)
}

// ConfigLoader is optional: LoadConfig with a context. Where a provider has it,
// it is called instead.
type ConfigLoader interface {
	LoadConfigContext(ctx context.Context, root string) (any, error)
}

// Planner is optional: ComputePlan with a context. Where a provider has it, it
// is called instead.
type Planner interface {
	ComputePlanContext(ctx context.Context, config any, live any, state *State) (*Plan, error)
}

// StateBuilder is optional: BuildState with a context. Where a provider has it,
// it is called instead.
type StateBuilder interface {
	BuildStateContext(ctx context.Context, config any, live any, existing *State) (*State, error)
}

// Declarer is optional: it tells what the author of the module declared about
// the resource beyond [MetaResource], and which provider serves it. The engine
// hands both to the gate.
type Declarer interface {
	Declaration() Declaration
	ProviderInfo() ProviderInfo
}

// Unwrapper is implemented by wrappers around a Reconcilable; see [As].
type Unwrapper interface {
	Unwrap() Reconcilable
}
