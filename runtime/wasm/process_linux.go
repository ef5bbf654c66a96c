package wasm

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes put a worker into a group of its own, so that Ctrl-C is
// this process's business alone, and have the kernel end it with us.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// widen makes room in the pipes, so that a batch goes through in few steps.
func widen(ends ...io.Closer) {
	for _, end := range ends {
		if f, ok := end.(*os.File); ok {
			if c, err := f.SyscallConn(); err == nil {
				_ = c.Control(func(fd uintptr) {
					_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20)
				})
			}
		}
	}
}
