//go:build !unix

package guestfs

import (
	"io/fs"
	"os"

	wsys "github.com/tetratelabs/wazero/sys"
)

const openFlags = 0

// inodeOf is zero: this system has no inode numbers to show.
func inodeOf(fs.FileInfo) wsys.Inode { return 0 }

// syncDir does nothing: directories cannot be synced on this system, whose
// file system orders renames itself.
func syncDir(*os.Root) error { return nil }
