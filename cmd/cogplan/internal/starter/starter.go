// Package starter writes the first module into a folder that has none: it is valid,
// has a policy with a test, and can be applied at once. It writes new files only,
// and none where one of them is there.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed module
var modules embed.FS

const (
	root   = "module"
	ignore = "gitignore"
)

// Starter is a module to start from.
type Starter struct {
	Name string
	// About says in a few words what it manages.
	About string
}

// All are the starters, in the order in which they are offered.
func All() []Starter {
	return []Starter{
		{"files", "files and directories"},
		{"rest", "the items of a JSON API over HTTP"},
	}
}

// Names are the names of all starters.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// Write writes a starter into the folder, and returns the names of its files. Where
// one of them is there already, nothing is written.
func Write(dir, name string) ([]string, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no starter %q; there are %s", name, strings.Join(Names(), ", "))
	}
	files, names, err := read(name)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return nil, fmt.Errorf("%s is there already, and is not written over; nothing was written", name)
		}
	}
	for _, name := range names {
		if err := create(filepath.Join(dir, name), files[name]); err != nil {
			return nil, fmt.Errorf("write the starter: %w", err)
		}
	}
	return names, nil
}

// read are the files of a starter by name, and the names in order.
func read(name string) (files map[string][]byte, names []string, err error) {
	files = map[string][]byte{}
	base := root + "/" + name
	err = fs.WalkDir(modules, base, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := modules.ReadFile(path)
		inner := filepath.FromSlash(strings.TrimPrefix(path, base+"/"))
		files[inner], names = data, append(names, inner)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	files["."+ignore], err = modules.ReadFile(root + "/" + ignore)
	return files, append(names, "."+ignore), err
}

// create writes a file that is new.
func create(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
