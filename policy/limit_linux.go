package policy

import (
	"math"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// limitProcess bounds this process for the rest of its life: memory, processor
// time, and no file that grows. The parent's clock is the other bound.
func limitProcess(memory int64, deadline time.Duration) error {
	if memory <= 0 {
		memory = DefaultMemory
	}
	debug.SetMemoryLimit(memory - memory/8)
	seconds := uint64(math.Ceil(deadline.Seconds())) + 1
	for _, limit := range []struct {
		what int
		most uint64
	}{
		{unix.RLIMIT_DATA, uint64(memory)},
		{unix.RLIMIT_CPU, seconds * 4}, // of all its threads together
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_FSIZE, 0},
	} {
		if err := unix.Setrlimit(limit.what, &unix.Rlimit{Cur: limit.most, Max: limit.most}); err != nil {
			return err
		}
	}
	return nil
}
