package lang

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// EvalOptions are what evaluation needs from outside the module.
type EvalOptions struct {
	// Schemas returns the schema of a provider by the name of its block. It is
	// asked once for each provider that the module uses.
	Schemas func(provider string) (*reconcile.Schema, error)
	// Variables are the sources of the values of variables.
	Variables VariableSources
	// Env is what env() may read in the default of a variable; what was read
	// is told by [Evaluation.EnvRead].
	Env map[string]string
}

// VariableSources are where the values of a module's variables come from. What
// comes later wins: defaults, the environment, cogplan.hclvars, *.auto.hclvars in
// the order of their names, then Args in the order given.
type VariableSources struct {
	// Environ holds environment variables; those named COGPLAN_VAR_name are used.
	Environ map[string]string
	// Args are -var and -var-file as they were typed.
	Args []VariableArg
	// SkipFiles leaves cogplan.hclvars and *.auto.hclvars alone.
	SkipFiles bool
	// Prompt asks for the value of a required variable that no source sets; nil
	// where nobody can be asked. The answer is read like a -var.
	Prompt func(Variable) (string, error)
}

// VariableArg is one -var or -var-file. Exactly one of Name and File is set.
type VariableArg struct {
	// Name and Value of a -var.
	Name, Value string
	// File named by a -var-file; a relative path starts at the working directory.
	File string
}

// ResourceResult is what became known about a resource that was found in sync,
// or applied.
type ResourceResult struct {
	// Objects are the live objects of the resource.
	Objects []reconcile.Resource
	// Outputs are the values of the schema's computed attributes.
	Outputs map[string]any
	// Known is true once the objects and outputs are final; until then what
	// reads them waits.
	Known bool
}

// DiagnosticsError carries diagnostics where an error is asked for. It is
// returned only with diagnostics that hold at least one error.
type DiagnosticsError struct {
	Diagnostics hcl.Diagnostics
}

// Error is the first error with its place, and how many more there are.
func (e *DiagnosticsError) Error() string { return e.Diagnostics.Error() }

// Input is the value of one variable of the root module.
type Input struct {
	Name string
	// Origin says which source set it: "default", "environment", a file's name,
	// "-var", "prompt".
	Origin string
	// Value is native; nil for a sensitive variable.
	Value     any
	Sensitive bool
	// Digest of the value, "sha256:" and hex, also for a sensitive one.
	Digest string
}

// Output is the value of one output of the root module.
type Output struct {
	Name        string
	Description string
	// Value is native. It is nil where the output is sensitive, unless secrets
	// were asked for, and where it is not known yet.
	Value     any
	Sensitive bool
	// Known is false while the value waits for a resource.
	Known bool
	// WaitsFor are the references that are not known yet.
	WaitsFor []string
	Range    hcl.Range
}
