package reconcile

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

const (
	lockfileFailImmediately = 1
	lockfileExclusiveLock   = 2
	errorLockViolation      = syscall.Errno(33)
	// lockOffsetHigh puts the locked byte far behind the file's text, so that
	// others can read who holds the lock: Windows locks bytes against reading.
	lockOffsetHigh = 0x7fffffff
)

// tryLock locks an open file against all other openings of it, in this process
// and in others, until it is closed. Windows frees the lock of a process that
// dies. It reports false where somebody else holds it.
func tryLock(file *os.File, exclusive bool) (bool, error) {
	lockFileEx := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	flags := uintptr(lockfileFailImmediately)
	if exclusive {
		flags |= lockfileExclusiveLock
	}
	overlapped := &syscall.Overlapped{OffsetHigh: lockOffsetHigh}
	done, _, err := lockFileEx.Call(file.Fd(), flags, 0, 1, 0, uintptr(unsafe.Pointer(overlapped))) //nolint:gosec // the call's documented form
	switch {
	case done != 0:
		return true, nil
	case errors.Is(err, errorLockViolation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return false, nil
	default:
		return false, &os.PathError{Op: "LockFileEx", Path: file.Name(), Err: err}
	}
}

// syncFolder does nothing: Windows cannot flush a folder, and NTFS journals
// renames.
func syncFolder(*os.File) error { return nil }
