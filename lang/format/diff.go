package format

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Diff is the difference between a file as it is and as it will be, in unified
// form; empty where there is none.
func Diff(name, before, after string) string {
	return udiff.Unified("old/"+name, "new/"+name, before, after)
}

// Files lists the files in dir that [Source] is for, *.hcl and *.hclvars, in
// order; with recursive also those in the directories below. It leaves out
// hidden files and directories, and it follows no symbolic link: what a link
// leads to belongs to someone else.
func Files(dir string, recursive bool) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("list files to format: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("list files to format: %q is not a directory", dir)
	}
	var out []string
	top := dir + string(filepath.Separator) // also where dir itself is a link
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == top:
			return nil
		case d.IsDir() && (!recursive || hidden(d.Name())):
			return filepath.SkipDir
		case d.Type().IsRegular() && !hidden(d.Name()) && Handles(d.Name()):
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list files to format: %w", err)
	}
	return out, nil
}

// Handles reports whether a file of this name is one that [Source] is for.
func Handles(name string) bool {
	return strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hclvars")
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }
