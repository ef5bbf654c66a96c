//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// stopped is an apply that stands still while it holds the lock.
type stopped struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	out  bytes.Buffer
	errs bytes.Buffer
	// told is closed when it has told everything.
	told chan struct{}
}

// stopAt starts an apply in a fresh module, and suspends it at the nth line of
// progress that holds a text, or once it has its actions under way.
func stopAt(t *testing.T, when, sign string, nth int, acting bool) *stopped {
	t.Helper()
	s := &stopped{t: t, dir: t.TempDir(), told: make(chan struct{})}
	wasm, err := thing()
	if err != nil {
		t.Fatal(err)
	}
	s.write("thing.wasm", string(wasm))
	s.declare("slow", when, "1")
	s.cmd = exec.Command("cogplan", "apply", "-auto-approve", "-progress=json")
	s.cmd.Dir, s.cmd.Stdout = s.dir, &s.out
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	still := make(chan struct{})
	go func() {
		defer close(s.told)
		seen := 0
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			s.errs.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), sign) {
				if seen++; seen == nth {
					if acting {
						s.awaitIntent()
					}
					_ = s.cmd.Process.Signal(syscall.SIGSTOP)
					close(still)
				}
			}
		}
	}()
	select {
	case <-still:
	case <-s.told:
		t.Fatalf("no line of progress holds %q:\n%s%s", sign, s.out.String(), s.errs.String())
	case <-time.After(2 * time.Minute):
		t.Fatal("it does not get that far")
	}
	return s
}

func (s *stopped) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stopped) declare(fault, when, value string) {
	s.write("main.hcl", strings.NewReplacer("FAULT", fault, "WHEN", when, `"2"`, `"`+value+`"`).Replace(interruptible))
}

// awake lets the apply go on, and returns its exit code.
func (s *stopped) awake() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
	<-s.told
	err := s.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// run runs another cogplan beside it.
func (s *stopped) run(want int, args ...string) string {
	s.t.Helper()
	cmd := exec.Command("cogplan", args...)
	cmd.Dir = s.dir
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		s.t.Fatalf("cogplan %s ended with %d, want %d:\n%s", strings.Join(args, " "), got, want, text)
	}
	return string(text)
}

// awaitFile waits for what the worker of the stopped run makes on its own.
func (s *stopped) awaitFile(name string) {
	s.t.Helper()
	for range 1000 {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Errorf("%s does not come", name)
}

// awaitIntent waits until the run's actions have begun: the first takes its worker
// most of a second.
func (s *stopped) awaitIntent() {
	journal := filepath.Join(s.dir, ".cog", "journal", "run.journal")
	for range 1000 {
		if text, err := os.ReadFile(journal); err == nil && strings.Contains(string(text), `"intent"`) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
}

// states are all states as they lie on the disk.
func (s *stopped) states() map[string]string {
	s.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(filepath.Join(s.dir, ".cog"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(entry.Name(), ".state.json") && !strings.HasSuffix(path, ".journal") {
			return err
		}
		data, err := os.ReadFile(path)
		found[path] = string(data)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// TestASuspendedApplyOverwritesNothing has a run stand still while it holds the
// lock, another one take the lock away and apply something else, and the first one
// go on.
func TestASuspendedApplyOverwritesNothing(t *testing.T) {
	for _, test := range []struct {
		name, when, sign string
		nth, code        int
		// made is what its worker makes when it stands still itself.
		made string
		says []string
	}{
		{
			name: "in an action", when: "create a", made: "first/Yg", nth: 1, code: 6,
			sign: `"address":"thing.first","phase":"apply","done":false`,
			says: []string{"The lock was taken away", "(epoch 1 here)", "Plan again once the other run has ended", "did not record: a (id-a), b (id-b)."},
		},
		{
			// The second time: the first is the plan, which holds no lock.
			name: "before its first action", when: "desired", nth: 2, code: 5,
			sign: `"address":"thing.first","phase":"observe","done":false`,
			says: []string{"The plan is stale", "Plan again"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := stopAt(t, test.when, test.sign, test.nth, test.made != "")
			if test.made != "" {
				s.awaitFile(test.made)
			}
			s.declare("", "", "two")
			if told := s.run(1, "apply", "-auto-approve"); !strings.Contains(told, "The state is locked") {
				t.Errorf("another apply says\n%s", told)
			}
			if told := s.run(1, "state", "unlock"); !strings.Contains(told, "state unlock -force") {
				t.Errorf("unlock says\n%s", told)
			}
			if told := s.run(0, "state", "unlock", "-force"); !strings.Contains(told, "Taken away: the state is locked by") {
				t.Errorf("unlock -force says\n%s", told)
			}
			if told := s.run(0, "state", "unlock"); !strings.Contains(told, "Nobody holds a lock") {
				t.Errorf("unlock says afterwards\n%s", told)
			}
			s.run(0, "apply", "-auto-approve")
			before := s.states()
			code := s.awake()
			told := s.out.String() + s.errs.String()
			if code != test.code {
				t.Errorf("the first one ended with %d, want %d", code, test.code)
			}
			for _, want := range test.says {
				if !strings.Contains(strings.Join(strings.Fields(told), " "), want) {
					t.Errorf("the first one does not say %q:\n%s", want, told)
				}
			}
			after := s.states()
			for path, text := range before {
				if after[path] != text {
					t.Errorf("%s was\n%s\nand is\n%s", path, text, after[path])
				}
			}
			if len(after) != len(before) {
				t.Errorf("%d files of states and journals, and %d before", len(after), len(before))
			}
			s.run(0, "plan", "-detailed-exitcode")
			state, _, err := reconcile.NewFileStore(s.dir).Load(t.Context(), "thing.first")
			if err != nil || len(state.Resources) != 2 {
				t.Errorf("recorded is %+v, %v", state, err)
			}
		})
	}
}
