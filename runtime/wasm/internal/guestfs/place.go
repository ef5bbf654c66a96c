package guestfs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero/experimental/sys"
)

// clean brings a path of the guest into the form of [Mount.Guest].
func clean(p string) (string, sys.Errno) {
	if len(p) > 4096 {
		return "", sys.ENAMETOOLONG
	}
	p = strings.Trim(path.Clean("/"+p), "/")
	if strings.ContainsRune(p, 0) {
		return "", sys.EINVAL
	}
	if filepath.Separator != '/' && strings.ContainsAny(p, `\:`) {
		// On Windows these would be separators, drives and streams.
		return "", sys.EINVAL
	}
	return p, 0
}

// A place is where a guest path lies on this machine.
type place struct {
	path string
	m    *mount
	dir  *os.Root
	name string
}

// locate finds the directory that holds p, without following links.
func (f *FS) locate(p string) (place, sys.Errno) {
	m := f.mountOf(p)
	if m == nil {
		return place{}, sys.ENOENT
	}
	if p == m.Guest {
		parent, errno := f.parentOf(m)
		return place{path: p, m: m, dir: parent, name: filepath.Base(m.Host)}, errno
	}
	if hidden(path.Base(p)) {
		return place{}, sys.ENOENT
	}
	dir, errno := f.dirAt(m, parentPath(p))
	return place{path: p, m: m, dir: dir, name: path.Base(p)}, errno
}

func parentPath(p string) string {
	if d := path.Dir(p); d != "." {
		return d
	}
	return ""
}

// parentOf opens the directory that holds the grant. While an action is
// applied to a grant for writing, it is made if it is missing.
func (f *FS) parentOf(m *mount) (*os.Root, sys.Errno) {
	if m.parent != nil {
		return m.parent, 0
	}
	dir := filepath.Dir(m.Host)
	if f.phase == applying && m.Write && f.touches(m) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			f.problem(err.Error())
			return nil, errnoOf(err)
		}
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, errnoOf(err)
	}
	if resolved != dir {
		f.problem("the way to the granted path " + m.Host + " has become a symbolic link; it is not followed")
		return nil, sys.ELOOP
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errnoOf(err)
	}
	m.parent = root
	return root, 0
}

func (f *FS) touches(m *mount) bool {
	for i := range f.effects {
		if within(f.effects[i].Path, m.Guest) || f.effects[i].Op == Any {
			return true
		}
	}
	return false
}

// maxDirs bounds the cache of open directories.
const maxDirs = 128

// dirAt opens a directory inside a grant, step by step, and keeps it.
func (f *FS) dirAt(m *mount, p string) (*os.Root, sys.Errno) {
	if root, ok := f.dirs[p]; ok {
		return root, 0
	}
	var (
		parent *os.Root
		name   string
		errno  sys.Errno
	)
	if p == m.Guest {
		parent, errno = f.parentOf(m)
		name = filepath.Base(m.Host)
	} else {
		parent, errno = f.dirAt(m, parentPath(p))
		name = path.Base(p)
	}
	if errno != 0 {
		return nil, errno
	}
	root, errno := openDir(parent, name)
	if errno != 0 {
		return nil, errno
	}
	if len(f.dirs) >= maxDirs && len(f.pending) == 0 && len(f.dirty) == 0 && len(f.open) == 0 && !f.held {
		f.forget("") // nobody has one of them in hand
	}
	f.dirs[p] = root
	return root, 0
}

// openDir opens a directory that is one, and not a link to one. [os.Root]
// would follow a link that stays inside the root, to a path that nobody
// declared.
func openDir(parent *os.Root, name string) (*os.Root, sys.Errno) {
	before, err := parent.Lstat(name)
	if err != nil {
		return nil, errnoOf(err)
	}
	switch {
	case before.Mode()&fs.ModeSymlink != 0:
		return nil, sys.ELOOP
	case !before.IsDir():
		return nil, sys.ENOTDIR
	}
	root, err := parent.OpenRoot(name)
	if err != nil {
		return nil, errnoOf(err)
	}
	if after, err := root.Stat("."); err != nil || !os.SameFile(before, after) {
		_ = root.Close()
		return nil, sys.ELOOP
	}
	return root, 0
}

func errnoOf(err error) sys.Errno {
	if err == nil {
		return 0
	}
	if errno := sys.UnwrapOSError(err); errno != 0 {
		return errno
	}
	return sys.EIO
}
