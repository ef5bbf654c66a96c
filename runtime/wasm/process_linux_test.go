package wasm_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cogplan/cogplan/runtime/wasm"
)

// workersOf are the processes that a process has started.
func workersOf(t *testing.T, pid int) []int {
	t.Helper()
	var out []int
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(files) == 0 {
		t.Skip("no list of children here")
	}
	for _, file := range files {
		data, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

// A worker has no environment, no descriptors but its pipes, no core dumps, and
// limits.
func TestWorkerProcess(t *testing.T) {
	t.Setenv("COGPLAN_TEST_SECRET", "x")
	leaked, err := os.Open("/etc/passwd")
	if err != nil {
		t.Skip(err)
	}
	defer leaked.Close() //nolint:errcheck // only read
	b := newBench(t, benchOptions{})
	b.stillWorks(t)
	workers := workersOf(t, os.Getpid())
	if len(workers) == 0 {
		t.Fatal("there is no worker")
	}
	for _, pid := range workers {
		if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil && len(env) != 0 {
			t.Errorf("environment %q", env)
		}
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, link := range links {
			target, err := os.Readlink(link)
			if strings.HasPrefix(target, "/memfd:cogplan-memory ") {
				continue // what memories begin with; nothing can write to it
			}
			if err == nil && !strings.HasPrefix(target, "pipe:") && !strings.HasPrefix(target, "anon_inode:") && !strings.HasPrefix(target, b.dir) {
				t.Errorf("descriptor %s is open: %s", filepath.Base(link), target)
			}
		}
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil {
			t.Skip(err)
		}
		for _, name := range []string{"Max cpu time", "Max data size", "Max file size", "Max core file size", "Max open files"} {
			for line := range strings.Lines(string(limits)) {
				if strings.HasPrefix(line, name) && strings.Contains(line, "unlimited") {
					t.Errorf("no limit: %s", line)
				}
			}
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if !strings.Contains(string(status), "NoNewPrivs:\t1") {
			t.Error("it may gain privileges")
		}
	}
	if err := b.host.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range workers {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
			t.Errorf("worker %d outlives its host", pid)
		}
	}
}

// A worker that somebody kills costs the resource that it served, which fails and
// says so; another one beside it goes on to its end.
func TestKilledWorkerFailsItsResourceOnly(t *testing.T) {
	b := newBench(t, benchOptions{options: wasm.Options{MaxWorkers: 2}})
	if _, _, _, err := plan(t.Context(), b.named("probe.warm", map[string]any{"files": map[string]any{"x": "1"}}), nil); err != nil {
		t.Fatal(err)
	}
	doomed := make(chan error, 1)
	go func() {
		_, _, _, err := plan(t.Context(), b.named("probe.doomed", act("live", "loop")), nil)
		doomed <- err
	}()
	pid := busiest(t)
	done := make(chan error, 1)
	go func() {
		_, _, err := apply(t.Context(), b.named("probe.beside", map[string]any{"root": "out/beside", "files": map[string]any{"a": "1"}}), nil)
		done <- err
	}()
	if err := <-done; err != nil {
		t.Errorf("the one beside, while the other computes: %v", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-doomed:
		wantFault(t, err, wasm.FaultCrash, "probe.doomed", "killed")
	case <-time.After(20 * time.Second):
		t.Fatal("nobody noticed that the worker is gone")
	}
	if b.read("out/beside/a") != "1" {
		t.Error("the one beside did not do its work")
	}
	b.stillWorks(t)
}

// busiest is the worker that computes: the one whose processor time grows.
func busiest(t *testing.T) int {
	t.Helper()
	used := func(pid int) string {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		if len(fields) < 13 {
			return ""
		}
		return fields[11] // utime
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		before := map[int]string{}
		for _, pid := range workersOf(t, os.Getpid()) {
			before[pid] = used(pid)
		}
		time.Sleep(200 * time.Millisecond)
		for pid, was := range before {
			now, _ := strconv.Atoi(used(pid))
			if then, _ := strconv.Atoi(was); now-then >= 10 {
				return pid
			}
		}
	}
	t.Fatal("no worker computes")
	return 0
}

// TestOrphanHelper is the process that TestOrphan kills.
func TestOrphanHelper(t *testing.T) {
	if os.Getenv("COGPLAN_TEST_ORPHAN") == "" {
		t.Skip("it is run by TestOrphan")
	}
	b := newBench(t, benchOptions{})
	_, _, _, err := plan(t.Context(), b.resource(act("live", "loop")), nil)
	t.Fatal(err)
}

// A worker that computes ends with cogplan, also when cogplan is killed.
func TestOrphan(t *testing.T) {
	buildGuest(t, "./testdata/probe")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOrphanHelper$")
	cmd.Env = append(os.Environ(), "COGPLAN_TEST_ORPHAN=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var workers []int
	for deadline := time.Now().Add(20 * time.Second); len(workers) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, pid := range workersOf(t, cmd.Process.Pid) {
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), "__cogplan_worker") {
				workers = append(workers, pid)
			}
		}
	}
	time.Sleep(300 * time.Millisecond) // let it compute
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if len(workers) == 0 {
		t.Fatal("there was no worker")
	}
	for _, pid := range workers {
		gone := false
		for range 100 {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if gone = err != nil || strings.Contains(string(stat), ") Z "); gone {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !gone {
			t.Errorf("worker %d goes on without its parent", pid)
		}
	}
}
