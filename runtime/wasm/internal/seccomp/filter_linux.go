//go:build amd64 || arm64

package seccomp

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Available says why the kernel cannot filter system calls; nil where it can.
func Available() error {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))) //nolint:gosec // the kernel's interface
	if errno != 0 {
		return fmt.Errorf("the kernel has no seccomp filters: %w", errno)
	}
	return nil
}

// Enter filters the system calls of all threads of this process, and of what they
// start, for good.
func Enter() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	code := program(os.Getpid())
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&filter))) //nolint:gosec // the kernel's interface
	runtime.KeepAlive(code)
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("filter system calls: thread %d has another filter", thread)
	}
	return nil
}

// Offsets in the kernel's struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
	// offFirst is the lower half of the first argument; both systems are
	// little-endian.
	offFirst = 16
)

// program is the filter, in the classic BPF that the kernel runs. Jumps count
// instructions and reach 255 of them.
func program(pid int) []unix.SockFilter {
	denied := denied()
	var code []unix.SockFilter
	emit := func(op uint16, value uint32, yes, no uint8) {
		code = append(code, unix.SockFilter{Code: op, Jt: yes, Jf: no, K: value})
	}
	const load, equal, atLeast, anyBit, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS,
		unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K,
		unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	// Numbers mean other calls in another convention: 32-bit calls on amd64.
	emit(load, offArch, 0, 0)
	emit(equal, auditArch, 1, 0)
	emit(ret, unix.SECCOMP_RET_KILL_PROCESS, 0, 0)
	emit(load, offNumber, 0, 0)
	emit(atLeast, foreignNumbers, 0, 1)
	emit(ret, unix.SECCOMP_RET_KILL_PROCESS, 0, 0)
	// Threads are the runtime's; processes are nobody's.
	emit(equal, unix.SYS_CLONE, 0, 4)
	emit(load, offFirst, 0, 0)
	emit(anyBit, unix.CLONE_THREAD, 0, 1)
	emit(ret, unix.SECCOMP_RET_ALLOW, 0, 0)
	emit(ret, refuse(unix.EPERM), 0, 0)
	// Its flags stand in memory, where no filter can look: the caller falls back
	// to clone.
	emit(equal, unix.SYS_CLONE3, 0, 1)
	emit(ret, refuse(unix.ENOSYS), 0, 0)
	// The runtime signals its own threads, and asks for its own limits.
	for _, own := range []struct{ call, process int }{
		{unix.SYS_KILL, pid}, {unix.SYS_TGKILL, pid}, {unix.SYS_PRLIMIT64, 0},
	} {
		emit(equal, uint32(own.call), 0, 4)
		emit(load, offFirst, 0, 0)
		emit(equal, uint32(own.process), 0, 1)
		emit(ret, unix.SECCOMP_RET_ALLOW, 0, 0)
		emit(ret, refuse(unix.EPERM), 0, 0)
	}
	for i, number := range denied {
		emit(equal, uint32(number), uint8(len(denied)-i), 0) // to the last instruction
	}
	emit(ret, unix.SECCOMP_RET_ALLOW, 0, 0)
	emit(ret, refuse(unix.EPERM), 0, 0)
	return code
}

func refuse(errno unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }

// denied are the calls that fail, on every architecture.
func denied() []int {
	return append([]int{
		// programs
		unix.SYS_EXECVE, unix.SYS_EXECVEAT,
		// the network, and sockets of this machine
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4,
		unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
		// other processes
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_OPEN,
		unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PROCESS_MADVISE, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO,
		unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_SETPRIORITY, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETATTR,
		// namespaces, mounts, roots
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
		unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		// files by handle, devices, links and owners
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_MKNODAT, unix.SYS_SYMLINKAT, unix.SYS_LINKAT,
		unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR,
		unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
		// what Landlock leaves free, by the name of a file: modes, times, and before
		// its third version the length. An open file may be changed.
		unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_UTIMENSAT, unix.SYS_TRUNCATE,
		// the kernel
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
		unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_SYSLOG, unix.SYS_VHANGUP,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_PERSONALITY, unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE,
		// time, name and users of the machine
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID, unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_SETGROUPS,
		unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_CAPSET,
		// memory of other nodes and of other processes of the same user
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN, unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES,
	}, deniedHere()...)
}
