package worker

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cogplan/cogplan/runtime/wasm/internal/image"
)

// initial is what memories hold at the start. It is a file without a name that
// each memory maps: an instance pays for the pages that it touches, and writes
// to copies of its own.
type initial struct {
	fd int
	// from and to are where it lies, in whole pages of the system.
	from, to uint64
}

// newInitial makes the file. It is never written again.
func newInitial(data image.Image) (*initial, error) {
	page := uint64(unix.Getpagesize())
	from := uint64(data.Offset) / page * page
	to := (uint64(data.Offset) + uint64(len(data.Bytes)) + page - 1) / page * page
	fd, err := unix.MemfdCreate("cogplan-memory", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	i := &initial{fd: fd, from: from, to: to}
	if err := i.fill(data); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return i, nil
}

func (i *initial) fill(data image.Image) error {
	if err := unix.Ftruncate(i.fd, int64(i.to-i.from)); err != nil {
		return err
	}
	for rest, at := data.Bytes, int64(uint64(data.Offset)-i.from); len(rest) > 0; {
		n, err := unix.Pwrite(i.fd, rest, at)
		if err != nil {
			return err
		}
		rest, at = rest[n:], at+int64(n)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	_, err := unix.FcntlInt(uintptr(i.fd), unix.F_ADD_SEALS, seals)
	return err
}

// place lays the image into the address space of a memory.
func (i *initial) place(space []byte) error {
	at := unsafe.Pointer(&space[i.from]) //nolint:gosec // a mapping of ours, to be replaced in part
	_, err := unix.MmapPtr(i.fd, 0, at, uintptr(i.to-i.from),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	return err
}

func (i *initial) close() {
	if i != nil {
		_ = unix.Close(i.fd)
	}
}
