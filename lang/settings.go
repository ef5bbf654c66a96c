package lang

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// ProviderConfig is one provider block.
type ProviderConfig struct {
	// Name is the block's label: what resources name as their type.
	Name string
	// Source is where the provider comes from, in the author's words.
	Source string
	Grants reconcile.Grants
	Limits reconcile.Limits
	// Trust is "grant" where effects bounded by the grant alone are accepted.
	Trust string
	// Range is the block's header; SourceRange the argument source; AllowRange
	// the allow block, or the header where there is none.
	Range       hcl.Range
	SourceRange hcl.Range
	AllowRange  hcl.Range
}

// Policy is what the module says about policy.
type Policy struct {
	// Paths are files and directories of policies, relative to the module's
	// directory or absolute. Where the module names none, and a folder policy with
	// policies lies beside it, it is that.
	Paths []string
	// Key is the file of the public key that verifies bundles; empty for none.
	Key string
	// Range of the policy block; empty where there is none.
	Range hcl.Range
	// Rules are the policy blocks that name a rule, in source order.
	Rules []PolicyRule
}

// PolicyRule sets the level and the parameters of one rule.
type PolicyRule struct {
	// Name of the rule: "main.deny_prune".
	Name string
	// Level is empty where the block does not set it.
	Level reconcile.Level
	// Parameters for the rule, as native values.
	Parameters map[string]any
	Range      hcl.Range
}

// StateSettings say where state is kept.
type StateSettings struct {
	// Backend is the label of the state block; "file" by default.
	Backend string
	// Config is the block's body, as native values.
	Config map[string]any
	// Range of the block; empty where there is none.
	Range hcl.Range
}

// Variable describes one variable block.
type Variable struct {
	Name        string
	Description string
	// Type is the type constraint, as an author would write it.
	Type      string
	Sensitive bool
	// Required is true where the variable has no default.
	Required bool
	Range    hcl.Range
}
