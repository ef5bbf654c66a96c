package main

import (
	"context"
	"encoding/base64"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/cogplan/cogplan/sdk"
)

// What is larger does not belong into a module: source copies it.
const (
	maxExported    = 256 << 10
	maxAllExported = 16 << 20
)

// The modes that files and directories get where none is declared.
const (
	usualFileMode      = 0o644
	usualDirectoryMode = 0o755
)

// exporter walks through everything below the root.
type exporter struct {
	site               *site
	files, directories map[string]any
	bytes              int64
}

// Export declares every file below the root with its content, and the directories
// that are empty or have a mode of their own.
func (s *site) Export(context.Context) (map[string]any, error) {
	e := &exporter{site: s, files: map[string]any{}, directories: map[string]any{}}
	if err := e.directory("."); err != nil {
		return nil, err
	}
	return map[string]any{"root": s.body.String("root"), "file": e.files, "directory": e.directories}, nil
}

func (e *exporter) directory(name string) error {
	s := e.site
	entries, err := os.ReadDir(s.session.Path(guestPath(s.words(name))))
	switch {
	case os.IsNotExist(err):
		return nil
	case err != nil:
		return s.body.Error("root", s.words(name)+": "+sdk.Reason(err))
	}
	names, words := make([]string, len(entries)), make([]string, len(entries)+1)
	for i, entry := range entries {
		names[i] = path.Join(name, entry.Name())
		words[i] = guestPath(s.words(names[i]))
	}
	words[len(entries)] = guestPath(s.words(name))
	infos, err := s.session.Stat(words, false)
	if err != nil {
		return err
	}
	if own := e.mode(infos[len(entries)], usualDirectoryMode); name != "." && (own != nil || len(entries) == 0) {
		e.directories[name] = own
		if own == nil {
			e.directories[name] = map[string]any{}
		}
	}
	for i, info := range infos[:len(entries)] {
		if err := e.entry(names[i], info); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) entry(name string, info sdk.FileInfo) error {
	words := e.site.words(name)
	switch {
	case visible(name) != name:
		e.skip(words, "its name has characters that cannot be seen")
	case info.Kind == sdk.FileDirectory:
		return e.directory(name)
	case info.Kind != sdk.FileRegular:
		e.skip(words, "it is neither a file nor a directory")
	case info.Size > maxExported || e.bytes+info.Size > maxAllExported:
		e.skip(words, "it is too large to stand in a module; declare it with source")
	default:
		return e.file(name, info)
	}
	return nil
}

func (e *exporter) skip(words, why string) {
	e.site.session.Warn(words + " is left out: " + why)
}

func (e *exporter) file(name string, info sdk.FileInfo) error {
	s := e.site
	data, err := os.ReadFile(s.session.Path(guestPath(s.words(name))))
	if err != nil {
		e.skip(s.words(name), sdk.Reason(err))
		return nil
	}
	e.bytes += int64(len(data))
	block := e.mode(info, usualFileMode)
	if block == nil {
		block = map[string]any{}
	}
	if text := string(data); utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !stable(r) }) {
		block[attrContent] = text
	} else {
		block[attrBase64] = base64.StdEncoding.EncodeToString(data)
	}
	e.files[name] = block
	return nil
}

// stable are the characters that HCL, which keeps texts in the normal form C of
// Unicode, leaves as they are wherever they stand, from and to: without marks that
// combine, and without those that have another form. There are more; of what is
// not here, base64 is always right.
func stable(r rune) bool {
	for _, block := range [][2]rune{
		{1, 0x2ff},         // Latin
		{0x386, 0x386},     // Greek
		{0x388, 0x482},     // Greek, Cyrillic
		{0x2002, 0x20cf},   // punctuation, currencies
		{0x2190, 0x2328},   // arrows, mathematics
		{0x2400, 0x2ad9},   // boxes, signs
		{0x3001, 0x3029},   // punctuation
		{0x3030, 0x3098},   // Hiragana
		{0x30a0, 0x30ff},   // Katakana
		{0x4e00, 0x9fff},   // CJK
		{0xac00, 0xd7a3},   // Hangul
		{0x1f300, 0x1faff}, // pictures
	} {
		if r >= block[0] && r <= block[1] {
			return true
		}
	}
	return false
}

// mode is the argument for a mode that is not the usual one; nil for none.
func (e *exporter) mode(info sdk.FileInfo, usual int) map[string]any {
	if !e.site.session.KnowsModes() || info.Mode == usual {
		return nil
	}
	return map[string]any{attrMode: formatMode(info.Mode)}
}
