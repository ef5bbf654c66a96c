package cli

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cogplan/cogplan/cmd/cogplan/internal/embedded"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// loadGuest finds and checks the module that a provider block names as its
// source: the name of a provider that is shipped inside cogplan, or the path of
// a file, which starts at the module's directory.
func loadGuest(source, moduleDir string) (*wasm.Module, error) {
	switch {
	case strings.Contains(source, "://"):
		return nil, errors.New("this version of cogplan downloads no providers; download the file yourself, and name its path")
	case isPath(source):
		path := source
		if !filepath.IsAbs(path) {
			path = filepath.Join(moduleDir, path)
		}
		return wasm.Load(path)
	}
	data, ok := embedded.Provider(source)
	if !ok {
		return nil, embedded.Missing(source)
	}
	return wasm.LoadBytes(source, data)
}

// isPath tells a path from the name of an embedded provider.
func isPath(source string) bool {
	return filepath.IsAbs(source) || strings.HasSuffix(source, ".wasm") ||
		strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
}
