package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A run is stopped in the middle of an apply, somebody removes its lock and applies;
// then the first one wakes up. It begins nothing more, writes over nothing, says why,
// and the next plan tells the truth.
func TestARunThatLostItsLockWhileItSleptWritesNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process can be stopped")
	}
	var source strings.Builder
	source.WriteString("provider \"file\" {\n  source = \"file\"\n  allow { write = [\"./out\"] }\n}\n")
	const links = 40
	for i := range links {
		after := ""
		if i > 0 {
			after = fmt.Sprintf("  depends_on = [file.r%02d]\n", i-1)
		}
		fmt.Fprintf(&source, "resource \"file\" \"r%02d\" {\n%s  root = \"./out/%[1]d\"\n  dynamic \"file\" {\n    for_each = range(10)\n"+
			"    labels = [\"f${file.value}\"]\n    content { content = \"%[1]d\" }\n  }\n}\n", i, after)
	}
	m := &module{t: t, dir: t.TempDir()}
	m.write(source.String())

	sleeper := exec.Command("cogplan", "apply", "-auto-approve", "-progress=json")
	sleeper.Dir = m.dir
	sleeper.Env = append(os.Environ(), "COGPLAN_ACTOR=sleeper")
	var out, errs bytes.Buffer
	sleeper.Stdout = &out
	pipe, err := sleeper.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(2*time.Minute, func() { _ = sleeper.Process.Kill() })
	defer watchdog.Stop()
	asleep := false
	var before string
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		errs.WriteString(lines.Text() + "\n")
		if asleep || !strings.Contains(lines.Text(), `"address":"file.r05","phase":"apply","done":false`) {
			continue
		}
		asleep = true
		if err := sleeper.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(m.dir, ".cog", "lock")); err != nil {
			t.Fatal(err)
		}
		m.run(0, "apply", "-auto-approve", "-progress=none")
		m.settled()
		before = m.run(0, "state", "pull")
		if err := sleeper.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	err = sleeper.Wait()
	if !asleep {
		t.Fatalf("it was over before it could be stopped:\n%s%s", out.String(), errs.String())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 && exit.ExitCode() != 6 {
		t.Errorf("it ended with %v", err)
	}
	said := strings.Join(strings.Fields(out.String()+errs.String()), " ")
	for _, want := range []string{"the lock of this run is over", "was removed or replaced", "Plan again once the other run has ended"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s%s", want, out.String(), errs.String())
		}
	}
	if after := m.run(0, "state", "pull"); after != before {
		t.Error("it wrote over what the other run recorded")
	}
	m.settled()
	if journals, _ := filepath.Glob(filepath.Join(m.dir, ".cog", "journal", "*.journal")); len(journals) > 0 {
		t.Errorf("it left %v", journals)
	}
}
