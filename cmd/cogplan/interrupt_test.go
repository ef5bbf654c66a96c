package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const interruptible = `
provider "thing" {
  source = "./thing.wasm"
  allow { write = ["./first", "./second"] }
}
resource "thing" "first" {
  dir   = "./first"
  fault = "FAULT"
  when  = "WHEN"
  thing "a" { value = "1" }
  thing "b" { value = "2" }
}
resource "thing" "second" {
  dir        = "./second"
  depends_on = [thing.first]
  thing "c" { value = "3" }
}
`

// ended is what a run of cogplan left behind.
type ended struct {
	dir, stdout, stderr string
	code                int
}

// interrupted runs cogplan in a fresh module, and interrupts it once a line of
// progress holds a text.
func interrupted(t *testing.T, fault, when, sign string, args ...string) ended {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no interrupt to send")
	}
	dir, code := t.TempDir(), 0
	wasm, err := thing()
	if err != nil {
		t.Fatal(err)
	}
	hcl := strings.NewReplacer("FAULT", fault, "WHEN", when).Replace(interruptible)
	for name, data := range map[string][]byte{"thing.wasm": wasm, "main.hcl": []byte(hcl)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("cogplan", append(args, "-progress=json")...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout = &out
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	sent := false
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		errs.WriteString(lines.Text() + "\n")
		if !sent && strings.Contains(lines.Text(), sign) {
			sent = true
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if !sent {
		t.Fatalf("no line of progress holds %q:\n%s%s", sign, out.String(), errs.String())
	}
	return ended{dir, out.String(), errs.String(), code}
}

func TestAnInterruptEndsAPlanWhoseProviderHangs(t *testing.T) {
	run := interrupted(t, "hang", "desired", `"address":"thing.first","phase":"observe","done":false`, "plan")
	if run.code != 1 || !strings.Contains(run.stderr, "Interrupted") {
		t.Errorf("exit code %d\n%s%s", run.code, run.stdout, run.stderr)
	}
	if _, err := os.Stat(filepath.Join(run.dir, "first")); err == nil {
		t.Error("something was written")
	}
}

func TestAnInterruptLetsARunningApplyFinishAndRecordsIt(t *testing.T) {
	run := interrupted(t, "slow", "create a", `"address":"thing.first","phase":"apply","done":false`, "apply", "-auto-approve")
	if run.code != 6 {
		t.Errorf("exit code %d, want 6\n%s%s", run.code, run.stdout, run.stderr)
	}
	state, err := os.ReadFile(filepath.Join(run.dir, ".cog", "config", "thing.first", ".state.json"))
	if err != nil || !strings.Contains(string(state), "id-a") || !strings.Contains(string(state), "id-b") {
		t.Errorf("the state does not hold what was done: %v\n%s", err, state)
	}
	if _, err := os.Stat(filepath.Join(run.dir, "second")); err == nil {
		t.Error("a resource was begun after the interrupt")
	}
	if !strings.Contains(run.stdout, "Applied in part: 2 created") {
		t.Errorf("the outcome is not told:\n%s", run.stdout)
	}
}
