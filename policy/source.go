package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// The most that policies may be. They are read by people.
const (
	maxFileSize  = 1 << 20
	maxFiles     = 2000
	maxTotalSize = 16 << 20
)

// sources are the policies of a module as text, tests apart.
type sources struct {
	files, tests []File
	mistakes     []Mistake
	// data are the files of data.
	data      []DataFile
	bundleKey string
	// digests are those of the paths, by the paths as they were given.
	digests map[string]string
	total   int
	seen    map[string]bool
}

// readSources reads all paths. What it cannot read is a mistake, not a gap.
func readSources(options *Options) *sources {
	s := &sources{seen: map[string]bool{}, bundleKey: options.BundleKey, digests: map[string]string{}}
	for _, p := range options.Paths {
		files, tests, data := len(s.files), len(s.tests), len(s.data)
		s.path(p)
		if s.digests[p] == "" {
			s.digests[p] = digestOf(p, slices.Concat(s.files[files:], s.tests[tests:]), s.data[data:])
		}
	}
	for _, f := range options.Files {
		s.add(f)
	}
	for _, f := range options.Data {
		s.addData(f)
	}
	return s
}

// digestOf covers all that was read of a path: where it stands below the path, and
// what it says.
func digestOf(root string, files []File, data []DataFile) string {
	for _, f := range data {
		files = append(files, f.File)
	}
	lines := make([]string, 0, len(files))
	for _, f := range files {
		inner, err := filepath.Rel(root, f.Name)
		if err != nil {
			inner = f.Name
		}
		lines = append(lines, fmt.Sprintf("%q %s", filepath.ToSlash(inner), reconcile.DigestBytes([]byte(f.Text))))
	}
	slices.Sort(lines)
	return reconcile.DigestBytes([]byte(strings.Join(lines, "\n")))
}

func (s *sources) mistake(file, problem, remedy string) {
	s.mistakes = append(s.mistakes, Mistake{File: file, Problem: problem, Remedy: remedy})
}

func (s *sources) path(name string) {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.mistake(name, "there is no such policy file or directory", "create it, or take the path out of the policy block")
	case err != nil:
		s.mistake(name, err.Error(), "")
	case info.IsDir():
		s.directory(name)
	case !info.Mode().IsRegular():
		s.mistake(name, "a policy is a plain file, and this is a "+kindOf(info.Mode()), "put the file itself here")
	case IsBundle(name):
		s.bundle(name)
	case !strings.HasSuffix(name, ".rego"):
		s.mistake(name, "the name of a policy file ends in .rego, and of a bundle in .tar.gz", "rename it")
	default:
		s.read(os.DirFS(filepath.Dir(name)), filepath.Base(name), name)
	}
}

func kindOf(mode fs.FileMode) string {
	if mode&fs.ModeSymlink != 0 {
		return "symbolic link"
	}
	return "special file"
}

func (s *sources) directory(name string) {
	root, err := os.OpenRoot(name)
	if err != nil {
		s.mistake(name, err.Error(), "")
		return
	}
	defer func() { _ = root.Close() }() // it was only read
	before := len(s.files)
	mistakes := len(s.mistakes)
	err = fs.WalkDir(root.FS(), ".", func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return s.entry(root.FS(), name, p, entry)
	})
	if err != nil {
		s.mistake(name, err.Error(), "")
	}
	if len(s.files) == before && len(s.mistakes) == mistakes {
		s.mistake(name, "the policy directory holds no policy", "add a .rego file, or take the path out of the policy block")
	}
}

// entry takes policies and tests, passes over what people put beside them, and
// refuses everything else: it may be a policy that somebody relies on.
func (s *sources) entry(fsys fs.FS, root, p string, entry fs.DirEntry) error {
	name := filepath.Join(root, filepath.FromSlash(p))
	base := entry.Name()
	switch {
	case p == ".":
	case strings.HasPrefix(base, ".") && !strings.HasSuffix(base, ".rego"):
		if entry.IsDir() {
			return fs.SkipDir
		}
	case entry.IsDir():
	case !entry.Type().IsRegular():
		s.mistake(name, "a policy is a plain file, and this is a "+kindOf(entry.Type()), "put the file itself here")
	case strings.HasSuffix(base, ".rego"), base == dataName:
		s.read(fsys, p, name)
	case strings.HasSuffix(base, ".md"), strings.HasPrefix(base, "LICENSE"):
	default:
		s.mistake(name, "this is no policy: its name does not end in .rego", "rename it, or move it out of the policy directory")
	}
	return nil
}

func (s *sources) read(fsys fs.FS, p, name string) {
	info, err := fs.Stat(fsys, filepath.ToSlash(p))
	if err == nil && info.Size() > maxFileSize {
		s.mistake(name, fmt.Sprintf("the file has %d bytes, and a policy may have %d", info.Size(), maxFileSize), "")
		return
	}
	var text []byte
	if err == nil {
		text, err = fs.ReadFile(fsys, filepath.ToSlash(p))
	}
	if err != nil {
		s.mistake(name, err.Error(), "")
		return
	}
	f, inner := File{Name: name, Text: string(text)}, filepath.ToSlash(p)
	if path.Base(inner) == dataName {
		s.addData(DataFile{File: f, At: dataAt(path.Dir(inner))})
		return
	}
	s.add(f)
}

func (s *sources) add(f File) {
	switch {
	case !s.takes(f):
	case strings.HasSuffix(f.Name, "_test.rego"):
		s.tests = append(s.tests, f)
	default:
		s.files = append(s.files, f)
	}
}

func (s *sources) addData(f DataFile) {
	if s.takes(f.File) {
		s.data = append(s.data, f)
	}
}

// takes notes a file, and says what keeps it from being taken.
func (s *sources) takes(f File) bool {
	mistakes := len(s.mistakes)
	clean := path.Clean(filepath.ToSlash(f.Name))
	s.total += len(f.Text)
	switch {
	case f.Name == "":
		s.mistake("", "a policy has no name", "")
	case s.seen[clean]:
		s.mistake(f.Name, "the file is loaded twice", "take one of the paths out of the policy block")
	case len(s.files)+len(s.tests)+len(s.data) >= maxFiles || s.total > maxTotalSize:
		s.mistake(f.Name, fmt.Sprintf("there are more than %d policy files or %d bytes", maxFiles, maxTotalSize), "")
	case !utf8.ValidString(f.Text):
		s.mistake(f.Name, "the file is not UTF-8 text", "")
	}
	s.seen[clean] = true
	return len(s.mistakes) == mistakes
}
