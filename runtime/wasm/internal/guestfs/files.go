package guestfs

import (
	"io"
	"os"

	"github.com/tetratelabs/wazero/experimental/sys"
	wsys "github.com/tetratelabs/wazero/sys"
)

// readFile is a file that is open for reading.
type readFile struct {
	sys.UnimplementedFile
	fs   *FS
	gen  uint64
	path string
	file *os.File
}

func (r *readFile) live() bool { return r.file != nil && r.gen == r.fs.generation }

func (r *readFile) revoke() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

func (r *readFile) IsDir() (bool, sys.Errno)              { return false, 0 }
func (r *readFile) Dev() (uint64, sys.Errno)              { return 0, 0 }
func (r *readFile) Ino() (wsys.Inode, sys.Errno)          { return 0, 0 }
func (r *readFile) IsAppend() bool                        { return false }
func (r *readFile) SetAppend(bool) sys.Errno              { return sys.EBADF }
func (r *readFile) Sync() sys.Errno                       { return 0 }
func (r *readFile) Datasync() sys.Errno                   { return 0 }
func (r *readFile) Write([]byte) (int, sys.Errno)         { return 0, sys.EBADF }
func (r *readFile) Truncate(int64) sys.Errno              { return r.refuse("write") }
func (r *readFile) Utimens(int64, int64) sys.Errno        { return r.refuse("utimes") }
func (r *readFile) Pwrite([]byte, int64) (int, sys.Errno) { return 0, sys.EBADF }

func (r *readFile) refuse(op string) sys.Errno {
	if !r.live() {
		return sys.EBADF
	}
	r.fs.violate(op, r.path, "the file is open for reading")
	return sys.EBADF
}

func (r *readFile) Stat() (wsys.Stat_t, sys.Errno) {
	if !r.live() {
		return wsys.Stat_t{}, sys.EBADF
	}
	info, err := r.file.Stat()
	if err != nil {
		return wsys.Stat_t{}, errnoOf(err)
	}
	return statOf(info), 0
}

func (r *readFile) Read(buf []byte) (int, sys.Errno) {
	if !r.live() {
		return 0, sys.EBADF
	}
	return readResult(r.file.Read(buf))
}

func (r *readFile) Pread(buf []byte, off int64) (int, sys.Errno) {
	if !r.live() {
		return 0, sys.EBADF
	}
	return readResult(r.file.ReadAt(buf, off))
}

func (r *readFile) Seek(offset position, whence int) (int64, sys.Errno) {
	if !r.live() {
		return 0, sys.EBADF
	}
	return seek(r.file, offset, whence)
}

func (r *readFile) Close() sys.Errno {
	delete(r.fs.open, r)
	r.revoke()
	return 0
}

func readResult(n int, err error) (int, sys.Errno) {
	if err == io.EOF { //nolint:errorlint // os.File returns it bare
		return n, 0
	}
	return n, errnoOf(err)
}

func seek(file *os.File, offset int64, whence int) (int64, sys.Errno) {
	if whence < io.SeekStart || whence > io.SeekEnd {
		return 0, sys.EINVAL
	}
	n, err := file.Seek(offset, whence)
	return n, errnoOf(err)
}

// writeFile is a file that is open for writing: an upload.
type writeFile struct {
	sys.UnimplementedFile
	fs       *FS
	gen      uint64
	up       *upload
	append   bool
	readable bool
	failed   bool
}

func (w *writeFile) live() bool { return w.up != nil && w.gen == w.fs.generation }

// revoke happens when a call ends before the guest has closed the file.
func (w *writeFile) revoke() {
	if w.up == nil {
		return
	}
	w.fs.report.Unwritten = true
	w.fs.problem(w.up.shown + " was still open when the call ended, so it was not written")
	w.up.discard()
	w.up = nil
}

func (w *writeFile) IsDir() (bool, sys.Errno)       { return false, 0 }
func (w *writeFile) Dev() (uint64, sys.Errno)       { return 0, 0 }
func (w *writeFile) Ino() (wsys.Inode, sys.Errno)   { return 0, 0 }
func (w *writeFile) IsAppend() bool                 { return w.append }
func (w *writeFile) Sync() sys.Errno                { return 0 }
func (w *writeFile) Datasync() sys.Errno            { return 0 }
func (w *writeFile) Utimens(int64, int64) sys.Errno { return sys.ENOSYS }

func (w *writeFile) SetAppend(on bool) sys.Errno {
	w.append = on
	return 0
}

func (w *writeFile) Stat() (wsys.Stat_t, sys.Errno) {
	if !w.live() {
		return wsys.Stat_t{}, sys.EBADF
	}
	info, err := w.up.file.Stat()
	if err != nil {
		return wsys.Stat_t{}, errnoOf(err)
	}
	st := statOf(info)
	st.Mode = w.up.mode
	return st, 0
}

func (w *writeFile) Read(buf []byte) (int, sys.Errno) {
	if !w.live() || !w.readable {
		return 0, sys.EBADF
	}
	return readResult(w.up.file.Read(buf))
}

func (w *writeFile) Pread(buf []byte, off int64) (int, sys.Errno) {
	if !w.live() || !w.readable {
		return 0, sys.EBADF
	}
	return readResult(w.up.file.ReadAt(buf, off))
}

func (w *writeFile) Seek(offset position, whence int) (int64, sys.Errno) {
	if !w.live() {
		return 0, sys.EBADF
	}
	return seek(w.up.file, offset, whence)
}

func (w *writeFile) Write(buf []byte) (int, sys.Errno) {
	if !w.live() {
		return 0, sys.EBADF
	}
	whence := io.SeekCurrent
	if w.append {
		whence = io.SeekEnd
	}
	at, errno := seek(w.up.file, 0, whence)
	if errno != 0 {
		return 0, errno
	}
	if errno := w.room(at, int64(len(buf))); errno != 0 {
		return 0, errno
	}
	return w.wrote(w.up.file.Write(buf))
}

func (w *writeFile) Pwrite(buf []byte, off int64) (int, sys.Errno) {
	if !w.live() {
		return 0, sys.EBADF
	}
	if errno := w.room(off, int64(len(buf))); errno != 0 {
		return 0, errno
	}
	return w.wrote(w.up.file.WriteAt(buf, off))
}

func (w *writeFile) Truncate(size int64) sys.Errno {
	if !w.live() {
		return sys.EBADF
	}
	if errno := w.room(0, size); errno != 0 {
		return errno
	}
	_, errno := w.wrote(0, w.up.file.Truncate(size))
	return errno
}

func (w *writeFile) room(at, n int64) sys.Errno {
	if at < 0 || n < 0 {
		return sys.EINVAL
	}
	if limit := w.fs.limits.FileSize; limit > 0 && (at > limit || n > limit-at) {
		w.failed, w.fs.report.Unwritten = true, true
		return w.fs.tooLarge(w.up)
	}
	return 0
}

func (w *writeFile) wrote(n int, err error) (int, sys.Errno) {
	if err == nil {
		return n, 0
	}
	w.failed, w.fs.report.Unwritten = true, true
	w.fs.problem("write " + w.up.shown + ": " + reason(err))
	return n, errnoOf(err)
}

// Close hands the file over to be committed. A file that could not be written
// in full keeps its old content, whatever the guest thinks of the error.
func (w *writeFile) Close() sys.Errno {
	delete(w.fs.open, w)
	up := w.up
	w.up = nil
	switch {
	case up == nil:
		return sys.EBADF
	case w.gen != w.fs.generation:
		up.discard()
		return sys.EBADF
	case w.failed:
		up.discard()
		return sys.EIO
	}
	w.fs.closed(up)
	return 0
}

// position is int64 by another name: go vet takes a Seek with an int64 for
// io.Seeker, which wazero's is not.
type position = int64
