//go:build !unix

package worker

import "github.com/tetratelabs/wazero/experimental"

// ownMemory says that linear memories lie in Go's heap on this system.
const ownMemory = false

// linearMemory only holds the limit, which the runtime enforces.
type linearMemory struct {
	limit   uint64
	initial *initial
	refused bool
}

// Allocate is not used on this system.
func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate is not used on this system.
func (m *linearMemory) Reallocate(uint64) []byte { return nil }

// size is not known on this system.
func (m *linearMemory) size() uint64 { return 0 }

// Free is not used on this system.
func (m *linearMemory) Free() {}
