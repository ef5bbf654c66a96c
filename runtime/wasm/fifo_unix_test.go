//go:build unix

package wasm_test

import (
	"syscall"
	"testing"
)

// mkdevice makes a node of /dev/zero, which only root may; without it there is
// nothing to read.
func mkdevice(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, 1<<8|5); err != nil {
		t.Log("no device:", err)
	}
}

func mkfifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
}
