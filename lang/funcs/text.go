package funcs

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

func textFunctions(b *bounds.Budget) map[string]function.Function {
	return map[string]function.Function{
		"chomp":      stdlib.ChompFunc,
		"endswith":   testFunc(func(a []string) (bool, error) { return strings.HasSuffix(a[0], a[1]), nil }, "str", "suffix"),
		"format":     limited(stdlib.FormatFunc, formatSize(b)),
		"formatlist": limited(stdlib.FormatListFunc, formatSize(b)),
		"indent":     limited(stdlib.IndentFunc, indentSize(b)),
		"join":       limited(stdlib.JoinFunc, joinSize(b)),
		"lower":      stdlib.LowerFunc,
		"regex":      stdlib.RegexFunc,
		"regexall":   limited(stdlib.RegexAllFunc, regexAllCount(b)),
		"replace":    replaceFunc(b),
		"split":      limited(stdlib.SplitFunc, splitCount(b)),
		"startswith": testFunc(func(a []string) (bool, error) { return strings.HasPrefix(a[0], a[1]), nil }, "str", "prefix"),
		"strcontains": testFunc(
			func(a []string) (bool, error) { return strings.Contains(a[0], a[1]), nil }, "str", "substr"),
		"strrev":     stdlib.ReverseFunc,
		"substr":     stdlib.SubstrFunc,
		"title":      stdlib.TitleFunc,
		"trim":       stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc,
		"trimspace":  stdlib.TrimSpaceFunc,
		"trimsuffix": stdlib.TrimSuffixFunc,
		"upper":      stdlib.UpperFunc,
	}
}

// maxFieldWidth is the largest width or precision in a format string.
const maxFieldWidth = 4096

var formatDirective = regexp.MustCompile(`%[^%a-zA-Z]*`)

// formatSize estimates what format and formatlist would write: each argument
// once, or once for each directive where directives name their arguments.
func formatSize(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		format, ok := text(args[0])
		if !ok {
			return nil // formatlist may get a list of formats; the result is then bounded by its length
		}
		verbs, width, err := directives(format)
		if err != nil {
			return err
		}
		times := int64(1)
		if strings.Contains(format, "[") {
			times = max(verbs, 1)
		}
		rows := int64(1)
		for _, arg := range args[1:] {
			rows = max(rows, count(arg))
		}
		size := rows * (int64(len(format)) + width)
		for _, arg := range args[1:] {
			n := b.TextSize(arg) * times
			if count(arg) == 0 {
				n *= rows
			}
			if size += n; size > b.Limits().Value {
				break
			}
		}
		return b.Fits(size)
	}
}

func directives(format string) (verbs, width int64, err error) {
	for _, d := range formatDirective.FindAllString(format, -1) {
		verbs++
		for _, digits := range strings.FieldsFunc(d, func(r rune) bool { return r < '0' || r > '9' }) {
			n, err := strconv.Atoi(digits)
			if err != nil || n > maxFieldWidth {
				return 0, 0, function.NewArgErrorf(0, "the width or precision %s is larger than the limit of %d", clip(digits), maxFieldWidth)
			}
			width += int64(n)
		}
	}
	return verbs, width, nil
}

// clip shortens text that goes into a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func indentSize(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		spaces, _ := args[0].AsBigFloat().Int64()
		if spaces < 0 {
			return function.NewArgErrorf(0, "the number of spaces must not be negative")
		}
		if spaces > maxFieldWidth {
			return function.NewArgErrorf(0, "an indentation of %d spaces is larger than the limit of %d", spaces, maxFieldWidth)
		}
		s := args[1].AsString()
		return b.Fits(int64(len(s)) + spaces*int64(strings.Count(s, "\n")))
	}
}

func joinSize(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		sep, _ := text(args[0])
		var size int64
		for _, list := range args[1:] {
			size += b.TextSize(list) + count(list)*int64(len(sep))
			if size > b.Limits().Value {
				break
			}
		}
		return b.Fits(size)
	}
}

func splitCount(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		sep, str := args[0].AsString(), args[1].AsString()
		return b.Count(int64(strings.Count(str, sep)), "parts")
	}
}

func regexAllCount(b *bounds.Budget) func([]cty.Value) error {
	return func(args []cty.Value) error {
		re, err := regexp.Compile(args[0].AsString())
		if err != nil {
			return nil //nolint:nilerr // the function itself says what is wrong with the pattern
		}
		str := args[1].AsString()
		if int64(len(str)) < b.Limits().Items {
			return nil
		}
		most := int(b.Limits().Items) + 1
		return b.Count(int64(len(re.FindAllStringIndex(str, most))), "matches")
	}
}

// replaceFunc replaces a substring, or what matches a pattern written as
// /pattern/.
func replaceFunc(b *bounds.Budget) function.Function {
	return textFunc(func(a []string) (string, error) {
		str, substr, repl := a[0], a[1], a[2]
		if len(substr) > 1 && strings.HasPrefix(substr, "/") && strings.HasSuffix(substr, "/") {
			return replacePattern(b, str, substr[1:len(substr)-1], repl)
		}
		growth := int64(strings.Count(str, substr)) * int64(len(repl)-len(substr))
		if err := b.Fits(int64(len(str)) + growth); err != nil {
			return "", err
		}
		return strings.ReplaceAll(str, substr, repl), nil
	}, "str", "substr", "replace")
}

func replacePattern(b *bounds.Budget, str, pattern, repl string) (string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", function.NewArgErrorf(1, "the pattern /%s/ is not valid: %s", clip(pattern), err)
	}
	// Matches do not overlap, so each $ of the replacement adds at most str once.
	size := int64(len(str)) * int64(1+strings.Count(repl, "$"))
	if room := b.Limits().Value - size; int64(len(repl))*int64(len(str)+1) > room {
		most := int(max(room, 0)/int64(len(repl))) + 1
		size += int64(len(re.FindAllStringIndex(str, most))) * int64(len(repl))
	}
	if err := b.Fits(size); err != nil {
		return "", err
	}
	return re.ReplaceAllString(str, repl), nil
}
