package abi

import "math"

// FileKind says what stands at a path.
type FileKind string

// The kinds of files.
const (
	// FileNone: nothing is there.
	FileNone      FileKind = "none"
	FileRegular   FileKind = "file"
	FileDirectory FileKind = "directory"
	// FileSymlink: a symbolic link stands at the path or in one of its
	// directories; it is not followed.
	FileSymlink FileKind = "symlink"
	// FileOther: a device, a socket, a pipe.
	FileOther FileKind = "other"
	// FileDenied: the grants do not permit looking.
	FileDenied FileKind = "denied"
	// FileFailed: looking failed; Error says how.
	FileFailed FileKind = "failed"
)

// FileStatRequest asks what stands at each path. Paths are those that the guest
// would open.
type FileStatRequest struct {
	Paths []string
	// Digest asks for the SHA-256 of regular files.
	Digest bool
}

var fileStatKeys = []string{"paths", "digest"}

// Append encodes the message.
func (m *FileStatRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.batch(len(m.Paths))
	w.header(true, m.Digest)
	w.strings("paths", m.Paths)
	w.flag("digest", m.Digest)
	return w.done()
}

// DecodeFileStatRequest decodes the request of [HostFileStat].
func DecodeFileStatRequest(data []byte, limits Limits) (*FileStatRequest, error) {
	d := NewDecoder(data, limits)
	m := &FileStatRequest{}
	for i := range d.fields(fileStatKeys, 0) {
		switch i {
		case 0:
			for range d.elements(MaxBatch) {
				m.Paths = append(m.Paths, d.required("path"))
			}
		case 1:
			m.Digest = d.Bool()
		}
	}
	return m, d.Finish()
}

// FileInfo is what stands at one path.
type FileInfo struct {
	Kind FileKind
	// Mode holds the nine permission bits, and setuid, setgid and sticky as in
	// POSIX; files and directories only.
	Mode int
	// Size of a regular file in bytes.
	Size int64
	// SHA256 of a regular file in hex, where asked for.
	SHA256 string
	// Error for [FileFailed].
	Error string
	// Outside is true for a directory that the guest sees only because a grant
	// lies below it, and for what is denied because no grant covers it.
	Outside bool
}

// FileStatAnswer has one entry for each path, in their order.
type FileStatAnswer struct {
	Files []FileInfo
}

var (
	fileInfosKeys = []string{"files"}
	fileInfoKeys  = []string{"kind", "mode", "size", "sha256", "error", "outside"}
	fileKinds     = []string{
		string(FileNone), string(FileRegular), string(FileDirectory), string(FileSymlink),
		string(FileOther), string(FileDenied), string(FileFailed),
	}
)

// Append encodes the message.
func (m *FileStatAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.batch(len(m.Files))
	w.header(true)
	w.key("files")
	w.b = AppendArray(w.b, len(m.Files))
	for i := range m.Files {
		f := &m.Files[i]
		w.header(true, f.Mode != 0, f.Size != 0, f.SHA256 != "", f.Error != "", f.Outside)
		w.str("kind", string(f.Kind))
		if f.Mode != 0 {
			w.int("mode", int64(f.Mode))
		}
		if f.Size != 0 {
			w.int("size", f.Size)
		}
		w.optional("sha256", f.SHA256)
		w.optional("error", f.Error)
		w.flag("outside", f.Outside)
	}
	return w.done()
}

// DecodeFileStatAnswer decodes the answer to a request for that many paths.
func DecodeFileStatAnswer(data []byte, paths int, limits Limits) (*FileStatAnswer, error) {
	d := NewDecoder(data, limits)
	m := &FileStatAnswer{}
	for range d.fields(fileInfosKeys, 0) {
		m.Files = make([]FileInfo, 0, min(paths, MaxBatch))
		for range d.elements(MaxBatch) {
			m.Files = append(m.Files, d.fileInfo())
		}
	}
	if d.err == nil && len(m.Files) != paths {
		d.fail("an answer about another number of files")
	}
	return m, d.Finish()
}

func (d *Decoder) fileInfo() FileInfo {
	var f FileInfo
	for i := range d.fields(fileInfoKeys) {
		switch i {
		case 0:
			f.Kind = FileKind(d.oneOf(fileKinds))
		case 1:
			f.Mode = d.Size(0o7777)
		case 2:
			f.Size = d.Int()
		case 3:
			f.SHA256 = d.String()
		case 4:
			f.Error = d.String()
		case 5:
			f.Outside = d.Bool()
		}
	}
	d.need(f.Kind != "", "kind")
	return f
}

// FileChmodRequest sets the nine permission bits of a file or directory.
type FileChmodRequest struct {
	Path string
	Mode int
}

var fileChmodKeys = []string{"path", "mode"}

// Append encodes the message.
func (m *FileChmodRequest) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(true, true)
	w.str("path", m.Path)
	w.int("mode", int64(m.Mode))
	return w.done()
}

// DecodeFileChmodRequest decodes the request of [HostFileChmod].
func DecodeFileChmodRequest(data []byte, limits Limits) (*FileChmodRequest, error) {
	d := NewDecoder(data, limits)
	m := &FileChmodRequest{Mode: math.MinInt}
	for i := range d.fields(fileChmodKeys) {
		switch i {
		case 0:
			m.Path = d.required("path")
		case 1:
			m.Mode = d.Size(0o777)
		}
	}
	d.need(m.Path != "", "path")
	d.need(m.Mode >= 0, "mode")
	return m, d.Finish()
}

// FileChmodAnswer is empty, or says why the mode was not set.
type FileChmodAnswer struct {
	Error string
}

var fileChmodAnswerKeys = []string{"error"}

// Append encodes the message.
func (m *FileChmodAnswer) Append(b []byte) ([]byte, error) {
	w := encoder{b: b}
	w.header(m.Error != "")
	w.optional("error", m.Error)
	return w.done()
}

// DecodeFileChmodAnswer decodes the answer of [HostFileChmod].
func DecodeFileChmodAnswer(data []byte, limits Limits) (*FileChmodAnswer, error) {
	d := NewDecoder(data, limits)
	m := &FileChmodAnswer{}
	for range d.fields(fileChmodAnswerKeys) {
		m.Error = d.required("error")
	}
	return m, d.Finish()
}
