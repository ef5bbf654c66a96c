package lang

import (
	"bytes"
	"encoding/json"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// longestPlain is how long a JSON string may be before it is looked into: what
// is shorter cannot nest too deep.
const longestPlain = 1_000

// checkJSON refuses nesting that the recursion of the JSON parser, and of the
// template parser for the strings inside, could not bear.
func checkJSON(src []byte, name string) hcl.Diagnostics {
	const deepest = 1_000
	depth := 0
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '"':
			end := stringEnd(src, i)
			if diags := checkJSONString(src[i:end], name); diags.HasErrors() {
				at := bytePlace(src, name, i)
				return hcl.Diagnostics{mistake(at, diags[0].Summary, "%s", diags[0].Detail)}
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > deepest {
			return hcl.Diagnostics{mistake(bytePlace(src, name, i), "Nesting too deep", "Brackets nest more than %d levels deep here.", deepest)}
		}
	}
	return nil
}

// stringEnd is the index after the string that starts at an index.
func stringEnd(src []byte, start int) int {
	for i := start + 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// checkJSONString looks into a string that is a template.
func checkJSONString(quoted []byte, name string) hcl.Diagnostics {
	if len(quoted) < longestPlain || !bytes.Contains(quoted, []byte("${")) && !bytes.Contains(quoted, []byte("%{")) {
		return nil
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil //nolint:nilerr // the parser says what is wrong
	}
	return bounds.Template([]byte(text), name)
}

// bytePlace is the place of one byte. Only mistakes need it, so it may be slow.
func bytePlace(src []byte, name string, i int) hcl.Range {
	line := bytes.Count(src[:i], []byte("\n")) + 1
	column := len([]rune(string(src[bytes.LastIndexByte(src[:i], '\n')+1:i]))) + 1
	start := hcl.Pos{Line: line, Column: column, Byte: i}
	end := hcl.Pos{Line: line, Column: column + 1, Byte: i + 1}
	return hcl.Range{Filename: name, Start: start, End: end}
}
