//go:build unix

package guestfs

import (
	"io/fs"
	"os"
	"syscall"

	wsys "github.com/tetratelabs/wazero/sys"
)

const openFlags = syscall.O_NONBLOCK | syscall.O_NOFOLLOW

func inodeOf(info fs.FileInfo) wsys.Inode {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// syncDir makes the entries of a directory durable.
func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // only synced
	return d.Sync()
}
