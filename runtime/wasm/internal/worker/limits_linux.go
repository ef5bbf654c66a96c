package worker

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cogplan/cogplan/runtime/wasm/internal/pipe"
)

// dataLimit bounds the writable memory of the process: room for the runtime
// and for compiling the largest module, and the memories of the instances that
// one worker has at a time. On Linux it counts what is made writable, not the
// address space that Go and the linear memories reserve.
func dataLimit(config *pipe.Config) uint64 {
	const room, instances = 3 << 30, 4
	return room + instances*uint64(config.Memory)
}

// lockDown closes descriptors that this process inherited from whoever started
// cogplan: Go marks its own to be closed, others may not have. It also forbids
// to gain rights by starting other programs.
func lockDown() {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < 3 {
			continue
		}
		link, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(link, "anon_inode:") {
			continue // the runtime's own
		}
		_ = unix.Close(fd)
	}
}
