package main

import (
	"context"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/sdk"
)

// maxPreview is the largest text whose content is shown in a plan.
const maxPreview = 64 << 10

// maxPreviews bounds all texts of one plan together.
const maxPreviews = 8 << 20

// maxUnmanaged is how many files that are not ours are reported.
const maxUnmanaged = 1000

// subject is a file or directory that the host asks about.
type subject struct {
	kind  string
	name  string
	words string
	known bool
	want  *item
}

// Live looks at what is declared and what is recorded, and lists what else lies
// in the directories that are ours.
func (s *site) Live(_ context.Context, query sdk.Query) ([]reconcile.Resource, error) {
	subjects, moved := s.subjects(query)
	live, err := s.observe(subjects)
	if err != nil || len(moved) == 0 {
		return live, err
	}
	// Of what moved to another root, the old place counts as long as something
	// of ours is there.
	seen := make(map[[2]string]bool, len(live))
	for i := range live {
		seen[[2]string{live[i].Type, live[i].Name}] = true
	}
	moved = slices.DeleteFunc(moved, func(sub subject) bool { return seen[[2]string{sub.kind, sub.name}] })
	more, err := s.observe(moved)
	for i := range more {
		if more[i].Mode != reconcile.ModeUnmanaged || s.declared[more[i].Name] != nil {
			live = append(live, more[i])
		}
	}
	return live, err
}

// observe looks at the subjects, and lists the directories among them.
func (s *site) observe(subjects []subject) ([]reconcile.Resource, error) {
	paths := make([]string, len(subjects))
	for n, sub := range subjects {
		paths[n] = guestPath(sub.words)
	}
	infos, err := s.session.Stat(paths, true)
	if err != nil {
		return nil, err
	}
	live := []reconcile.Resource{}
	ours := map[string]bool{} // paths in words
	var dirs []subject
	going := goingPaths(subjects)
	for n, sub := range subjects {
		if going[sub.words] == infos[n].Kind && sub.want != nil {
			continue // what stands there is ours, of the other kind, and is going to be deleted
		}
		object, ok, err := s.look(sub, infos[n])
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		live = append(live, object)
		ours[sub.words] = true
		if sub.kind == typeDirectory {
			dirs = append(dirs, sub)
		}
	}
	return s.list(live, dirs, ours)
}

// goingPaths are the paths of what is recorded and not declared any more.
func goingPaths(subjects []subject) map[string]sdk.FileKind {
	going := map[string]sdk.FileKind{}
	for _, sub := range subjects {
		switch {
		case sub.want != nil:
		case sub.kind == typeDirectory:
			going[sub.words] = sdk.FileDirectory
		default:
			going[sub.words] = sdk.FileRegular
		}
	}
	return going
}

// subjects are the declared and the recorded objects, each once, a directory
// before what is in it; and of those that moved to another root the new places.
func (s *site) subjects(query sdk.Query) (subjects, moved []subject) {
	known := make(map[[2]string]*reconcile.Resource, len(query.Known))
	for i := range query.Known {
		k := &query.Known[i]
		if k.Mode != reconcile.ModeManaged {
			continue
		}
		known[[2]string{k.Type, k.Name}] = k
	}
	subjects = make([]subject, 0, len(query.Desired)+len(known))
	for i := range query.Desired {
		d := &query.Desired[i]
		sub := subject{kind: d.Type, name: d.Name, words: s.words(d.Name), want: s.declared[d.Name]}
		key := [2]string{d.Type, d.Name}
		if k := known[key]; k != nil {
			// After a change of the root the object still lies at its old place.
			delete(known, key)
			if words := recordedPath(k, sub.words); words != sub.words {
				moved = append(moved, sub)
				sub.words = words
			}
			sub.known = true
		}
		subjects = append(subjects, sub)
	}
	for _, k := range known {
		if k.Type == typeFile || k.Type == typeDirectory {
			subjects = append(subjects, subject{kind: k.Type, name: k.Name, words: recordedPath(k, s.words(k.Name)), known: true})
		}
	}
	slices.SortStableFunc(subjects, func(a, b subject) int { return comparePaths(a.name, b.name) })
	return subjects, moved
}

// recordedPath is where a recorded object lies.
func recordedPath(k *reconcile.Resource, otherwise string) string {
	if words, ok := k.Attributes[attrPath].(string); ok && checkPlace(words) == "" {
		return path.Clean(words)
	}
	return otherwise
}

// look makes the live object of what stands at a path; false where there is
// none of ours.
func (s *site) look(sub subject, info sdk.FileInfo) (reconcile.Resource, bool, error) {
	attrs := map[string]any{attrPath: sub.words}
	if s.session.KnowsModes() {
		attrs[attrMode] = formatMode(info.Mode)
	}
	object := sdk.Object(sub.kind, sub.name, attrs)
	object.ExternalID, object.ParentAddress = sub.words, s.parent(sub.name)
	if !sub.known {
		object.Mode, object.UnmanagedReason = reconcile.ModeUnmanaged, "it was there already"
	}
	switch {
	case info.Kind == sdk.FileNone:
		return object, false, nil
	case info.Kind == sdk.FileRegular && sub.kind == typeFile:
		attrs[attrSHA256], attrs[attrSize] = info.SHA256, info.Size
		return object, true, s.preview(sub, info, attrs)
	case info.Kind == sdk.FileDirectory && sub.kind == typeDirectory:
		return object, true, nil
	case sub.want == nil:
		// Recorded, not declared, and something else by now: it is not ours.
		s.session.Warn(sub.words + " is recorded as a " + sub.kind + " of ours, but " + refused(info, sub.kind) + "; it is left alone and forgotten")
		return object, false, nil
	case info.Kind == sdk.FileDenied && info.Outside && sub.words == s.root:
		root := strconv.Quote(s.body.String("root"))
		return object, false, s.body.Error("root", "the provider is not granted "+root+"; add it to its block: allow { write = ["+root+"] }")
	default:
		return object, false, sub.want.block.Error("", sub.words+": "+refused(info, sub.kind)+"; move it away, or declare something else")
	}
}

// preview adds the content of a small text that is going to change, so that a
// plan can show the lines.
func (s *site) preview(sub subject, info sdk.FileInfo, attrs map[string]any) error {
	if sub.want == nil || sub.want.sha256 == info.SHA256 || sub.want.source != "" || sub.want.binary {
		return nil
	}
	if info.Size > maxPreview || s.previews+int(info.Size) > maxPreviews {
		return nil
	}
	data, err := os.ReadFile(s.session.Path(guestPath(sub.words)))
	if err != nil {
		return sub.want.block.Error("", sub.words+": "+sdk.Reason(err))
	}
	s.previews += len(data)
	if text := string(data); utf8.ValidString(text) && !strings.ContainsRune(text, 0) {
		attrs[attrContent] = text
	}
	return nil
}

// list adds what lies in our directories and is not ours.
func (s *site) list(live []reconcile.Resource, dirs []subject, ours map[string]bool) ([]reconcile.Resource, error) {
	l := lister{site: s, ours: ours, stay: map[string]bool{}, seen: map[string]bool{}}
	// Inner directories first: one that stays keeps the one around it.
	for _, dir := range slices.Backward(dirs) {
		l.directory(dir)
	}
	live = slices.DeleteFunc(live, func(r reconcile.Resource) bool {
		return r.Type == typeDirectory && l.stay[r.ExternalID]
	})
	if l.more > 0 {
		s.session.Warn("below " + s.root + " there are " + strconv.Itoa(l.more) + " more files and directories that are not ours")
	}
	return append(live, l.foreign...), nil
}

// lister lists our directories.
type lister struct {
	site *site
	// ours are the paths of all objects of ours, in words.
	ours map[string]bool
	// stay are the directories at an old root that cannot become empty. They
	// are left out of what is live, and so forgotten.
	stay    map[string]bool
	foreign []reconcile.Resource
	seen    map[string]bool
	more    int
}

func (l *lister) directory(dir subject) {
	session := l.site.session
	moved := dir.words != l.site.words(dir.name)
	entries, err := os.ReadDir(session.Path(guestPath(dir.words)))
	if err != nil {
		session.Warn(dir.words + " cannot be listed: " + sdk.Reason(err))
		l.stay[dir.words] = moved
		return
	}
	strangers := 0
	for _, entry := range entries {
		words := path.Join(dir.words, entry.Name())
		if l.ours[words] && !l.stay[words] {
			continue
		}
		strangers++
		if !moved {
			l.stranger(dir, entry, strangers)
		}
	}
	if moved && strangers > 0 {
		l.stay[dir.words] = true
		session.Warn(dir.words + " belonged to this resource; it holds files that are not ours, so it stays and is forgotten")
	}
}

// stranger reports an entry that is not ours. At least one of each directory is
// reported, so that the host does not plan to remove it.
func (l *lister) stranger(dir subject, entry os.DirEntry, count int) {
	if len(l.foreign) >= maxUnmanaged && count > 1 {
		l.more++
		return
	}
	name := path.Join(dir.name, visible(entry.Name()))
	if l.seen[name] || l.site.declared[name] != nil {
		return
	}
	l.seen[name] = true
	kind := typeFile
	if entry.IsDir() {
		kind = typeDirectory
	}
	object := sdk.Unmanaged(kind, name, "not declared", map[string]any{attrPath: l.site.words(name)})
	object.ParentAddress, object.ExternalID = l.site.parent(name), l.site.words(name)
	l.foreign = append(l.foreign, object)
}
