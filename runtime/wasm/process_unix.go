//go:build unix

package wasm

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// startDir is where a worker starts: a directory that nobody has a reason to
// remove, and that tells nothing.
func startDir() string { return "/" }

// exitReason explains how a process ended that met a limit of the kernel.
func exitReason(state *os.ProcessState, cpu time.Duration) string {
	if state == nil {
		return ""
	}
	if cpu > 0 && state.UserTime()+state.SystemTime() >= cpu*9/10 { // the clocks differ a little
		return fmt.Sprintf("the provider used more than its limit of %s of processor time; "+
			"raise limits { cpu } if you trust it with more", cpu)
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case !ok || !status.Signaled():
		return ""
	case status.Signal() == syscall.SIGKILL:
		return "the worker process was killed by somebody else, or by the system for want of memory"
	default:
		return fmt.Sprintf("the worker process crashed (%s)", status.Signal())
	}
}

// killProcess ends the worker's whole process group.
func killProcess(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Process.Kill()
	}
}
