package wasm

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock keeps a worker out of everything but its grants, its part of the
// cache and its own executable, also where somebody should break out of the
// WebAssembly sandbox. The domain is put on the thread that starts the worker,
// which hands it down and is then of no other use.

const (
	llRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	llWrite = llRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	llRun = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	// llOnFile are the rights that a rule on a single file may give.
	llOnFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// pathRule gives rights below a path, or below what exists on the way to it.
type pathRule struct {
	path   string
	access uint64
}

// rulesFor are the paths that a worker needs.
func rulesFor(spec *processSpec) []pathRule {
	rules := []pathRule{{spec.config.CacheDir, llWrite}, {spec.executable, llRun}}
	// A program that is linked dynamically needs its loader and libraries.
	for _, dir := range []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/nix/store"} {
		if _, err := os.Stat(dir); err == nil {
			rules = append(rules, pathRule{dir, llRun})
		}
	}
	for _, m := range spec.config.Mounts {
		parent := filepath.Dir(m.Host)
		if m.Write {
			// The granted directory itself may come and go, and a file is
			// replaced by one beside it.
			rules = append(rules, pathRule{parent, llWrite})
			continue
		}
		rules = append(rules, pathRule{parent, unix.LANDLOCK_ACCESS_FS_READ_DIR}, pathRule{m.Host, llRead})
	}
	return rules
}

// startConfined starts the process from a thread that is confined, and lets the
// thread go when the process has ended. It returns why the process is not
// confined, where the kernel cannot.
func startConfined(cmd *exec.Cmd, rules []pathRule, ended <-chan struct{}) (lacking, err error) {
	type answer struct{ lacking, err error }
	started := make(chan answer, 1)
	go func() {
		// Never unlocked: the thread keeps its domain and ends with this
		// goroutine. Until then it has to live, because the kernel ends the
		// worker with it.
		runtime.LockOSThread()
		// Descriptors that whoever started us forgot to close.
		_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
		lacking := landlock(rules)
		err := cmd.Start()
		started <- answer{lacking, err}
		if err == nil {
			<-ended
		}
	}()
	a := <-started
	return a.lacking, a.err
}

// landlock confines the calling thread.
func landlock(rules []pathRule) error {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("the kernel has no Landlock: %w", errno)
	}
	attr := handled(int(abi))
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0) //nolint:gosec // the kernel's interface
	if errno != 0 {
		return fmt.Errorf("make a Landlock ruleset: %w", errno)
	}
	defer unix.Close(int(fd)) //nolint:errcheck // nothing is lost
	for _, rule := range rules {
		if err := addRule(int(fd), rule, attr.Handled_access_fs); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("enter the Landlock domain: %w", errno)
	}
	return nil
}

// landlockSays is what version -v tells of Landlock.
func landlockSays() string {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return "absent: the kernel has none: " + errno.Error()
	}
	text := fmt.Sprintf("version %d", abi)
	if abi < 4 {
		text += ", which does not keep connections of TCP out"
	}
	return text
}

// handled is everything that this version of Landlock can forbid: what no rule
// permits is forbidden, connections of TCP, abstract sockets and signals to
// others included.
func handled(abi int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: 1<<13 - 1}
	if abi >= 2 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 5 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr
}

func addRule(ruleset int, rule pathRule, known uint64) error {
	fd, err := openNearest(rule.path)
	if err != nil {
		return fmt.Errorf("open %s for a Landlock rule: %w", rule.path, err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is lost
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	access := rule.access & known
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= llOnFile
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0) //nolint:gosec // the kernel's interface
	if errno != 0 {
		return fmt.Errorf("add a Landlock rule for %s: %w", rule.path, errno)
	}
	return nil
}

// openNearest opens a path, or what exists on the way to it.
func openNearest(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.ENOENT) || path == filepath.Dir(path) {
			return fd, err
		}
		path = filepath.Dir(path)
	}
}
