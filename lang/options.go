package lang

import "github.com/cogplan/cogplan/lang/funcs/bounds"

// Option changes how a module is loaded.
type Option func(*options)

type options struct {
	overlay map[string][]byte
	version string
	limits  bounds.Limits
}

// WithOverlay replaces the content of files, by name inside the directory, as
// an editor does for what is not saved yet. A file that is only in the overlay
// is loaded too.
func WithOverlay(files map[string][]byte) Option {
	return func(o *options) { o.overlay = files }
}

// WithVersion says which version of cogplan loads the module: required_version
// is checked against it, and expressions read it as cogplan.version. Without
// it required_version is not checked.
func WithVersion(version string) Option {
	return func(o *options) { o.version = version }
}

// WithLimits changes what the evaluation of the module may build.
func WithLimits(limits bounds.Limits) Option {
	return func(o *options) { o.limits = limits }
}
