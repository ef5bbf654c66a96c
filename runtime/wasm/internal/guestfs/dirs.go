package guestfs

import (
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"
)

// dirFile is an open directory; file is nil for one that exists only because a
// grant lies below it.
type dirFile struct {
	sys.UnimplementedFile
	sys.DirFile
	fs     *FS
	gen    uint64
	path   string
	file   *os.File
	closed bool
	listed bool
	seen   map[string]bool
}

func (d *dirFile) live() bool { return !d.closed && d.gen == d.fs.generation }

func (d *dirFile) revoke() {
	d.closed = true
	if d.file != nil {
		_ = d.file.Close()
		d.file = nil
	}
}

func (d *dirFile) IsDir() (bool, sys.Errno)              { return true, 0 }
func (d *dirFile) IsAppend() bool                        { return false }
func (d *dirFile) SetAppend(bool) sys.Errno              { return sys.EISDIR }
func (d *dirFile) Read([]byte) (int, sys.Errno)          { return 0, sys.EISDIR }
func (d *dirFile) Pread([]byte, int64) (int, sys.Errno)  { return 0, sys.EISDIR }
func (d *dirFile) Write([]byte) (int, sys.Errno)         { return 0, sys.EISDIR }
func (d *dirFile) Pwrite([]byte, int64) (int, sys.Errno) { return 0, sys.EISDIR }
func (d *dirFile) Truncate(int64) sys.Errno              { return sys.EISDIR }
func (d *dirFile) Dev() (uint64, sys.Errno)              { return 0, 0 }
func (d *dirFile) Ino() (wsys.Inode, sys.Errno)          { return 0, 0 }
func (d *dirFile) Sync() sys.Errno                       { return 0 }
func (d *dirFile) Datasync() sys.Errno                   { return 0 }
func (d *dirFile) Utimens(int64, int64) sys.Errno        { return d.fs.refuse("utimes", d.path) }

func (d *dirFile) Stat() (wsys.Stat_t, sys.Errno) {
	if d.path == "" {
		// The root is opened once, when the instance starts, and C libraries ask of
		// what kind it is before they open anything below it, in every call.
		return virtualDir(), 0
	}
	if !d.live() {
		return wsys.Stat_t{}, sys.EBADF
	}
	if d.file == nil {
		return virtualDir(), 0
	}
	info, err := d.file.Stat()
	if err != nil {
		return wsys.Stat_t{}, errnoOf(err)
	}
	return statOf(info), 0
}

// Seek only rewinds.
func (d *dirFile) Seek(offset position, whence int) (int64, sys.Errno) {
	if !d.live() {
		return 0, sys.EBADF
	}
	if offset != 0 || whence != io.SeekStart {
		return 0, sys.EINVAL
	}
	d.listed, d.seen = false, nil
	if d.file == nil {
		return 0, 0
	}
	_, err := d.file.Seek(0, io.SeekStart)
	return 0, errnoOf(err)
}

// Readdir lists the directory, and the grants that lie below it and have no
// entry of their own.
func (d *dirFile) Readdir(n int) ([]sys.Dirent, sys.Errno) {
	if !d.live() {
		return nil, sys.EBADF
	}
	below := d.fs.mountsBelow(d.path)
	var out []sys.Dirent
	for d.file != nil && (n <= 0 || len(out) < n) {
		entries, err := d.file.ReadDir(readCount(n, len(out)))
		for _, e := range entries {
			if hidden(e.Name()) {
				continue
			}
			if len(below) > 0 {
				d.note(e.Name())
			}
			out = append(out, sys.Dirent{Name: e.Name(), Type: e.Type() & fs.ModeType})
		}
		if err == io.EOF || (n <= 0 && err == nil) {
			break
		}
		if err != nil {
			return nil, errnoOf(err)
		}
	}
	return d.addMounts(out, below, n), 0
}

func readCount(n, have int) int {
	if n <= 0 {
		return -1
	}
	return n - have
}

func (d *dirFile) note(name string) {
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	d.seen[name] = true
}

func (d *dirFile) addMounts(out []sys.Dirent, below []string, n int) []sys.Dirent {
	if n > 0 && len(out)+len(below) > n {
		// There is no room to be sure; the next call has it.
		return out
	}
	if d.listed {
		return out
	}
	d.listed = true
	for _, name := range below {
		if !d.seen[name] {
			d.note(name)
			out = append(out, sys.Dirent{Name: name, Type: fs.ModeDir})
		}
	}
	return out
}

func (d *dirFile) Close() sys.Errno {
	delete(d.fs.open, d)
	d.revoke()
	return 0
}

// mountsBelow are the names directly below p that lead to a grant.
func (f *FS) mountsBelow(p string) []string {
	var names []string
	for i := range f.mounts {
		g := f.mounts[i].Guest
		if g == p || !within(g, p) {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(g, p), "/"), "/")
		if at := path.Join(p, name); f.present(at) {
			names = append(names, name)
		}
	}
	return names
}

// present reports whether a path that leads to a grant is there: as a granted
// thing that exists, or as a directory on the way to one.
func (f *FS) present(p string) bool {
	if m := f.mountOf(p); m == nil || p != m.Guest {
		return true
	}
	_, _, errno := f.lookup(p)
	return errno == 0 || f.hasMountBelow(p)
}
