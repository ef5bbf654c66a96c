// Package embedded holds the providers that are shipped inside the executable:
// one compiled guest for each folder of providers/, put here by `make providers`.
//
// It hands out bytes and knows nothing of what is in them; whoever runs them
// checks them as it checks any other guest. It refuses names that the build did
// not put here: there is no search path and no download.
package embedded

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The .gitkeep keeps the folder in git, so that a plain `go build` of a fresh
// clone compiles. Without "all:" the pattern would not match it.
//
//go:embed all:wasm
var guests embed.FS

const suffix = ".wasm"

// Provider returns the guest of that name, and whether there is one. The caller
// owns the bytes.
func Provider(name string) ([]byte, bool) {
	if !slices.Contains(Names(), name) {
		return nil, false
	}
	wasm, err := guests.ReadFile("wasm/" + name + suffix)
	return wasm, err == nil
}

// Names returns the names of the providers in this executable, sorted.
func Names() []string {
	entries, err := guests.ReadDir("wasm")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok && name != "" && !e.IsDir() {
			names = append(names, name)
		}
	}
	return names
}

// MissingError says that no provider of that name is in this executable, and
// what to do about it.
type MissingError struct {
	// Name is the provider that was asked for.
	Name string
	// Names are the providers that are there.
	Names []string
}

// Error names the provider, what there is instead, and the remedy.
func (e *MissingError) Error() string {
	if len(e.Names) == 0 {
		return fmt.Sprintf("provider %q: this cogplan was built without providers: run `make` in its source tree and use bin/cogplan", e.Name)
	}
	return fmt.Sprintf("provider %q is not shipped inside cogplan (there are: %s): write the path of its module, such as \"./%s.wasm\"",
		e.Name, strings.Join(e.Names, ", "), e.Name)
}

// Missing returns the error for a name that [Provider] does not know.
func Missing(name string) error {
	return &MissingError{Name: name, Names: Names()}
}
