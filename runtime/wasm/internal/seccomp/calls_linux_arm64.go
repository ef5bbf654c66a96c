package seccomp

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	// foreignNumbers are beyond all calls of this architecture.
	foreignNumbers = 0x40000000
)

// deniedHere are calls that this architecture alone has.
func deniedHere() []int { return nil }
