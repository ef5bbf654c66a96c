package guestfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/experimental/sys"
)

// An upload is a file that is being written: a hidden temporary beside its
// final name, which it takes when the guest has closed it and its bytes are on
// disk.
type upload struct {
	path   string
	shown  string
	dir    *os.Root
	name   string
	temp   string
	file   *os.File
	mode   fs.FileMode
	action int
	err    error
}

func (f *FS) openWrite(p string, flag sys.Oflag) (sys.File, sys.Errno) {
	if errno := f.permit("write", p); errno != 0 {
		return nil, errno
	}
	if flag&sys.O_DIRECTORY != 0 {
		return nil, sys.EISDIR
	}
	f.settle(p)
	at, errno := f.locate(p)
	if errno != 0 {
		return nil, errno
	}
	old, errno := f.replaced(at, flag)
	if errno != 0 {
		return nil, errno
	}
	u, errno := f.newUpload(at, old)
	if errno != 0 {
		return nil, errno
	}
	if old != nil && flag&sys.O_TRUNC == 0 {
		if errno := f.copyOld(u, at, old); errno != 0 {
			u.discard()
			return nil, errno
		}
	}
	w := &writeFile{fs: f, gen: f.generation, up: u, append: flag&sys.O_APPEND != 0, readable: flag&sys.O_RDWR != 0}
	return f.keep(w), 0
}

// replaced looks at what has the name now; nil where nothing has.
func (f *FS) replaced(at place, flag sys.Oflag) (fs.FileInfo, sys.Errno) {
	info, err := at.dir.Lstat(at.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if flag&sys.O_CREAT == 0 {
			return nil, sys.ENOENT
		}
		return nil, 0
	case err != nil:
		return nil, errnoOf(err)
	case flag&sys.O_EXCL != 0 && flag&sys.O_CREAT != 0:
		return nil, sys.EEXIST
	case info.IsDir():
		return nil, sys.EISDIR
	case info.Mode()&fs.ModeSymlink != 0:
		f.problem(f.show(at.path) + " is a symbolic link; links are not followed")
		return nil, sys.ELOOP
	case !info.Mode().IsRegular():
		f.problem(f.show(at.path) + " is neither a file nor a directory; it is not replaced")
		return nil, sys.EACCES
	}
	return info, 0
}

// newUpload makes the temporary. It is private until it has its final name and
// mode: those of the file it replaces, or 0644.
func (f *FS) newUpload(at place, old fs.FileInfo) (*upload, sys.Errno) {
	f.sweep(at.dir, parentPath(at.path))
	f.serial++
	u := &upload{
		path: at.path, shown: f.show(at.path), dir: at.dir, name: at.name, action: f.action, mode: 0o644,
		temp: fmt.Sprintf("%s%s-%d%s", hiddenPrefix, f.tag, f.serial, hiddenSuffix),
	}
	if old != nil {
		u.mode = old.Mode().Perm()
	}
	file, err := at.dir.OpenFile(u.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		f.problem("write " + u.shown + ": " + reason(err))
		return nil, errnoOf(err)
	}
	u.file = file
	return u, 0
}

// staleAfter is the age at which a temporary belongs to nobody any more.
const staleAfter = time.Hour

// sweep removes what a machine that lost power left behind, once for each
// directory.
func (f *FS) sweep(dir *os.Root, p string) {
	if f.swept[p] {
		return
	}
	f.swept[p] = true
	removeTemps(dir, func(_ string, info fs.FileInfo) bool {
		return time.Since(info.ModTime()) > staleAfter
	})
}

func removeTemps(dir *os.Root, doomed func(string, fs.FileInfo) bool) {
	d, err := dir.Open(".")
	if err != nil {
		return
	}
	defer d.Close() //nolint:errcheck // only read
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if !hidden(name) {
			continue
		}
		if info, err := dir.Lstat(name); err == nil && info.Mode().IsRegular() && doomed(name, info) {
			_ = dir.Remove(name)
		}
	}
}

// Sweep removes the temporary files with that tag from the directories that
// hold the paths. It is for whoever has killed the process that made them.
func Sweep(mounts []Mount, tag string, paths []string) {
	f := New(mounts, Limits{}, tag)
	defer f.Close()
	f.BeginRead()
	done := map[string]bool{}
	for _, p := range paths {
		if done[parentPath(p)] {
			continue
		}
		done[parentPath(p)] = true
		if at, errno := f.locate(p); errno == 0 {
			removeTemps(at.dir, func(name string, _ fs.FileInfo) bool {
				return strings.HasPrefix(name, hiddenPrefix+tag+"-")
			})
		}
	}
}

func (f *FS) copyOld(u *upload, at place, old fs.FileInfo) sys.Errno {
	if f.limits.FileSize > 0 && old.Size() > f.limits.FileSize {
		return f.tooLarge(u)
	}
	src, errno := openSame(at, old)
	if errno != 0 {
		return errno
	}
	defer src.Close() //nolint:errcheck // only read
	if _, err := io.Copy(u.file, io.LimitReader(src, old.Size())); err != nil {
		f.problem("write " + u.shown + ": " + reason(err))
		return errnoOf(err)
	}
	if _, err := u.file.Seek(0, io.SeekStart); err != nil {
		return errnoOf(err)
	}
	return 0
}

func (f *FS) tooLarge(u *upload) sys.Errno {
	f.report.Limited = true
	f.problem(fmt.Sprintf("%s is larger than the %d bytes that a file may have", u.shown, f.limits.FileSize))
	return sys.EIO
}

func (u *upload) discard() {
	if u.file != nil {
		_ = u.file.Close()
		u.file = nil
	}
	_ = u.dir.Remove(u.temp)
}

// closed is called when the guest has closed a file that it wrote.
func (f *FS) closed(u *upload) {
	f.pending = append(f.pending, u)
	f.pendingFor[u.path] = true
}

// Changed reports whether there is anything that waits for [FS.Flush].
func (f *FS) Changed() bool { return len(f.pending)+len(f.dirty)+len(f.failed) > 0 }

// Pending is the number of files that wait for [FS.Flush].
func (f *FS) Pending() int { return len(f.pending) }

// settle flushes if p is written but has not its name yet, so that the guest
// sees its own work.
func (f *FS) settle(p string) {
	if f.pendingFor[p] {
		f.commit()
	}
}

// settleBelow is settle for everything inside a directory.
func (f *FS) settleBelow(p string) {
	for _, u := range f.pending {
		if within(u.path, p) {
			f.commit()
			return
		}
	}
}

// pendingUpload is the file that was written last at p and has not its name yet.
func (f *FS) pendingUpload(p string) *upload {
	if !f.pendingFor[p] {
		return nil
	}
	for _, v := range slices.Backward(f.pending) {
		if v.path == p {
			return v
		}
	}
	return nil
}

// A CommitError says that a file which the guest had written could not be kept.
type CommitError struct {
	// Action is the number that [FS.BeginAction] was given.
	Action int
	Err    error
}

// Flush puts every written file on disk and under its name, and makes every
// change of a directory durable. Files go to disk together: many at one time
// cost little more than one.
func (f *FS) Flush() []CommitError {
	f.commit()
	failed := f.failed
	f.failed = nil
	for dir := range f.dirty {
		if err := syncDir(dir); err != nil {
			failed = append(failed, CommitError{Action: f.action, Err: fmt.Errorf("make a change durable: %w", err)})
		}
	}
	clear(f.dirty)
	return failed
}

func (f *FS) commit() {
	group := f.pending
	f.pending = nil
	clear(f.pendingFor)
	syncAll(group)
	for _, u := range group {
		if u.err == nil {
			u.err = u.dir.Rename(u.temp, u.name)
		}
		if u.err != nil {
			_ = u.dir.Remove(u.temp)
			f.failed = append(f.failed, CommitError{Action: u.action, Err: fmt.Errorf("write %s: %s", u.shown, reason(u.err))})
			continue
		}
		f.dirty[u.dir] = true
	}
}

// syncers is how many files go to disk at one time: the file system's journal
// writes them together.
const syncers = 64

func syncAll(group []*upload) {
	if len(group) == 1 {
		group[0].sync()
		return
	}
	work := make(chan *upload)
	var wg sync.WaitGroup
	for range min(syncers, len(group)) {
		wg.Go(func() {
			for u := range work {
				u.sync()
			}
		})
	}
	for _, u := range group {
		work <- u
	}
	close(work)
	wg.Wait()
}

func (u *upload) sync() {
	u.err = errors.Join(u.file.Chmod(u.mode), u.file.Sync(), u.file.Close())
	u.file = nil
}

// reason is an error without the paths of this machine.
func reason(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return linkErr.Err.Error()
	}
	return err.Error()
}

// GuestPath brings the target of an effect or a grant, in the author's words,
// to the form of [Mount.Guest].
func GuestPath(target string) string {
	p, _ := clean(path.Clean("/" + target))
	return p
}

// Discard drops what an action wrote and nobody committed yet.
func (f *FS) Discard(action int) {
	kept := f.pending[:0]
	for _, u := range f.pending {
		if u.action != action {
			kept = append(kept, u)
			continue
		}
		u.discard()
		delete(f.pendingFor, u.path)
	}
	f.pending = kept
}
