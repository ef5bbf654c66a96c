//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package reconcile

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks an open file against all other openings of it, in this process
// and in others, until it is closed. The kernel frees the lock of a process that
// dies. It reports false where somebody else holds it.
func tryLock(file *os.File, exclusive bool) (bool, error) {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, &os.PathError{Op: "flock", Path: file.Name(), Err: err}
		}
	}
}

// syncFolder makes renames and links in a folder last through a power cut.
func syncFolder(folder *os.File) error { return folder.Sync() }
