package reconcile

import "time"

// OwnershipMode says what a resource may touch. See docs/language.md.
type OwnershipMode string

// The ownership modes. The zero value is authoritative.
const (
	// OwnAuthoritative plans what is live, ours and not declared for deletion.
	OwnAuthoritative OwnershipMode = "authoritative"
	// OwnAdditive touches only what is declared.
	OwnAdditive OwnershipMode = "additive"
	// OwnAdopt records what exists and changes nothing.
	OwnAdopt OwnershipMode = "adopt"
)

// Declaration is what the author of a module said about a resource beyond its
// [MetaResource] and its body. The zero value declares nothing.
type Declaration struct {
	// Address is the resource's address: file.site, file.site["eu"].
	Address string `json:"address"`
	// Mode is "resource" or "data".
	Mode string `json:"mode"`
	// Ownership is empty for authoritative.
	Ownership OwnershipMode `json:"ownership,omitempty"`
	// IgnoreChanges are attribute paths whose differences are not planned.
	IgnoreChanges []string `json:"ignore_changes,omitempty"`
	// Protect asks that no object of the resource is deleted or replaced.
	Protect bool `json:"protect,omitempty"`
	// Tags are the author's own labels, for policy.
	Tags map[string]string `json:"tags,omitempty"`
	// Timeouts by phase: plan, apply. Zero is the default.
	PlanTimeout  time.Duration `json:"plan_timeout,omitempty"`
	ApplyTimeout time.Duration `json:"apply_timeout,omitempty"`
	// HealthTimeout is how long an apply waits for the resource to become healthy;
	// zero leaves it to the engine, and below zero nothing is waited for.
	HealthTimeout time.Duration `json:"health_timeout,omitempty"`
	// Removed says that the resource is declared no more and its objects are to be
	// deleted; the declaration says where they are. The engine has to be told of it
	// too, for the order; see [WithRemoved].
	Removed bool `json:"removed,omitempty"`
	// Source is where the resource is declared.
	Source SourceRange `json:"source"`
}

// SourceRange is a place in a file: lines and columns count from 1, columns in
// characters. The zero value is no place.
type SourceRange struct {
	Filename    string `json:"filename,omitempty"`
	StartLine   int    `json:"start_line,omitempty"`
	StartColumn int    `json:"start_column,omitempty"`
	EndLine     int    `json:"end_line,omitempty"`
	EndColumn   int    `json:"end_column,omitempty"`
}

// Config is a resource's body, evaluated: what a provider gets. Nothing in it
// is unknown.
type Config struct {
	// Body holds null, bool, string, int64, float64, []any and map[string]any.
	// Blocks are decoded as their [Nesting] says.
	Body map[string]any
	// Secrets are the sensitive strings in the body. Whoever shows or stores
	// what a provider answers redacts them.
	Secrets []string
}
