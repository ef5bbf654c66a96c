package seccomp_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cogplan/cogplan/runtime/wasm/internal/seccomp"
)

// filtered is the variable by which this test starts itself again, to be filtered.
const filtered = "COGPLAN_TEST_SECCOMP"

func TestMain(m *testing.M) {
	if dir := os.Getenv(filtered); dir != "" {
		if os.Getenv("CONTROL") == "" {
			if err := seccomp.Enter(); err != nil {
				fmt.Println("enter:", err)
				os.Exit(1)
			}
		}
		attempt(dir)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// attempt does what a worker must not, and what it must, and says how that went.
func attempt(dir string) {
	for name, try := range attempts(dir) {
		outcome := "done"
		if err := try(); err != nil {
			outcome = "refused"
		}
		fmt.Println(name, outcome)
	}
}

// attempts are by name; those that begin with "may" are what a worker needs.
func attempts(dir string) map[string]func() error {
	return map[string]func() error{
		"exec":     func() error { return exec.Command("/bin/true").Run() },
		"connect":  func() error { _, err := net.Dial("udp", "127.0.0.1:9"); return err },
		"listen":   func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
		"unix":     func() error { _, err := net.Listen("unix", filepath.Join(dir, "socket")); return err },
		"symlink":  func() error { return os.Symlink("/etc", filepath.Join(dir, "link")) },
		"link":     func() error { return os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "hard")) },
		"kill":     func() error { return syscall.Kill(os.Getppid(), syscall.Signal(0)) },
		"group":    func() error { return syscall.Kill(0, syscall.Signal(0)) },
		"tgkill":   func() error { return unix.Tgkill(os.Getppid(), os.Getppid(), syscall.Signal(0)) },
		"prlimit":  func() error { return unix.Prlimit(os.Getppid(), unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)) },
		"chmod":    func() error { return os.Chmod(filepath.Join(dir, "file"), 0o644) },
		"times":    func() error { return os.Chtimes(filepath.Join(dir, "file"), time.Now(), time.Now()) },
		"truncate": func() error { return os.Truncate(filepath.Join(dir, "file"), 0) },
		"chown":    func() error { return os.Chown(filepath.Join(dir, "file"), os.Getuid(), os.Getgid()) },
		"may write": func() error {
			return os.WriteFile(filepath.Join(dir, "new"), []byte("x"), 0o600)
		},
		"may kill itself softly": func() error {
			return errors.Join(syscall.Kill(os.Getpid(), syscall.Signal(0)), unix.Tgkill(os.Getpid(), os.Getpid(), syscall.Signal(0)),
				unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, new(unix.Rlimit)))
		},
		"may chmod what is open": func() error {
			file, err := os.Open(filepath.Join(dir, "file"))
			if err != nil {
				return err
			}
			return errors.Join(file.Chmod(0o640), file.Close())
		},
		"may rename": func() error { return os.Rename(filepath.Join(dir, "moved"), filepath.Join(dir, "there")) },
		"may read":   func() error { _, err := os.ReadFile(filepath.Join(dir, "file")); return err },
		"may thread": func() error {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() { _ = busy() })
			}
			all.Wait()
			return nil
		},
	}
}

func busy() int {
	n := 0
	for i := range 1_000_000 {
		n += i
	}
	return n
}

func TestEnter(t *testing.T) {
	if err := seccomp.Available(); err != nil {
		t.Skip(err)
	}
	for _, control := range []string{"", "yes"} {
		dir := t.TempDir()
		for _, name := range []string{"file", "moved"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), filtered+"="+dir, "CONTROL="+control)
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) || err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for name := range attempts(dir) {
			want := "refused"
			if control != "" || strings.HasPrefix(name, "may ") {
				want = "done"
			}
			if !strings.Contains(string(out), name+" "+want) {
				t.Errorf("control %q: %s is not %s:\n%s", control, name, want, out)
			}
		}
	}
}
