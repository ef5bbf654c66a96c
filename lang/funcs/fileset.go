package funcs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// The limits on patterns: matching takes time by the number of ways to read
// the alternatives in braces.
const (
	maxPattern      = 1024
	maxAlternatives = 256
)

func fileSetFunc(r *fileReader) function.Function {
	return stringsFunc(cty.Set(cty.String), func(a []string) (cty.Value, error) {
		names, err := r.glob(a[0], a[1])
		if err != nil {
			return cty.NilVal, err
		}
		if len(names) == 0 {
			return cty.SetValEmpty(cty.String), nil
		}
		vals := make([]cty.Value, len(names))
		for i, name := range names {
			vals[i] = cty.StringVal(name)
		}
		return cty.SetVal(vals), nil
	}, []string{"path", "pattern"})
}

// glob lists the regular files below dir whose path from dir matches pattern.
// It follows no symbolic link to a directory inside a "**".
func (r *fileReader) glob(dir, pattern string) ([]string, error) {
	if err := checkPattern(pattern); err != nil {
		return nil, err
	}
	root, name, err := r.open(dir)
	if err != nil {
		return nil, function.NewArgError(0, err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	r.opts.used(UseDir, dir)
	sub, err := fs.Sub(root.FS(), filepath.ToSlash(name))
	if err != nil {
		return nil, describe(dir, err)
	}
	counted := &countingFS{FS: sub, left: r.budget.Limits().Items}
	matches, err := doublestar.Glob(counted, filepath.ToSlash(pattern), doublestar.WithFilesOnly(), doublestar.WithNoFollow())
	switch {
	case counted.left < 0:
		return nil, function.NewArgErrorf(0, "the directory %q holds more than %d entries", clip(dir), r.budget.Limits().Items)
	case err != nil:
		return nil, function.NewArgErrorf(1, "the pattern %q cannot be matched: %s", clip(pattern), cause(err))
	}
	return regularOnly(sub, matches), nil
}

// regularOnly drops what is not a regular file inside the tree: devices, pipes
// and links that lead out.
func regularOnly(in fs.FS, names []string) []string {
	out := names[:0]
	for _, name := range names {
		if info, err := fs.Stat(in, name); err == nil && info.Mode().IsRegular() {
			out = append(out, name)
		}
	}
	return out
}

func checkPattern(pattern string) error {
	if len(pattern) > maxPattern {
		return function.NewArgErrorf(1, "a pattern of %d characters is longer than the limit of %d", len(pattern), maxPattern)
	}
	if !doublestar.ValidatePattern(filepath.ToSlash(pattern)) {
		return function.NewArgErrorf(1, "the pattern %q is not valid: a bracket, a brace or an escape is not closed", clip(pattern))
	}
	ways := 1
	for _, group := range strings.Split(pattern, "{")[1:] {
		ways *= 1 + strings.Count(group, ",")
		if ways > maxAlternatives {
			return function.NewArgErrorf(1, "the alternatives in braces allow more than %d combinations", maxAlternatives)
		}
	}
	if strings.Count(pattern, "**") > 4 {
		return function.NewArgErrorf(1, "the pattern holds more than four %q", "**")
	}
	if strings.HasPrefix(pattern, "/") || strings.Contains("/"+pattern+"/", "/../") {
		return function.NewArgErrorf(1, "the pattern %q leads outside the directory it starts from", clip(pattern))
	}
	return nil
}

// countingFS stops a walk that sees too many directory entries.
type countingFS struct {
	fs.FS

	left int64
}

var errTooMany = errors.New("too many directory entries")

// ReadDir reads one directory and counts what it holds.
func (c *countingFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(c.FS, name)
	if c.left -= int64(len(entries)); c.left < 0 {
		return nil, errTooMany
	}
	if err != nil {
		return entries, fmt.Errorf("read directory: %w", err)
	}
	return entries, nil
}
