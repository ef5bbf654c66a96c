package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Value writes a native value on one line, as an author of HCL would.
func Value(v any) string {
	var out strings.Builder
	writeValue(&out, v)
	return out.String()
}

func writeValue(out *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		out.WriteString("null")
	case string:
		out.WriteString(quote(v))
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case float64:
		out.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	case json.Number:
		out.WriteString(Escape(v.String()))
	case []any:
		writeList(out, v)
	case map[string]any:
		writeMap(out, v)
	default:
		out.WriteString(Escape(fmt.Sprint(v)))
	}
}

func writeList(out *strings.Builder, list []any) {
	out.WriteByte('[')
	for i, item := range list {
		if i > 0 {
			out.WriteString(", ")
		}
		writeValue(out, item)
	}
	out.WriteByte(']')
}

func writeMap(out *strings.Builder, m map[string]any) {
	if len(m) == 0 {
		out.WriteString("{}")
		return
	}
	out.WriteString("{ ")
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(key1(key) + " = ")
		writeValue(out, m[key])
	}
	out.WriteString(" }")
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func key1(key string) string {
	if identifier.MatchString(key) {
		return key
	}
	return quote(key)
}

// quote is a string as HCL writes it, with nothing in it that does not print.
func quote(text string) string {
	if !strings.ContainsAny(text, "\\\"\n\t\r") {
		return `"` + Escape(text) + `"`
	}
	var out strings.Builder
	out.Grow(len(text) + 16)
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\', '"':
			out.WriteByte('\\')
			out.WriteByte(c)
		case '\n':
			out.WriteString(`\n`)
		case '\t':
			out.WriteString(`\t`)
		case '\r':
			out.WriteString(`\r`)
		default:
			out.WriteByte(c)
		}
	}
	return `"` + Escape(out.String()) + `"`
}
