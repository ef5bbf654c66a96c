package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// command is one process to measure.
type command struct {
	argv  []string
	dir   string
	env   []string
	limit time.Duration
}

// sample is what one process cost.
type sample struct {
	// Wall, CPU are seconds; CPU is the process and all it waited for.
	Wall float64 `json:"wall"`
	CPU  float64 `json:"cpu"`
	// RSS is the largest resident set of one process, in MiB; 0 where the system
	// does not tell.
	RSS float64 `json:"rss"`
	// All is the most memory that all its processes had together, in MiB: each
	// page counted once. It is looked at some times a second; 0 where the system
	// does not tell.
	All float64 `json:"all"`
	// Load is the load average of the machine before the process started.
	Load float64 `json:"load"`
	// Orphans are processes that it left to others to wait for: their CPU is not
	// in the figure.
	Orphans int    `json:"orphans,omitempty"`
	Exit    int    `json:"exit"`
	Killed  bool   `json:"killed,omitempty"`
	Output  string `json:"output,omitempty"`
}

func (s sample) failed() bool { return s.Killed || s.Exit != 0 }

// measure runs the command to its end, or kills it at its limit. An exit code is
// part of the sample; an error means that nothing was measured.
func measure(ctx context.Context, c command) (sample, error) {
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(limited, c.argv[0], c.argv[1:]...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = 5 * time.Second
	s := sample{Load: loadAverage()}
	start := time.Now()
	err := cmd.Start()
	if err == nil {
		watched := watch(cmd.Process.Pid)
		err = cmd.Wait()
		s.All = watched()
	}
	s.Wall = time.Since(start).Seconds()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return sample{}, fmt.Errorf("%s: %w", strings.Join(c.argv, " "), err)
	}
	if ctx.Err() != nil {
		return sample{}, ctx.Err()
	}
	s.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	s.RSS = maxRSS(cmd.ProcessState)
	s.Exit = cmd.ProcessState.ExitCode()
	s.Killed = limited.Err() != nil
	s.Orphans = reapOrphans()
	if s.failed() {
		s.Output = lastLines(output.String(), 20)
	}
	return s, nil
}

// watch looks at the memory of a process and its children until the returned
// function is called, which tells the most that was seen.
func watch(pid int) func() float64 {
	stop, most := make(chan struct{}), make(chan float64)
	go func() {
		seen := 0.0
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				seen = max(seen, treeMemory(pid))
			case <-stop:
				most <- seen
				return
			}
		}
	}()
	return func() float64 { close(stop); return <-most }
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var load float64
	if _, err := fmt.Sscan(string(text), &load); err != nil {
		return 0
	}
	return load
}
