package sdk

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

// WithRoot lets a provider that runs natively see that directory as "/", as the
// sandbox would show the granted files.
func WithRoot(dir string) Option {
	return func(s *Server) { s.root = dir }
}

// The modes of what is newly made in the sandbox; what is replaced keeps its
// mode.
const (
	NewFileMode      = 0o644
	NewDirectoryMode = 0o755
)

// FileInfo is what stands at one path.
type FileInfo = abi.FileInfo

// FileKind says what stands at a path.
type FileKind = abi.FileKind

// The kinds of files, as [Session.Stat] tells them.
const (
	FileNone      = abi.FileNone
	FileRegular   = abi.FileRegular
	FileDirectory = abi.FileDirectory
	FileSymlink   = abi.FileSymlink
	FileOther     = abi.FileOther
	FileDenied    = abi.FileDenied
	FileFailed    = abi.FileFailed
)

// Path is where a path of the sandbox lies: itself in a guest.
func (s *Session) Path(name string) string {
	if s.root == "" {
		return name
	}
	return filepath.Join(s.root, filepath.FromSlash(path.Clean("/"+name)))
}

func (s *Session) hostFiles() bool {
	return runtime.GOOS == "wasip1" && slices.Contains(s.request.Features, abi.FeatureFiles)
}

// KnowsModes reports whether modes of files can be read and set: in a guest
// only where the host offers it, because WASI has no modes.
func (s *Session) KnowsModes() bool {
	return s.hostFiles() || runtime.GOOS != "wasip1" && runtime.GOOS != "windows"
}

// Stat says what stands at each path, without following any symbolic link, and
// computes the digests of files if asked to. What cannot be looked at is told in
// its entry.
func (s *Session) Stat(paths []string, digest bool) ([]FileInfo, error) {
	out := make([]abi.FileInfo, 0, len(paths))
	if !s.hostFiles() {
		w := walker{session: s, plain: map[string]bool{}, digest: digest}
		for _, p := range paths {
			out = append(out, w.stat(p))
		}
		return out, nil
	}
	for chunk := range slices.Chunk(paths, abi.MaxBatch) {
		infos, err := hostStat(chunk, digest)
		if err != nil {
			return nil, err
		}
		out = append(out, infos...)
	}
	return out, nil
}

// Chmod sets the nine permission bits of a file or directory.
func (s *Session) Chmod(name string, mode int) error {
	if s.hostFiles() {
		return hostChmod(name, mode)
	}
	if !s.KnowsModes() {
		return errors.New("this host cannot set modes")
	}
	return os.Chmod(s.Path(name), fs.FileMode(mode))
}

// walker looks at files without the host's help.
type walker struct {
	session *Session
	// plain are the directories that are known to be no links.
	plain  map[string]bool
	digest bool
	buf    []byte
}

func (w *walker) stat(name string) abi.FileInfo {
	name = path.Clean("/" + name)
	if info, ok := w.parents(path.Dir(name)); !ok {
		return info
	}
	info, err := os.Lstat(w.session.Path(name))
	if err != nil {
		return failed(err)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return abi.FileInfo{Kind: abi.FileSymlink}
	case info.IsDir():
		// Bare WASI does not tell what is granted: what is there needs no making.
		return abi.FileInfo{Kind: abi.FileDirectory, Mode: w.mode(info), Outside: runtime.GOOS == "wasip1"}
	case !info.Mode().IsRegular():
		return abi.FileInfo{Kind: abi.FileOther}
	}
	out := abi.FileInfo{Kind: abi.FileRegular, Mode: w.mode(info), Size: info.Size()}
	if w.digest {
		if err := w.hash(name, &out); err != nil {
			return failed(err)
		}
	}
	return out
}

func (w *walker) mode(info fs.FileInfo) int {
	if !w.session.KnowsModes() {
		return 0
	}
	mode := int(info.Mode().Perm())
	for bit, special := range map[fs.FileMode]int{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if info.Mode()&bit != 0 {
			mode |= special
		}
	}
	return mode
}

// parents checks that no directory above is a link.
func (w *walker) parents(dir string) (abi.FileInfo, bool) {
	if dir == "/" || w.plain[dir] {
		return abi.FileInfo{}, true
	}
	if info, ok := w.parents(path.Dir(dir)); !ok {
		return info, false
	}
	info, err := os.Lstat(w.session.Path(dir))
	switch {
	case err != nil:
		return failed(err), false
	case info.Mode()&fs.ModeSymlink != 0:
		return abi.FileInfo{Kind: abi.FileSymlink}, false
	case !info.IsDir():
		return abi.FileInfo{Kind: abi.FileNone}, false
	}
	w.plain[dir] = true
	return abi.FileInfo{}, true
}

func failed(err error) abi.FileInfo {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return abi.FileInfo{Kind: abi.FileNone}
	case errors.Is(err, fs.ErrPermission):
		return abi.FileInfo{Kind: abi.FileDenied}
	default:
		return abi.FileInfo{Kind: abi.FileFailed, Error: Reason(err)}
	}
}

func (w *walker) hash(name string, out *abi.FileInfo) error {
	f, err := os.Open(w.session.Path(name))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	if w.buf == nil {
		w.buf = make([]byte, 64<<10)
	}
	sum, size, err := w.session.SHA256Reader(f, w.buf)
	out.SHA256, out.Size = hex.EncodeToString(sum[:]), size
	return err
}

// Reason is the cause of a file's error without its path, which the caller says
// in the user's words.
func Reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err.Error()
	}
	return strings.ToValidUTF8(err.Error(), "\uFFFD")
}
