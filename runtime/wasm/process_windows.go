package wasm

import (
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// processAttributes keep Ctrl-C away from a worker, which has no window.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

func startDir() string { return os.TempDir() }

// exitReason knows no signals on this system.
func exitReason(*os.ProcessState, time.Duration) string { return "" }

func killProcess(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill()
	}
}
