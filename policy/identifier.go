package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// identifierProblem says why a name could be taken for another one; empty where
// it could not. Names in any one script are welcome, marks and all.
func identifierProblem(name string) string {
	if plainASCII(name) {
		return ""
	}
	if !utf8.ValidString(name) {
		return "is not UTF-8"
	}
	for _, r := range name {
		switch {
		case r == '\u00a0', r != ' ' && unicode.In(r, unicode.Z):
			return "holds a space that is no plain space"
		case unicode.In(r, unicode.C), r == utf8.RuneError, r == '\u3164', r == '\u115f', r == '\u1160', r == '\uffa0', r == '\u2800':
			return "holds a character that cannot be seen"
		case unicode.In(r, unicode.Variation_Selector), r >= 0xff00 && r <= 0xffef, r >= 0x1d400 && r <= 0x1d7ff, r >= 0x2100 && r <= 0x214f:
			return "holds a character that is drawn like another one"
		}
	}
	if mixesScripts(name) {
		return "mixes letters of several scripts in one word"
	}
	return ""
}

func plainASCII(name string) bool {
	for i := range len(name) {
		if name[i] < 0x20 || name[i] > 0x7e {
			return false
		}
	}
	return true
}

// alikeScripts have letters that are drawn as Latin ones are.
func scriptOf(r rune) string {
	switch {
	case unicode.Is(unicode.Latin, r):
		return "Latin"
	case unicode.Is(unicode.Cyrillic, r):
		return "Cyrillic"
	case unicode.Is(unicode.Greek, r):
		return "Greek"
	case unicode.In(r, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu, unicode.Deseret, unicode.Osage):
		return "other"
	default:
		return ""
	}
}

func mixesScripts(name string) bool {
	script := ""
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
			script = ""
			continue
		}
		s := scriptOf(r)
		if s == "" {
			continue
		}
		if script != "" && s != script {
			return true
		}
		script = s
	}
	return false
}

// skeleton is the name with letters replaced by the Latin ones they are drawn
// as: two names with one skeleton cannot be told apart.
func skeleton(name string) string {
	if plainASCII(name) {
		return name
	}
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(lookAlikes, r); i >= 0 {
			return rune(latinOf[utf8.RuneCountInString(lookAlikes[:i])])
		}
		return r
	}, name)
}

// Each look-alike stands where its Latin letter stands below.
const (
	lookAlikes = "аеорсухіјѕһԁԛԝҽɡАВЕКМНОРСТУХІЈЅԌΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιαρκυɑıհոսօցᏟᎪᎢ"
	latinOf    = "aeopcyxijshdqwegABEKMHOPCTYXIJSGABEZHIKMNOPTYXoviapkuaihnuogCAT"
)
