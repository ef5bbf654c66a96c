package lang

import (
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// Module is the HCL of one directory and of the modules it calls, parsed and
// checked as far as is possible without providers and variables. It does not
// change after [Load].
type Module struct {
	dir  string
	opts options

	// mu guards files, which those of variables join.
	mu    sync.Mutex
	files map[string]*hcl.File

	// budget bounds what the expressions of the module build.
	budget *bounds.Budget

	variables      map[string]*variable
	locals         map[string]*local
	outputs        map[string]*output
	resources      map[string]*resource
	calls          map[string]*moduleCall
	providerBlocks map[string]*providerBlock
	credentials    map[string]*CredentialConfig
	checks         []*check
	moves          []Move
	removals       []Removal
	imports        []importDecl

	policy Policy
	state  StateSettings

	grammar *grammar

	// broken modules have mistakes; they are for editors only.
	broken bool
	// graph is made for the root module only.
	graph *graph
}

func newModule(dir string, opts options) *Module {
	return &Module{
		dir: dir, opts: opts, files: map[string]*hcl.File{},
		variables: map[string]*variable{}, locals: map[string]*local{}, outputs: map[string]*output{},
		resources: map[string]*resource{}, calls: map[string]*moduleCall{},
		providerBlocks: map[string]*providerBlock{},
		credentials:    map[string]*CredentialConfig{},
		state:          StateSettings{Backend: "file"},
	}
}

// Dir is the module's directory, as it was given.
func (m *Module) Dir() string { return m.dir }

// Files are the files that were read, by the names that ranges use, also where
// they have mistakes, and also those of called modules.
func (m *Module) Files() map[string]*hcl.File {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files
}

// Providers are the provider blocks, sorted by name.
func (m *Module) Providers() []ProviderConfig {
	out := make([]ProviderConfig, 0, len(m.providerBlocks))
	for _, name := range sortedKeys(m.providerBlocks) {
		out = append(out, m.providerBlocks[name].ProviderConfig)
	}
	return out
}

// Policy is what the module says about policy.
func (m *Module) Policy() Policy { return m.policy }

// State says where the module keeps its state.
func (m *Module) State() StateSettings { return m.state }

// Variables are the variable blocks, sorted by name.
func (m *Module) Variables() []Variable {
	out := make([]Variable, 0, len(m.variables))
	for _, name := range sortedKeys(m.variables) {
		out = append(out, m.variables[name].public())
	}
	return out
}

func (v *variable) public() Variable {
	return Variable{
		Name: v.name, Description: v.description, Type: typeexpr.TypeString(v.typ),
		Sensitive: v.sensitive, Required: v.def == nil, Range: v.rng,
	}
}

// Moves are the moved blocks of the root module, in source order.
func (m *Module) Moves() []Move { return m.moves }

// Removals are the removed blocks of the root module, in source order.
func (m *Module) Removals() []Removal { return m.removals }
