//go:build !linux

package policy

import (
	"runtime/debug"
	"time"
)

// limitProcess asks the garbage collector to keep to the limit. The parent's
// clock is what bounds the process here.
func limitProcess(memory int64, _ time.Duration) error {
	if memory <= 0 {
		memory = DefaultMemory
	}
	debug.SetMemoryLimit(memory - memory/8)
	return nil
}
