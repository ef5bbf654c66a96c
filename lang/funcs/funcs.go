package funcs

import (
	"github.com/zclconf/go-cty/cty/function"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// Options say what the functions of one module may see. The zero value gives
// functions that see no file and no environment variable.
type Options struct {
	// BaseDir is the module's directory: relative paths start there. Empty
	// leaves the functions that read files unable to read any.
	BaseDir string
	// RootDir is the directory that no path may leave; it holds BaseDir. Empty
	// means BaseDir.
	RootDir string
	// Env is what env() may read. The function exists only where Env is not
	// nil: in the default of a variable.
	Env map[string]string
	// Budget bounds what evaluation may build. Nil gives the functions one of
	// their own with the default limits.
	Budget *bounds.Budget
	// Used is told of each file, directory and environment variable that was
	// read; it may be nil. It may be called from several goroutines at once.
	Used func(Use)
	// Console adds type(), which only an interactive console has.
	Console bool
}

// Use is one thing outside the module's text that a function read.
type Use struct {
	Kind UseKind
	// Name is the path as it was written, or the name of the variable.
	Name string
}

// UseKind says what was read.
type UseKind string

// The kinds of use.
const (
	UseFile UseKind = "file"
	UseDir  UseKind = "directory"
	UseEnv  UseKind = "env"
)

// Functions returns the functions of a module by name. The caller owns the map.
// The functions may be called from several goroutines at once.
func Functions(opts Options) map[string]function.Function {
	if opts.Budget == nil {
		opts.Budget = bounds.NewBudget(bounds.Limits{})
	}
	b := opts.Budget
	files := &fileReader{opts: opts, budget: b}
	out := make(map[string]function.Function, 128)
	for _, group := range []map[string]function.Function{
		numberFunctions(), textFunctions(b), collectionFunctions(b), encodingFunctions(b), dateFunctions(),
		networkFunctions(), convertFunctions(opts), hashFunctions(files), fileFunctions(files),
	} {
		for name, f := range group {
			out[name] = finish(b, name, f)
		}
	}
	for name, f := range newTemplates(files, out).functions() {
		out[name] = finish(b, name, f)
	}
	return out
}

func (o Options) used(kind UseKind, name string) {
	if o.Used != nil {
		o.Used(Use{Kind: kind, Name: name})
	}
}
