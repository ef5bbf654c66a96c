//go:build unix

package wasm

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

func checkOwner(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("provider cache %s: others may write to it, and what is in it runs as native code; "+
			"run: chmod 700 %s", dir, dir)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("provider cache %s: it belongs to another user (%d), and what is in it runs as native code; "+
			"choose another cache directory", dir, st.Uid)
	}
	return nil
}
