package lang

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// What a module's source may be at most. The limits are far above what people
// write and far below what hurts.
const (
	maxFileBytes   = 16 << 20
	maxModuleBytes = 64 << 20
	maxFiles       = 10_000
)

// sourceFile is one file of a module.
type sourceFile struct {
	name  string // as ranges show it
	bytes []byte
	file  *hcl.File
	diags hcl.Diagnostics
}

// readSources reads and parses the files of one directory, sorted by name.
func readSources(dir string, overlay map[string][]byte, budget *bounds.Budget) ([]*sourceFile, hcl.Diagnostics) {
	files, diags := readDir(dir, overlay)
	var wg sync.WaitGroup
	next := make(chan *sourceFile)
	for range min(len(files), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for f := range next {
				f.parse(budget)
			}
		})
	}
	for _, f := range files {
		next <- f
	}
	close(next)
	wg.Wait()
	for _, f := range files {
		diags = append(diags, f.diags...)
	}
	return files, diags
}

func readDir(dir string, overlay map[string][]byte) ([]*sourceFile, hcl.Diagnostics) {
	at := hcl.Range{Filename: dir}
	names, err := moduleFiles(dir, overlay)
	if err != nil {
		return nil, hcl.Diagnostics{mistake(at, "Module directory cannot be read", "%s.", readReason(err))}
	}
	if len(names) == 0 {
		return nil, hcl.Diagnostics{mistake(at, "No configuration files",
			"The directory %s has no *.hcl file. Create one, or name the directory that has them.", dir)}
	}
	if len(names) > maxFiles {
		return nil, hcl.Diagnostics{mistake(at, "Too many files",
			"The directory %s has %d configuration files; a module has at most %d. Split it into modules.", dir, len(names), maxFiles)}
	}
	return readFiles(dir, names, overlay)
}

func moduleFiles(dir string, overlay map[string][]byte) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && len(overlay) == 0 {
		return nil, err
	}
	var names []string
	for name := range overlay {
		if isModuleFile(name) {
			names = append(names, name)
		}
	}
	for _, e := range entries {
		if isModuleFile(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// lockFile says what is trusted of a module, and is no part of it.
const lockFile = "cogplan.lock.hcl"

// isModuleFile leaves out what editors leave behind.
func isModuleFile(name string) bool {
	if name == lockFile || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.ContainsAny(name, `/\`) {
		return false
	}
	return strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")
}

func readFiles(dir string, names []string, overlay map[string][]byte) ([]*sourceFile, hcl.Diagnostics) {
	// A root refuses symbolic links that leave the directory: otherwise a
	// module could show any file of the machine in a diagnostic.
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close() //nolint:errcheck // it was only read
	}
	var files []*sourceFile
	var diags hcl.Diagnostics
	total := 0
	for _, name := range names {
		shown := filepath.Join(dir, name)
		src, inOverlay := overlay[name]
		if !inOverlay {
			src, err = readRegular(root, name, maxFileBytes)
		}
		if err != nil {
			diags = append(diags, mistake(hcl.Range{Filename: shown}, "File cannot be read", "%s.", readReason(err)))
			continue
		}
		if total += len(src); total > maxModuleBytes {
			return files, append(diags, mistake(hcl.Range{Filename: shown}, "Module too large",
				"The files of a module are at most %d MiB together. Keep large content in files of its own and read it with file().", maxModuleBytes>>20))
		}
		files = append(files, &sourceFile{name: shown, bytes: src})
	}
	return files, diags
}

// readRegular reads a regular file below root; a pipe would block, a device
// would never end.
func readRegular(root *os.Root, name string, limit int64) ([]byte, error) {
	if root == nil {
		return nil, fs.ErrNotExist
	}
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return readLimited(f, name, limit)
}

func readLimited(r io.Reader, name string, limit int64) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(src)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB, the most that a configuration file may have", name, limit>>20)
	}
	return src, nil
}

// readReason is an error of the file system as a sentence without its period.
func readReason(err error) string {
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) {
		return upperFirst(err.Error())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%s does not exist", pathErr.Path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s may not be read: permission denied", pathErr.Path)
	case strings.Contains(err.Error(), "escapes"):
		return fmt.Sprintf("%s is a symbolic link that leaves the module's directory; put the file itself there", pathErr.Path)
	default:
		return fmt.Sprintf("%s: %s", pathErr.Path, pathErr.Err)
	}
}

func upperFirst(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return strings.ToUpper(string(r)) + s[size:]
}

func (f *sourceFile) parse(budget *bounds.Budget) {
	f.bytes = bytes.TrimPrefix(f.bytes, []byte("\xef\xbb\xbf"))
	empty := &hcl.File{Body: hcl.EmptyBody(), Bytes: f.bytes}
	if f.diags = checkText(f.bytes, f.name); f.diags.HasErrors() {
		f.file = empty
		return
	}
	if strings.HasSuffix(f.name, ".json") {
		f.file, f.diags = json.Parse(f.bytes, f.name)
		clamp(f.diags, len(f.bytes))
	} else {
		f.file, f.diags = parseNative(f.bytes, f.name)
	}
	if f.file == nil || f.file.Body == nil {
		f.file = empty
	}
	f.diags = append(f.diags, guard(f.file, budget)...)
}

// clamp keeps places inside the file: the JSON parser points behind its end.
func clamp(diags hcl.Diagnostics, size int) {
	for _, d := range diags {
		if d.Subject != nil {
			d.Subject.Start.Byte = min(d.Subject.Start.Byte, size)
			d.Subject.End.Byte = min(d.Subject.End.Byte, size)
		}
	}
}

// checkText refuses what would make the parser fail badly: bytes that are not
// UTF-8, and nesting that its recursion could not bear.
func checkText(src []byte, name string) hcl.Diagnostics {
	if !utf8.Valid(src) {
		at := invalidUTF8(src, name)
		return hcl.Diagnostics{mistake(at, "Invalid UTF-8",
			"The byte 0x%02x at line %d is not part of a UTF-8 character. Save the file as UTF-8.", src[at.Start.Byte], at.Start.Line)}
	}
	if strings.HasSuffix(name, ".json") {
		return checkJSON(src, name)
	}
	return nil
}

func invalidUTF8(src []byte, name string) hcl.Range {
	pos := hcl.InitialPos
	for pos.Byte < len(src) {
		r, size := utf8.DecodeRune(src[pos.Byte:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		pos.Byte += size
		pos.Column++
		if r == '\n' {
			pos.Line, pos.Column = pos.Line+1, 1
		}
	}
	end := pos
	end.Byte, end.Column = end.Byte+1, end.Column+1
	return hcl.Range{Filename: name, Start: pos, End: end}
}
