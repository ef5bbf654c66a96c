package funcs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty/function"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// maxHashedFile is the largest file that is hashed; it is never in memory.
const maxHashedFile = 1 << 30

func fileFunctions(r *fileReader) map[string]function.Function {
	return map[string]function.Function{
		"abspath":  textFunc(r.abs, "path"),
		"basename": textFunc(func(a []string) (string, error) { return filepath.Base(a[0]), nil }, "path"),
		"dirname":  textFunc(func(a []string) (string, error) { return filepath.Dir(a[0]), nil }, "path"),
		"file":     textFunc(func(a []string) (string, error) { return r.text(a[0]) }, "path"),
		"filebase64": textFunc(func(a []string) (string, error) {
			raw, err := r.bytes(a[0])
			return base64.StdEncoding.EncodeToString(raw), err
		}, "path"),
		"fileexists": testFunc(func(a []string) (bool, error) { return r.exists(a[0]) }, "path"),
		"fileset":    fileSetFunc(r),
	}
}

// fileReader reads regular files below one directory and nothing else. The
// directory is opened for each call and closed after it, so that a reader needs
// no closing.
type fileReader struct {
	opts   Options
	budget *bounds.Budget
}

var errNoFiles = errors.New("files cannot be read here")

// open finds the place of a path below the root directory. The caller closes
// the root.
func (r *fileReader) open(path string) (*os.Root, string, error) {
	if r.opts.BaseDir == "" {
		return nil, "", errNoFiles
	}
	base, err := filepath.Abs(r.opts.BaseDir)
	if err != nil {
		return nil, "", fmt.Errorf("find the module's directory: %w", err)
	}
	top := base
	if r.opts.RootDir != "" {
		if top, err = filepath.Abs(r.opts.RootDir); err != nil {
			return nil, "", fmt.Errorf("find the root module's directory: %w", err)
		}
	}
	name, err := below(top, base, path)
	if err != nil {
		return nil, "", err
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, "", fmt.Errorf("open the module's directory: %w", cause(err))
	}
	return root, name, nil
}

func below(top, base, path string) (string, error) {
	if path == "" {
		return "", errors.New("the path is empty")
	}
	if strings.ContainsRune(path, 0) {
		return "", errors.New("the path holds a zero byte")
	}
	full := path
	if !filepath.IsAbs(path) {
		full = filepath.Join(base, path)
	}
	rel, err := filepath.Rel(top, full)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q lies outside the module's directory; functions read only files inside it", clip(path))
	}
	return rel, nil
}

// cause is what went wrong with a file, without the path that the caller names.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

func describe(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return function.NewArgErrorf(0, "no file exists at %q; paths start at the module's directory", clip(path))
	case strings.Contains(err.Error(), "path escapes"):
		return function.NewArgErrorf(0, "%q leads outside the module's directory through a symbolic link; functions read only files inside it", clip(path))
	default:
		return function.NewArgErrorf(0, "cannot read %q: %s", clip(path), cause(err))
	}
}

// stat looks at a path and refuses everything that is not a regular file,
// before anything is opened: opening a device can do things.
func stat(root *os.Root, name, path string) error {
	info, err := root.Stat(name)
	if err != nil {
		return describe(path, err)
	}
	return regular(info, path)
}

func regular(info fs.FileInfo, path string) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return function.NewArgErrorf(0, "%q is a directory, not a file", clip(path))
	default:
		return function.NewArgErrorf(0, "%q is a %s, not a regular file", clip(path), kind(mode))
	}
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	default:
		return "special file"
	}
}

// copy writes a file's content to w. More than most bytes is an error.
func (r *fileReader) copy(w io.Writer, path string, most int64) error {
	root, name, err := r.open(path)
	if err != nil {
		return function.NewArgError(0, err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	if err := stat(root, name, path); err != nil {
		return err
	}
	// Without blocking, for what could have become a pipe since it was looked at.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return describe(path, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return describe(path, err)
	}
	if err := regular(info, path); err != nil {
		return err
	}
	r.opts.used(UseFile, path)
	n, err := io.Copy(w, io.LimitReader(f, most+1))
	if err != nil {
		return describe(path, err)
	}
	if n > most {
		return function.NewArgErrorf(0, "%q is larger than the limit of %s", clip(path), bounds.Size(most))
	}
	return nil
}

func (r *fileReader) bytes(path string) ([]byte, error) {
	var buf strings.Builder
	err := r.copy(&buf, path, r.budget.Limits().File)
	return []byte(buf.String()), err
}

func (r *fileReader) text(path string) (string, error) {
	var buf strings.Builder
	if err := r.copy(&buf, path, r.budget.Limits().File); err != nil {
		return "", err
	}
	if !utf8.ValidString(buf.String()) {
		return "", function.NewArgErrorf(0, "the content of %q is not valid UTF-8; use filebase64 for a file that is not text", clip(path))
	}
	return buf.String(), nil
}

func (r *fileReader) exists(path string) (bool, error) {
	root, name, err := r.open(path)
	if err != nil {
		return false, function.NewArgError(0, err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	r.opts.used(UseFile, path)
	_, err = root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, stat(root, name, path)
}

func (r *fileReader) abs(a []string) (string, error) {
	base, err := filepath.Abs(r.opts.BaseDir)
	if err != nil {
		return "", fmt.Errorf("find the module's directory: %w", err)
	}
	if filepath.IsAbs(a[0]) {
		return filepath.ToSlash(filepath.Clean(a[0])), nil
	}
	return filepath.ToSlash(filepath.Join(base, a[0])), nil
}
