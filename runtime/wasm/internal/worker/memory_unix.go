//go:build unix

package worker

import (
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// ownMemory says that linear memories are mapped here and not in Go's heap.
const ownMemory = true

// linearMemory is the memory of an instance: address space up to the limit,
// made usable as it grows. It never moves, costs nothing until it is used, and
// goes back to the system when the instance dies.
type linearMemory struct {
	limit uint64
	// initial is what the memory holds at the start; nil for zeros.
	initial *initial
	space   []byte
	used    uint64
	refused bool
}

// Allocate reserves the address space.
func (m *linearMemory) Allocate(_, _ uint64) experimental.LinearMemory {
	space, err := unix.Mmap(-1, 0, int(m.limit), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		m.limit = 0
	}
	m.space = space
	return m
}

// Reallocate grows the memory, or returns nil where the limit is reached.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = true
		return nil
	}
	if size > m.used {
		if err := unix.Mprotect(m.space[m.used:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			m.refused = true
			return nil
		}
		if !m.fill(size) {
			return nil
		}
		m.used = size
	}
	return m.space[:size:size]
}

// fill puts the initial content into the memory when it is first made usable,
// which is before anything runs in it.
func (m *linearMemory) fill(size uint64) bool {
	if m.initial == nil || m.used > 0 {
		return true
	}
	if m.initial.to > size || m.initial.place(m.space) != nil {
		m.refused = true
	}
	return !m.refused
}

// size is what is in use, in bytes.
func (m *linearMemory) size() uint64 { return m.used }

// Free gives the memory back.
func (m *linearMemory) Free() {
	if m.space != nil {
		_ = unix.Munmap(m.space)
		m.space = nil
	}
}
