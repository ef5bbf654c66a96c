package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// site is one session: everything below one root.
type site struct {
	session *sdk.Session
	body    sdk.Body
	// root in the words of the grant, in its shortest form.
	root string
	// declared are the files and directories by their path below the root.
	declared map[string]*item
	// previews counts the bytes of the texts that are shown.
	previews int
}

// item is one declared file or directory.
type item struct {
	name      string
	directory bool
	// implied directories are not declared, but some file needs them.
	implied bool
	// mode is -1 where it is not managed.
	mode int
	// content of the file, or else its source in the words of the grant.
	content string
	binary  bool
	source  string
	sha256  string
	size    int64
	// block to blame.
	block sdk.Body
	// argument to blame for a source: source or from.
	argument string
}

func open(_ context.Context, session *sdk.Session) (*site, error) {
	s := &site{session: session, body: session.Body()}
	root := s.body.String("root")
	if why := checkPlace(root); why != "" {
		s.body.Fail("root", why)
	}
	s.root = path.Clean(root)
	return s, s.body.Err()
}

// words is where a path below the root lies, in the words of the grant.
func (s *site) words(name string) string { return path.Join(s.root, name) }

// Desired reads the declaration, the sources and the trees.
func (s *site) Desired(context.Context) ([]reconcile.Resource, error) {
	if err := s.declare(); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(s.declared))
	for name := range s.declared {
		names = append(names, name)
	}
	slices.SortFunc(names, comparePaths)
	out := make([]reconcile.Resource, 0, len(names))
	for _, name := range names {
		out = append(out, s.object(s.declared[name]))
	}
	return out, nil
}

// comparePaths orders the root first, and each directory before what is in it.
func comparePaths(a, b string) int {
	if a == "." || b == "." {
		return strings.Compare(strings.TrimPrefix(a, "."), strings.TrimPrefix(b, "."))
	}
	return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
}

func (s *site) object(i *item) reconcile.Resource {
	attrs := map[string]any{attrPath: s.words(i.name)}
	if i.mode >= 0 {
		attrs[attrMode] = formatMode(i.mode)
	}
	kind := typeDirectory
	if !i.directory {
		kind = typeFile
		attrs[attrSHA256] = i.sha256
		switch {
		case i.source != "":
			attrs[attrSource] = i.source
		case i.binary:
			attrs[attrBase64] = base64.StdEncoding.EncodeToString([]byte(i.content))
		default:
			attrs[attrContent] = i.content
		}
	}
	object := sdk.Object(kind, i.name, attrs)
	object.ExternalID, object.ParentAddress = s.words(i.name), s.parent(i.name)
	return object
}

// parent is the address of the directory that an object lies in; empty for the
// root.
func (s *site) parent(name string) string {
	if name == "." {
		return ""
	}
	return reconcile.ObjectAddress(s.session.Address(), typeDirectory, path.Dir(name))
}

// declare reads the body into s.declared.
func (s *site) declare() error {
	s.declared = map[string]*item{}
	var sourced []*item
	for _, block := range s.body.LabeledBlocks("file") {
		if i := s.file(block); i != nil && i.source != "" {
			sourced = append(sourced, i)
		}
	}
	for _, block := range s.body.LabeledBlocks("directory") {
		s.directory(block)
	}
	for _, block := range s.body.Blocks("tree") {
		sourced = append(sourced, s.tree(block)...)
	}
	s.refuseInvisible()
	if err := s.body.Err(); err != nil {
		return err
	}
	if err := s.lookAtSources(sourced); err != nil {
		return err
	}
	s.imply()
	s.warnAboutCase()
	return s.body.Err()
}

func (s *site) file(block sdk.LabeledBlock) *item {
	i := &item{name: block.Label, mode: s.mode(block.Body), block: block.Body, argument: attrSource}
	s.contentOf(i, block.Body)
	if !s.add(i) {
		return nil
	}
	return i
}

func (s *site) contentOf(i *item, block sdk.Body) {
	set := 0
	for _, name := range []string{attrContent, attrBase64, attrSource} {
		if block.Has(name) {
			set++
		}
	}
	if set != 1 {
		block.Fail("", "the file "+strconv.Quote(i.name)+" needs exactly one of content, content_base64 and source; it has "+strconv.Itoa(set))
		return
	}
	switch {
	case block.Has(attrContent):
		i.content = block.String(attrContent)
	case block.Has(attrBase64):
		data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(block.String(attrBase64)))
		if err != nil {
			block.Fail(attrBase64, "the content is not base64")
		}
		i.content, i.binary = string(data), true
	default:
		source := block.String(attrSource)
		if why := checkPlace(source); why != "" {
			block.Fail(attrSource, why)
		}
		i.source = path.Clean(source)
		return
	}
	sum := s.session.SHA256([]byte(i.content))
	i.sha256, i.size = hex.EncodeToString(sum[:]), int64(len(i.content))
}

func (s *site) directory(block sdk.LabeledBlock) {
	s.add(&item{name: block.Label, directory: true, mode: s.mode(block.Body), block: block.Body})
}

// mode returns the declared mode, or -1.
func (s *site) mode(block sdk.Body) int {
	if !block.Has(attrMode) {
		return -1
	}
	mode, why := parseMode(block.String(attrMode))
	if why == "" && !s.session.KnowsModes() {
		why = "this host cannot read or set modes"
	}
	if why != "" {
		block.Fail(attrMode, why)
	}
	return mode
}

// add declares an item, unless its path is refused or taken.
func (s *site) add(i *item) bool {
	if why := checkName(i.name); why != "" && (i.name != "." || !i.directory) {
		i.block.Fail("", strconv.Quote(i.name)+": "+why)
		return false
	}
	if other := s.declared[i.name]; other != nil {
		i.block.Fail("", strconv.Quote(i.name)+" is declared twice")
		return false
	}
	s.declared[i.name] = i
	return true
}

// refuseInvisible blames the blocks whose objects would have names that nobody
// can read.
func (s *site) refuseInvisible() {
	for _, i := range s.sorted() {
		if why := checkVisible(i.name); why != "" {
			i.block.Fail("", strconv.Quote(i.name)+": "+why)
		}
	}
}

// imply declares the directories that are needed and not declared.
func (s *site) imply() {
	for _, i := range s.sorted() {
		above := parents(i.name)
		if i.name == "." {
			above = nil
		}
		for _, dir := range above {
			switch other := s.declared[dir]; {
			case other == nil:
				s.declared[dir] = &item{name: dir, directory: true, implied: true, mode: -1, block: s.body}
			case !other.directory:
				i.block.Fail("", strconv.Quote(i.name)+" cannot lie in "+strconv.Quote(dir)+", which is declared as a file")
				return
			}
		}
	}
}

func (s *site) sorted() []*item {
	list := make([]*item, 0, len(s.declared))
	for _, i := range s.declared {
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b *item) int { return strings.Compare(a.name, b.name) })
	return list
}

// warnAboutCase names paths that differ only in case: many file systems take
// them for one.
func (s *site) warnAboutCase() {
	seen := make(map[string]string, len(s.declared))
	for _, i := range s.sorted() {
		folded := strings.ToLower(i.name)
		if other, ok := seen[folded]; ok {
			s.session.Warn(strconv.Quote(other) + " and " + strconv.Quote(i.name) + " differ only in case; on a file system that ignores case they are one file")
			continue
		}
		seen[folded] = i.name
	}
}

// lookAtSources takes the digests of the files that are copied.
func (s *site) lookAtSources(items []*item) error {
	paths := make([]string, len(items))
	for n, i := range items {
		paths[n] = guestPath(i.source)
	}
	infos, err := s.session.Stat(paths, true)
	if err != nil {
		return err
	}
	for n, i := range items {
		if why := refused(infos[n], "file"); why != "" {
			return i.block.Error(i.argument, i.source+": "+why)
		}
		i.sha256, i.size = infos[n].SHA256, infos[n].Size
	}
	return nil
}

// refused says why what stands at a path is not the file or directory that is
// wanted; empty if it is.
func refused(info sdk.FileInfo, want string) string {
	switch info.Kind {
	case sdk.FileRegular, sdk.FileDirectory:
		if have := string(info.Kind); have != want {
			return "it is a " + have + ", want a " + want
		}
		return ""
	case sdk.FileNone:
		return "there is no such " + want + "; is it granted for reading?"
	case sdk.FileSymlink:
		return "it is, or lies behind, a symbolic link; links are not followed"
	case sdk.FileOther:
		return "it is a special file (a device, a socket or a pipe)"
	case sdk.FileDenied:
		if info.Outside {
			return "no grant covers it"
		}
		return "permission denied"
	case sdk.FileFailed:
		return info.Error
	default:
		return "it is of an unknown kind"
	}
}
