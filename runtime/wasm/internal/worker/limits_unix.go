//go:build unix

package worker

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// maxHandles bounds the descriptors of the process.
const maxHandles = 4096

// limitProcess takes from the process what it does not need. The limits are
// the second wall: a guest that stays inside its own never meets them.
func limitProcess(config *pipe.Config) error {
	limits := map[int]uint64{
		unix.RLIMIT_CORE:   0, // a core would hold what the provider was told
		unix.RLIMIT_NOFILE: maxHandles,
	}
	if config.Files.FileSize > 0 {
		// The compiled module is written too.
		limits[unix.RLIMIT_FSIZE] = uint64(max(config.Files.FileSize+1, 1<<30))
	}
	if config.CPU > 0 {
		limits[unix.RLIMIT_CPU] = uint64(math.Ceil(float64(config.CPU) / float64(time.Second)))
	}
	if memoryLimit := dataLimit(config); memoryLimit > 0 {
		limits[unix.RLIMIT_DATA] = memoryLimit
	}
	for which, value := range limits {
		if err := lower(which, value); err != nil {
			return err
		}
	}
	return nil
}

// lower never raises a limit that is lower already.
func lower(which int, value uint64) error {
	var have unix.Rlimit
	if err := unix.Getrlimit(which, &have); err != nil {
		return err
	}
	limit := unix.Rlimit{Cur: min(have.Cur, value), Max: min(have.Max, value)}
	return unix.Setrlimit(which, &limit)
}
