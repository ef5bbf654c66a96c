package guestfs

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"
)

const writing = sys.O_RDWR | sys.O_WRONLY | sys.O_CREAT | sys.O_TRUNC | sys.O_APPEND

// OpenFile opens a file or directory. A file that is opened for writing is a
// new one, which takes its name when it is closed.
func (f *FS) OpenFile(name string, flag sys.Oflag, _ fs.FileMode) (sys.File, sys.Errno) {
	p, errno := clean(name)
	if errno != 0 {
		return nil, errno
	}
	if f.limits.Handles > 0 && len(f.open) >= f.limits.Handles {
		f.problem("more files are open than the limit allows")
		f.report.Limited = true
		return nil, sys.EIO
	}
	if flag&writing != 0 {
		return f.openWrite(p, flag)
	}
	return f.openRead(p, flag)
}

func (f *FS) openRead(p string, flag sys.Oflag) (sys.File, sys.Errno) {
	if f.mountOf(p) == nil {
		if f.isAbove(p) {
			return f.keep(&dirFile{fs: f, gen: f.generation, path: p}), 0
		}
		f.missing(p)
		return nil, sys.ENOENT
	}
	f.settle(p)
	at, info, errno := f.lookup(p)
	if errno != 0 {
		return nil, errno
	}
	switch {
	case info.IsDir():
		return f.openDirFile(at)
	case info.Mode()&fs.ModeSymlink != 0:
		f.problem(f.show(p) + " is a symbolic link; links are not followed")
		return nil, sys.ELOOP
	case !info.Mode().IsRegular():
		f.problem(f.show(p) + " is neither a file nor a directory; it is not opened")
		return nil, sys.EACCES
	case flag&sys.O_DIRECTORY != 0:
		return nil, sys.ENOTDIR
	}
	file, errno := openSame(at, info)
	if errno != 0 {
		return nil, errno
	}
	f.use("read", p)
	return f.keep(&readFile{fs: f, gen: f.generation, path: p, file: file}), 0
}

// openSame opens the file that was looked at, and not one that took its name
// meanwhile. Without O_NONBLOCK a pipe would hold the worker for ever.
func openSame(at place, info fs.FileInfo) (*os.File, sys.Errno) {
	file, err := at.dir.OpenFile(at.name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, errnoOf(err)
	}
	now, err := file.Stat()
	if err != nil || !os.SameFile(info, now) {
		_ = file.Close()
		return nil, sys.ELOOP
	}
	return file, 0
}

func (f *FS) openDirFile(at place) (sys.File, sys.Errno) {
	f.settleBelow(at.path)
	root, errno := f.dirAt(at.m, at.path)
	if errno != 0 {
		return nil, errno
	}
	file, err := root.Open(".")
	if err != nil {
		return nil, errnoOf(err)
	}
	f.use("list", at.path)
	return f.keep(&dirFile{fs: f, gen: f.generation, path: at.path, file: file}), 0
}

type trackedFile interface {
	sys.File
	handle
}

func (f *FS) keep(h trackedFile) sys.File {
	f.open[h] = struct{}{}
	return h
}

// lookup finds what lies at p, links not followed.
func (f *FS) lookup(p string) (place, fs.FileInfo, sys.Errno) {
	at, errno := f.locate(p)
	if errno != 0 {
		return at, nil, errno
	}
	info, err := at.dir.Lstat(at.name)
	if err != nil {
		return at, nil, errnoOf(err)
	}
	return at, info, 0
}

// Lstat describes what lies at a path; a link is described as one.
func (f *FS) Lstat(name string) (wsys.Stat_t, sys.Errno) {
	p, errno := clean(name)
	if errno != 0 {
		return wsys.Stat_t{}, errno
	}
	if f.phase == sealed {
		return wsys.Stat_t{}, sys.EACCES
	}
	if f.mountOf(p) == nil {
		if f.isAbove(p) {
			return virtualDir(), 0
		}
		f.missing(p)
		return wsys.Stat_t{}, sys.ENOENT
	}
	f.settle(p)
	_, info, errno := f.lookup(p)
	if errno == sys.ENOENT && f.isAbove(p) && f.hasMountBelow(p) {
		return virtualDir(), 0
	}
	if errno != 0 {
		return wsys.Stat_t{}, errno
	}
	return statOf(info), 0
}

// hasMountBelow reports whether another grant lies below p.
func (f *FS) hasMountBelow(p string) bool {
	for i := range f.mounts {
		if f.mounts[i].Guest != p && within(f.mounts[i].Guest, p) {
			return true
		}
	}
	return false
}

// Stat is Lstat that refuses links: they are not followed.
func (f *FS) Stat(name string) (wsys.Stat_t, sys.Errno) {
	st, errno := f.Lstat(name)
	if errno == 0 && st.Mode&fs.ModeSymlink != 0 {
		return wsys.Stat_t{}, sys.ELOOP
	}
	return st, errno
}

func virtualDir() wsys.Stat_t {
	return wsys.Stat_t{Mode: fs.ModeDir | 0o555, Nlink: 1}
}

// statOf tells type, permissions, size and time of modification. Numbers of
// devices and owners are nobody's business.
func statOf(info fs.FileInfo) wsys.Stat_t {
	t := info.ModTime().UnixNano()
	return wsys.Stat_t{
		Ino: inodeOf(info), Mode: info.Mode(), Nlink: 1, Size: info.Size(), Atim: t, Mtim: t, Ctim: t,
	}
}

// Mkdir makes a directory: the effect "mkdir".
func (f *FS) Mkdir(name string, _ fs.FileMode) sys.Errno {
	return f.change("mkdir", name, func(at place) error {
		return at.dir.Mkdir(at.name, 0o755)
	})
}

// Rmdir removes an empty directory: the effect "rmdir".
func (f *FS) Rmdir(name string) sys.Errno {
	return f.change("rmdir", name, func(at place) error {
		info, err := at.dir.Lstat(at.name)
		switch {
		case err != nil:
			return err
		case !info.IsDir():
			return syscall.ENOTDIR
		}
		f.settleBelow(at.path)
		f.forget(at.path)
		return at.dir.Remove(at.name)
	})
}

// Unlink removes a file, or a link itself: the effect "delete".
func (f *FS) Unlink(name string) sys.Errno {
	return f.change("delete", name, func(at place) error {
		info, err := at.dir.Lstat(at.name)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return syscall.EISDIR
		}
		return at.dir.Remove(at.name)
	})
}

// Chmod sets the nine permission bits of a file or directory: the effect
// "chmod". WASI has no such call; guests reach it by a host call.
func (f *FS) Chmod(name string, mode fs.FileMode) sys.Errno {
	if p, errno := clean(name); errno == 0 {
		if u := f.pendingUpload(p); u != nil && mode&^fs.ModePerm == 0 {
			if errno := f.permit("chmod", p); errno != 0 {
				return errno
			}
			u.mode = mode // it gets its mode with its name
			return 0
		}
	}
	return f.change("chmod", name, func(at place) error {
		if mode&^fs.ModePerm != 0 {
			return syscall.EINVAL
		}
		info, err := at.dir.Lstat(at.name)
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular() && !info.IsDir():
			return syscall.EACCES
		}
		return chmod(at, info, mode)
	})
}

// chmod sets the mode. Where workers may change no file by its name, which is on
// Linux, it is that of the open file: what its owner may not read keeps its mode.
func chmod(at place, was fs.FileInfo, mode fs.FileMode) error {
	if runtime.GOOS != "linux" {
		return at.dir.Chmod(at.name, mode)
	}
	file, err := at.dir.OpenFile(at.name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return err
	}
	is, err := file.Stat()
	if err == nil && !os.SameFile(was, is) {
		err = syscall.ESTALE
	}
	if err == nil {
		err = file.Chmod(mode)
	}
	return errors.Join(err, file.Close())
}

// change carries out one permitted change of a directory.
func (f *FS) change(op, name string, do func(place) error) sys.Errno {
	p, errno := clean(name)
	if errno != 0 {
		return errno
	}
	if errno := f.permit(op, p); errno != 0 {
		return errno
	}
	f.settle(p)
	at, errno := f.locate(p)
	if errno != 0 {
		return errno
	}
	if err := do(at); err != nil {
		errno := errnoOf(err)
		if errno != sys.ENOENT && errno != sys.EEXIST {
			f.problem(op + " " + f.show(p) + ": " + reason(err))
		}
		return errno
	}
	f.dirty[at.dir] = true
	return 0
}

// Rename, Link, Symlink and Utimens are refused: no effect stands for them.

// Rename is refused.
func (f *FS) Rename(from, to string) sys.Errno { return f.refuse("rename", from+" to "+to) }

// Link is refused.
func (f *FS) Link(_, name string) sys.Errno { return f.refuse("link", name) }

// Symlink is refused.
func (f *FS) Symlink(_, name string) sys.Errno { return f.refuse("symlink", name) }

// Utimens is refused.
func (f *FS) Utimens(name string, _, _ int64) sys.Errno { return f.refuse("utimes", name) }

// Readlink is refused: where a link points to is not the guest's business.
func (f *FS) Readlink(string) (string, sys.Errno) { return "", sys.EACCES }

func (f *FS) refuse(op, name string) sys.Errno {
	f.violate(op, name, "the sandbox never does this")
	return sys.EPERM
}
