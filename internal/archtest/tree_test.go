package archtest

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is the ceiling for a file that is not a test.
const maxLines = 400

// saysNothing are package names that do not say what a package provides.
var saysNothing = []string{"util", "utils", "common", "types", "helper", "helpers", "misc", "shared"}

// commentRules are what a comment must not be, by what is said about it.
var commentRules = map[string]func(comment string) bool{
	"a TODO carries an issue number: TODO(#12)": func(c string) bool {
		return regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`).MatchString(c) && !regexp.MustCompile(`\b(TODO|FIXME|XXX)\(#\d+\)`).MatchString(c)
	},
	"no banners: split the file, or leave the line out": regexp.MustCompile(`(?m)^(//|/\*)?\s*[-=*#~─═]{4,}|[-=*#~─═]{6,}\s*$`).MatchString,
	"no author tags: git knows":                         regexp.MustCompile(`(?i)@author\b|\bauthor:`).MatchString,
}

func TestFilesFollowTheRules(t *testing.T) {
	dir := root(t)
	files := goFiles(t, dir)
	if len(files) < 20 {
		t.Fatalf("found %d Go files", len(files))
	}
	for _, path := range files {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range complaints(path, text) {
			t.Error(complaint)
		}
	}
}

func TestComplaints(t *testing.T) {
	long := "package p\n" + strings.Repeat("\n", maxLines)
	for _, tc := range []struct {
		name, path, text string
		want             int
	}{
		{"clean", "a/a.go", "package a\n\n// F does it.\nfunc F() {}\n", 0},
		{"too long", "a/a.go", long, 1},
		{"a long test", "a/a_test.go", long, 0},
		{"a name that says nothing", "a/utils/a.go", "package utils\n", 1},
		{"a TODO without an issue", "a/a.go", "package a\n\n// TODO: mend this\n", 1},
		{"a TODO with an issue", "a/a.go", "package a\n\n// TODO(#12): mend this\n", 0},
		{"a banner", "a/a.go", "package a\n\n// ------ helpers ------\n", 1},
		{"a heading in a doc comment", "a/a.go", "package a\n\n// # Files\n//\n// - one\nfunc F() {}\n", 0},
		{"a directive", "a/a.go", "//go:build linux\n\npackage a\n", 0},
		{"an author tag", "a/a.go", "package a\n\n// @author somebody\n", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := complaints(tc.path, []byte(tc.text)); len(got) != tc.want {
				t.Errorf("complaints: %q, want %d", got, tc.want)
			}
		})
	}
}

// Every package says what it is for. The linter says so, too; but it does not
// see packages whose files are all behind a build tag of another system.
func TestEveryPackageHasADocComment(t *testing.T) {
	dir := root(t)
	documented := map[string]bool{}
	for _, path := range goFiles(t, dir) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, path), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		documented[filepath.Dir(path)] = documented[filepath.Dir(path)] || file.Doc != nil
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment; say what it is for and what it refuses to do", pkg)
		}
	}
}

// complaints returns what is wrong with one Go file.
func complaints(path string, text []byte) []string {
	var out []string
	if dir := filepath.Base(filepath.Dir(path)); slices.Contains(saysNothing, dir) {
		out = append(out, fmt.Sprintf("%s: a package is named for what it provides, not %q", path, dir))
	}
	if lines := bytes.Count(text, []byte("\n")); lines > maxLines && !strings.HasSuffix(path, "_test.go") {
		out = append(out, fmt.Sprintf("%s: %d lines, the ceiling is %d: one subject a file", path, lines, maxLines))
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return append(out, err.Error())
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			for rule, broken := range commentRules {
				if broken(comment.Text) {
					out = append(out, fmt.Sprintf("%s: %s", files.Position(comment.Pos()), rule))
				}
			}
		}
	}
	return out
}

// goFiles returns the Go files of the tree, fixtures excepted.
func goFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != dir && (name == "testdata" || name == "bin" || strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			rel, err := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
