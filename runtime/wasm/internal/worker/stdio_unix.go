//go:build unix

package worker

import (
	"os"
	"syscall"
)

// pollable makes a pipe wait in the runtime's poller: a read that blocks a
// thread costs two switches of threads for each request.
func pollable(f *os.File) *os.File {
	fd := int(f.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		return f
	}
	return os.NewFile(uintptr(fd), f.Name())
}
