package guestfs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/experimental/sys"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// Examine says what stands at each path, links not followed, and computes the
// digests of regular files if asked to. It is what guests use in place of a
// thousand calls.
func (f *FS) Examine(paths []string, digest bool) []abi.FileInfo {
	out := make([]abi.FileInfo, 0, len(paths))
	for chunk := range slices.Chunk(paths, examineChunk) {
		out = f.examineSome(out, chunk, digest)
	}
	return out
}

// examineChunk bounds how many directories are held open at one time.
const examineChunk = 64

func (f *FS) examineSome(out []abi.FileInfo, paths []string, digest bool) []abi.FileInfo {
	f.held = true
	defer func() { f.held = false }()
	first := len(out)
	files := make([]job, 0, len(paths))
	for i, name := range paths {
		at, info, errno := f.examine(name)
		switch {
		case errno != 0:
			out = append(out, f.unseen(name, errno))
		case info == nil:
			out = append(out, abi.FileInfo{Kind: abi.FileDirectory, Mode: 0o555, Outside: true})
		default:
			out = append(out, describe(info))
			op := "examine"
			if digest && info.Mode().IsRegular() {
				op = "read"
				files = append(files, job{at: at, info: info, index: first + i})
			}
			f.use(op, at.path)
		}
	}
	hashAll(files, out)
	return out
}

// examine finds what stands at a path; nothing and no error for a directory
// that exists only because a grant lies below it.
func (f *FS) examine(name string) (place, fs.FileInfo, sys.Errno) {
	p, errno := clean(name)
	switch {
	case errno != 0:
		return place{}, nil, errno
	case f.phase == sealed:
		return place{}, nil, sys.EACCES
	case f.mountOf(p) == nil && f.isAbove(p):
		return place{}, nil, 0
	case f.mountOf(p) == nil:
		f.missing(p)
		return place{}, nil, sys.EACCES
	}
	f.settle(p)
	at, info, errno := f.lookup(p)
	if errno == sys.ENOENT && f.hasMountBelow(p) {
		return at, nil, 0
	}
	return at, info, errno
}

func (f *FS) unseen(name string, errno sys.Errno) abi.FileInfo {
	switch errno {
	case sys.ENOENT, sys.ENOTDIR:
		return abi.FileInfo{Kind: abi.FileNone}
	case sys.ELOOP:
		return abi.FileInfo{Kind: abi.FileSymlink}
	case sys.EACCES, sys.EPERM:
		p, wrong := clean(name)
		return abi.FileInfo{Kind: abi.FileDenied, Outside: wrong == 0 && f.mountOf(p) == nil}
	default:
		return abi.FileInfo{Kind: abi.FileFailed, Error: errno.Error()}
	}
}

func describe(info fs.FileInfo) abi.FileInfo {
	mode := info.Mode()
	switch {
	case mode&fs.ModeSymlink != 0:
		return abi.FileInfo{Kind: abi.FileSymlink}
	case mode.IsDir():
		return abi.FileInfo{Kind: abi.FileDirectory, Mode: posixMode(mode)}
	case mode.IsRegular():
		return abi.FileInfo{Kind: abi.FileRegular, Mode: posixMode(mode), Size: info.Size()}
	default:
		return abi.FileInfo{Kind: abi.FileOther}
	}
}

func posixMode(mode fs.FileMode) int {
	bits := int(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// job is one file to be hashed.
type job struct {
	at   place
	info fs.FileInfo
	// index of the file's entry in the answer.
	index int
}

func hashAll(files []job, out []abi.FileInfo) {
	if len(files) == 0 {
		return
	}
	workers, size := min(runtime.GOMAXPROCS(0), len(files)/16+1), bufferFor(files)
	if workers == 1 {
		buf := make([]byte, size)
		for _, j := range files {
			j.hash(buf, &out[j.index])
		}
		return
	}
	work := make(chan job, 64)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			buf := make([]byte, size)
			for j := range work {
				j.hash(buf, &out[j.index])
			}
		})
	}
	for _, j := range files {
		work <- j
	}
	close(work)
	wg.Wait()
}

// bufferFor is a size that reads small files at once: most are.
func bufferFor(files []job) int {
	const least, most = 4 << 10, 128 << 10
	size := int64(least)
	for _, j := range files {
		size = max(size, j.info.Size()+1)
	}
	return int(min(size, most))
}

func (j job) hash(buf []byte, out *abi.FileInfo) {
	file, errno := openSame(j.at, j.info)
	if errno != 0 {
		*out = abi.FileInfo{Kind: abi.FileFailed, Error: errno.Error()}
		if errno == sys.EACCES || errno == sys.EPERM {
			out.Kind, out.Error = abi.FileDenied, ""
		}
		return
	}
	defer file.Close() //nolint:errcheck // only read
	sum, size, err := sumOf(file, buf)
	if err != nil {
		*out = abi.FileInfo{Kind: abi.FileFailed, Error: reason(err)}
		return
	}
	out.SHA256, out.Size = hex.EncodeToString(sum[:]), size
}

func sumOf(file *os.File, buf []byte) (sum [sha256.Size]byte, size int64, err error) {
	digest := sha256.New()
	for {
		n, err := file.Read(buf)
		digest.Write(buf[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			digest.Sum(sum[:0])
			return sum, size, nil
		}
		if err != nil {
			return sum, size, err
		}
	}
}

// ChmodText is [FS.Chmod] for the host call: empty, or why the mode was not set.
func (f *FS) ChmodText(name string, mode int) string {
	errno := f.Chmod(name, fs.FileMode(mode))
	if errno == 0 {
		return ""
	}
	return errno.Error()
}
