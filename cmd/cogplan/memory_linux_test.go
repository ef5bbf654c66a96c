package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// workersThatHold looks through the memory of all workers below this process,
// the guests' own included, for a secret.
func workersThatHold(t *testing.T, secret string) []string {
	t.Helper()
	var found []string
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range processes {
		command, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(command, []byte("__cogplan_worker")) || !below(filepath.Dir(path)) {
			continue
		}
		held, err := holds(filepath.Dir(path), []byte(secret))
		if err != nil {
			t.Logf("the memory of a worker cannot be read: %v", err)
		}
		if held {
			found = append(found, filepath.Dir(path))
		}
	}
	return found
}

// below reports whether a process descends from this one.
func below(dir string) bool {
	for range 8 {
		data, err := os.ReadFile(dir + "/stat")
		if err != nil {
			return false
		}
		var state string
		var parent int
		if _, err := fmt.Sscan(string(data[bytes.LastIndexByte(data, ')')+1:]), &state, &parent); err != nil {
			return false
		}
		if parent == os.Getpid() {
			return true
		}
		dir = fmt.Sprintf("/proc/%d", parent)
	}
	return false
}

func holds(dir string, secret []byte) (bool, error) {
	maps, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return false, err
	}
	mem, err := os.Open(dir + "/mem")
	if err != nil {
		return false, err
	}
	defer mem.Close() //nolint:errcheck // only read
	buf := make([]byte, 1<<20)
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var flags string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &flags); err != nil || !strings.HasPrefix(flags, "rw") {
			continue
		}
		for at := from; at < to; {
			n, err := mem.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
			if bytes.Contains(buf[:n], secret) {
				return true, nil
			}
			if err != nil || n <= len(secret) {
				break
			}
			at += int64(n) // a secret on the seam would be missed
			if at < to {
				at -= int64(len(secret))
			}
		}
	}
	return false, nil
}
