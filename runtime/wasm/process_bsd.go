//go:build unix && !linux

package wasm

import "syscall"

// processAttributes put a worker into a group of its own, so that Ctrl-C is
// this process's business alone.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
