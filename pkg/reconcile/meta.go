package reconcile

import "strings"

// MetaConfig is everything a module declares, ready to be ordered and run.
type MetaConfig struct {
	Resources []MetaResource `json:"resources" yaml:"resources"`
}

// MetaResource is one declared resource.
type MetaResource struct {
	// Name is the resource's address, unique in the config.
	Name string `json:"name" yaml:"name"`
	// Source names the provider in the registry where no provider is registered
	// under Name.
	Source string `json:"source" yaml:"source"`
	// Interval is how often a daemon reconciles it: a duration, or "manual".
	Interval string `json:"interval" yaml:"interval"`
	// Prune permits deletes.
	Prune bool `json:"prune" yaml:"prune"`
	// AutoApply permits an apply without a person.
	AutoApply bool `json:"auto_apply" yaml:"auto_apply"`
	// DependsOn are the names of resources that come first.
	DependsOn []string `json:"depends_on" yaml:"depends_on"`
	// Wave orders resources inside a level; lower waves come first.
	Wave int `json:"wave" yaml:"wave"`
	// Suspended resources are left alone.
	Suspended bool `json:"suspended" yaml:"suspended"`
}

// MetaOpts are the options of a run.
type MetaOpts struct {
	// DryRun plans and never applies.
	DryRun bool
	// ResourceFilter names the one resource to run; empty runs all.
	ResourceFilter string
	// Token is handed to providers that take one; see [ConfigureProvider].
	Token string
	// JSONOutput is for callers that print; the engine does not read it.
	JSONOutput bool
}

// DeferredError is returned from LoadConfig when the resource's configuration
// reads values that only other resources' applies will tell. The engine reports
// the resource as deferred while planning.
type DeferredError struct {
	// Address of the deferred resource.
	Address string
	// WaitsFor are the references that are not known yet, in the author's
	// words, sorted: file.base.objects.
	WaitsFor []string
}

// Error says what the resource waits for.
func (e *DeferredError) Error() string {
	return e.Address + " waits for " + strings.Join(e.WaitsFor, ", ")
}
