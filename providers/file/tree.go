package main

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"unicode/utf8"

	"github.com/cogplan/cogplan/sdk"
)

// maxTree is how many files one tree may hold.
const maxTree = 200_000

// tree is one tree block while it is walked.
type tree struct {
	site    *site
	block   sdk.Body
	from    string
	to      string
	include []string
	exclude []string
	mode    int
	items   []*item
	// most is how many files it may hold, and blamed the argument that says
	// where they are.
	most   int
	blamed string
}

// tree declares all files of a tree block and returns them.
func (s *site) tree(block sdk.Body) []*item {
	t := &tree{
		site: s, block: block, mode: s.mode(block),
		from: block.String("from"), to: block.String("to"),
		include: block.Strings("include"), exclude: block.Strings("exclude"),
		most: maxTree, blamed: "from",
	}
	if !t.check() {
		return nil
	}
	t.from = path.Clean(t.from)
	infos, err := s.session.Stat([]string{guestPath(t.from)}, false)
	if err != nil {
		block.Fail("from", err.Error())
		return nil
	}
	if why := refused(infos[0], "directory"); why != "" {
		block.Fail("from", t.from+": "+why)
		return nil
	}
	t.walk("")
	return t.items
}

func (t *tree) check() bool {
	if why := checkPlace(t.from); why != "" {
		t.block.Fail(t.blamed, why)
	}
	if t.to != "" && t.to != "." {
		if why := checkName(t.to); why != "" {
			t.block.Fail("to", why)
		}
	}
	for name, patterns := range map[string][]string{"include": t.include, "exclude": t.exclude} {
		for _, p := range patterns {
			if why := checkPattern(p); why != "" {
				t.block.Fail(name, why)
			}
		}
	}
	return t.block.Err() == nil
}

// walk declares what lies in a directory below from.
func (t *tree) walk(dir string) {
	entries, err := os.ReadDir(t.site.session.Path(guestPath(path.Join(t.from, dir))))
	if err != nil {
		t.block.Fail(t.blamed, path.Join(t.from, dir)+": "+sdk.Reason(err))
		return
	}
	for _, entry := range entries {
		if t.block.Err() != nil {
			return
		}
		t.entry(path.Join(dir, entry.Name()), entry)
	}
}

func (t *tree) entry(name string, entry fs.DirEntry) {
	switch {
	case !utf8.ValidString(name):
		t.block.Fail(t.blamed, path.Join(t.from, strconv.Quote(name))+": the name is not UTF-8; rename or exclude it is not possible, so move it out of the tree")
	case matchAny(t.exclude, name):
		return
	case entry.IsDir():
		t.walk(name)
	case len(t.include) > 0 && !matchAny(t.include, name):
		return
	case entry.Type()&fs.ModeSymlink != 0:
		t.block.Fail(t.blamed, path.Join(t.from, name)+" is a symbolic link, which is not followed; exclude it or replace it with a file")
	case !entry.Type().IsRegular():
		t.block.Fail(t.blamed, path.Join(t.from, name)+" is a special file; exclude it")
	case len(t.items) >= t.most:
		t.block.Fail(t.blamed, t.from+" holds more than "+strconv.Itoa(t.most)+" files")
	default:
		t.file(name)
	}
}

func (t *tree) file(name string) {
	i := &item{
		name: path.Join(t.to, name), mode: t.mode, source: path.Join(t.from, name),
		block: t.block, argument: t.blamed,
	}
	if t.site.add(i) {
		t.items = append(t.items, i)
	}
}

func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if match(p, name) {
			return true
		}
	}
	return false
}
