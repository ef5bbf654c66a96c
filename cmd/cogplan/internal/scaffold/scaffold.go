// Package scaffold writes the first version of a provider: it builds, passes the
// test of providers, and is small enough to be read at once. It writes new files
// into a new folder, and nothing else.
package scaffold

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed all:template
var templates embed.FS

const (
	root = "template"
	// common are the files of every language.
	common = "common"
	suffix = ".tmpl"
	// hidden is what a file is called whose name begins with a dot.
	hidden = "gitignore"
)

// Languages are those of the templates, sorted.
func Languages() []string {
	entries, err := templates.ReadDir(root)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if entry.Name() != common {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names
}

var goodName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// CheckName says why a provider cannot be called so.
func CheckName(name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a provider: it begins with a small letter, and small letters, digits and _ follow", name)
	}
	return nil
}

// Write makes the folder with the files of a template, and returns their names. A
// folder that exists is an error.
func Write(dir, language, name string) ([]string, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the provider: %w", err)
	}
	var names []string
	for _, folder := range []string{language, common} {
		err := fs.WalkDir(templates, root+"/"+folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			target, err := write(dir, path, name, language)
			names = append(names, target)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("write the provider: %w", err)
		}
	}
	return names, nil
}

// write writes one file of a template, and returns its name.
func write(dir, path, name, language string) (string, error) {
	text, err := templates.ReadFile(path)
	if err != nil {
		return "", err
	}
	inner := strings.SplitN(strings.TrimSuffix(path, suffix), "/", 3)[2]
	if inner == hidden {
		inner = "." + inner
	}
	target := filepath.Join(dir, filepath.FromSlash(inner))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	words := strings.NewReplacer("NAME", name, "SOURCE", "`"+firstFile(language)+"`")
	return target, os.WriteFile(target, []byte(words.Replace(string(text))), 0o644)
}

// firstFile is the one to read first.
func firstFile(language string) string {
	switch language {
	case "assemblyscript":
		return "assembly/index.ts"
	case "c":
		return "main.c"
	case "rust":
		return "src/lib.rs"
	default:
		return "main.go"
	}
}
