package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/cogplan/cogplan/runtime/wasm/internal/modcheck"
)

// MaxModuleSize is the largest module that [Load] accepts, in bytes. The
// largest real provider that we know, with a PostgreSQL driver inside, has 18 MB.
const MaxModuleSize = 64 << 20

// A Module is a compiled provider as it came from disk: checked, and neither
// compiled nor run. It is immutable and may be shared.
type Module struct {
	name   string
	digest string
	data   []byte
	info   modcheck.Info
}

// Load reads and checks the module at path. It compiles and runs nothing.
func Load(path string) (*Module, error) {
	data, err := readModule(path)
	if err != nil {
		return nil, err
	}
	return LoadBytes(path, data)
}

// LoadBytes checks a module that is in memory already. The name is for
// messages. The bytes must not be changed afterwards.
func LoadBytes(name string, data []byte) (*Module, error) {
	info, err := modcheck.Check(data)
	if err != nil {
		return nil, fmt.Errorf("provider module %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	return &Module{name: name, digest: "sha256:" + hex.EncodeToString(sum[:]), data: data, info: info}, nil
}

// Digest is "sha256:" and the hex digest of the module's bytes.
func (m *Module) Digest() string { return m.digest }

// Name is what the module was loaded as: its path.
func (m *Module) Name() string { return m.name }

// Size is the module's size in bytes.
func (m *Module) Size() int64 { return int64(len(m.data)) }

// Imports are the functions that the module asks for, "module.name", in its own
// order. The slice is the caller's.
func (m *Module) Imports() []string { return slices.Clone(m.info.Imports) }

// Exports are the names of what the module shows, in its own order. The slice is
// the caller's.
func (m *Module) Exports() []string { return slices.Clone(m.info.Exports) }

// Memory is the size of the module's memory when it starts, in bytes.
func (m *Module) Memory() int64 { return int64(m.info.MemoryPages) * wasmPage }

func readModule(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("provider module %s: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("provider module: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("provider module %s: this is a directory, not a module", path)
	case !info.Mode().IsRegular():
		// A pipe or a device would block, or never end.
		return nil, fmt.Errorf("provider module %s: this is not a regular file", path)
	case info.Size() > MaxModuleSize:
		return nil, tooLarge(path, info.Size())
	}
	return readAtMost(path)
}

// readAtMost does not rely on the size that was seen before: the file may grow.
func readAtMost(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("provider module: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, MaxModuleSize+1))
	if err != nil {
		return nil, fmt.Errorf("provider module: %w", err)
	}
	if len(data) > MaxModuleSize {
		return nil, tooLarge(path, int64(len(data)))
	}
	return data, nil
}

func tooLarge(path string, size int64) error {
	return fmt.Errorf("provider module %s: %d MiB are more than the %d MiB that a module may have",
		path, size>>20, MaxModuleSize>>20)
}
