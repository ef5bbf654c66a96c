package main

import (
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxName is the longest name of one file that common file systems take.
const maxName = 255

// maxPath is the longest path.
const maxPath = 4096

// checkName says why a path below the root is refused; empty if it is not.
func checkName(name string) string {
	switch {
	case name == "":
		return "the path is empty"
	case !utf8.ValidString(name):
		return "the path is not UTF-8"
	case strings.HasPrefix(name, "/"):
		return "the path is absolute; it has to be relative to the root"
	case strings.ContainsRune(name, 0):
		return "the path holds a NUL character"
	case len(name) > maxPath:
		return "the path is longer than " + strconv.Itoa(maxPath) + " bytes"
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return "the path leaves the root with \"..\""
		case part == "." || part == "":
			return "the path is not in its shortest form; write " + strconv.Quote(path.Clean(name))
		case len(part) > maxName:
			return "a name in the path is longer than " + strconv.Itoa(maxName) + " bytes"
		}
	}
	return ""
}

// checkVisible says why a path below the root is refused as the name of an
// object: people read it in plans, and the host takes no name that they cannot
// read.
func checkVisible(name string) string {
	switch {
	case strings.ContainsRune(name, '\\'):
		return "the path holds a backslash, which other systems take for a separator; rename it"
	case visible(name) != name:
		return "the path holds a character that cannot be seen; rename it"
	default:
		return ""
	}
}

// visible is a name as it is shown, as ls does: each character that cannot be
// seen becomes a question mark.
func visible(name string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}

// checkPlace says why a root, a source or the like is refused. A relative one
// may not leave the module's directory; it has to be written as absolute then.
func checkPlace(place string) string {
	switch clean := path.Clean(place); {
	case place == "":
		return "the path is empty"
	case !utf8.ValidString(place):
		return "the path is not UTF-8"
	case strings.ContainsRune(place, 0):
		return "the path holds a NUL character"
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "the path leaves the module's directory; write it as an absolute path and grant that"
	default:
		return ""
	}
}

// guestPath is where the sandbox shows a path in the words of the grant.
func guestPath(words string) string { return path.Clean("/" + words) }

// parseMode reads a mode in octal.
func parseMode(text string) (int, string) {
	v, err := strconv.ParseUint(text, 8, 16)
	switch {
	case err != nil || len(text) < 3 || len(text) > 4:
		return 0, "the mode " + strconv.Quote(text) + " is not three octal digits, such as \"0644\""
	case v > 0o777:
		return 0, "the mode " + strconv.Quote(text) + " has setuid, setgid or sticky bits, which are refused"
	default:
		return int(v), ""
	}
}

// formatMode writes a mode with four octal digits.
func formatMode(mode int) string {
	text := strconv.FormatInt(int64(mode), 8)
	return strings.Repeat("0", max(0, 4-len(text))) + text
}

// parents yields the directories above a path below the root, the root first as
// ".".
func parents(name string) []string {
	list := []string{"."}
	for i, c := range name {
		if c == '/' {
			list = append(list, name[:i])
		}
	}
	return list
}

// match reports whether a path matches a pattern: ** spans directories, the
// rest is [path.Match] within each name.
func match(pattern, name string) bool {
	return matchParts(strings.Split(pattern, "/"), strings.Split(name, "/"))
}

func matchParts(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for len(pattern) > 1 && pattern[1] == "**" {
				pattern = pattern[1:]
			}
			return matchDeep(pattern[1:], name)
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}

// matchDeep matches what follows a **, which stands for any number of names.
func matchDeep(pattern, name []string) bool {
	if len(pattern) == 0 {
		return len(name) > 0
	}
	for i := range len(name) + 1 {
		if matchParts(pattern, name[i:]) {
			return true
		}
	}
	return false
}

// checkPattern says why a pattern is refused.
func checkPattern(pattern string) string {
	if strings.Count(pattern, "**") > 4 {
		return "the pattern has more than four \"**\""
	}
	for part := range strings.SplitSeq(pattern, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return "the pattern " + strconv.Quote(pattern) + " is malformed"
		}
		if strings.Contains(part, "**") && part != "**" {
			return "in the pattern " + strconv.Quote(pattern) + " the ** stands beside other characters; it is a whole name"
		}
	}
	return ""
}
