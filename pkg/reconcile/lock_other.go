//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package reconcile

import (
	"fmt"
	"os"
	"runtime"
)

// tryLock refuses: without a lock two writers would lose each other's work.
func tryLock(file *os.File, _ bool) (bool, error) {
	return false, fmt.Errorf("lock %s: %w on %s", file.Name(), ErrUnsupported, runtime.GOOS)
}

// syncFolder is never reached: nothing is written without a lock.
func syncFolder(*os.File) error { return ErrUnsupported }
