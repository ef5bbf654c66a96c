//go:build !linux

package worker

import "github.com/cogplan/cogplan/runtime/wasm/internal/pipe"

// dataLimit is none: on this system the limit counts address space, which Go
// reserves without using it.
func dataLimit(*pipe.Config) uint64 { return 0 }

// lockDown does nothing on this system.
func lockDown() {}
