// Package jsonvalue reads and writes JSON as the values that objects and
// configurations are made of: nil, bool, int64, float64, string, []any and
// map[string]any. It is small enough for a guest, where encoding/json and the
// reflection that it needs would double the size.
//
// It refuses what is no JSON, bytes behind the value, and values nested more
// than 100 deep.
package jsonvalue

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxDepth = 100

// Parse reads one JSON value. A number without fraction that fits is an int64.
// Of a key that stands twice the last one counts.
func Parse(data []byte) (any, error) {
	p := parser{data: string(data)}
	p.space()
	v := p.value(0)
	p.space()
	if p.err == nil && p.pos < len(p.data) {
		p.fail("something follows the value")
	}
	return v, p.err
}

type parser struct {
	data string
	pos  int
	err  error
}

func (p *parser) fail(text string) {
	if p.err == nil {
		p.err = errors.New("no JSON: " + text + " (byte " + strconv.Itoa(p.pos) + ")")
	}
}

func (p *parser) space() {
	for p.pos < len(p.data) && strings.IndexByte(" \t\r\n", p.data[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) peek() byte {
	if p.err == nil && p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *parser) eat(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.pos++
	return true
}

func (p *parser) value(depth int) any {
	if depth > maxDepth {
		p.fail("values nested too deeply")
		return nil
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.text()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for word, v := range map[string]any{"null": nil, "true": true, "false": false} {
		if p.err == nil && strings.HasPrefix(p.data[p.pos:], word) {
			p.pos += len(word)
			return v
		}
	}
	p.fail("a value is missing")
	return nil
}

func (p *parser) object(depth int) map[string]any {
	out := map[string]any{}
	p.pos++
	p.space()
	if p.eat('}') {
		return out
	}
	for p.err == nil {
		p.space()
		if p.peek() != '"' {
			p.fail("a key is missing")
			return nil
		}
		key := p.text()
		p.space()
		if !p.eat(':') {
			p.fail("a colon is missing")
			return nil
		}
		p.space()
		out[key] = p.value(depth + 1)
		p.space()
		if p.eat('}') {
			return out
		}
		if !p.eat(',') {
			p.fail("a comma is missing")
		}
	}
	return nil
}

func (p *parser) array(depth int) []any {
	out := []any{}
	p.pos++
	p.space()
	if p.eat(']') {
		return out
	}
	for p.err == nil {
		p.space()
		out = append(out, p.value(depth+1))
		p.space()
		if p.eat(']') {
			return out
		}
		if !p.eat(',') {
			p.fail("a comma is missing")
		}
	}
	return nil
}

func (p *parser) number() any {
	from := p.pos
	p.eat('-')
	digits := p.digits()
	whole := true
	if digits > 0 && p.eat('.') {
		whole = false
		digits = p.digits()
	}
	if digits > 0 && (p.eat('e') || p.eat('E')) {
		whole = false
		_ = p.eat('+') || p.eat('-')
		digits = p.digits()
	}
	if digits <= 0 || zeroLed(p.data[from:p.pos]) {
		p.fail("a number that is none")
		return nil
	}
	return p.numberOf(p.data[from:p.pos], whole)
}

// digits skips digits and counts them.
func (p *parser) digits() int {
	from := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos - from
}

// zeroLed tells 01 from 0, 0.1 and 0e1.
func zeroLed(text string) bool {
	text = strings.TrimPrefix(text, "-")
	return len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9'
}

func (p *parser) numberOf(text string, whole bool) any {
	if whole {
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			return v
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.fail("a number that is too large")
		return nil
	}
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return int64(v)
	}
	return v
}

func (p *parser) text() string {
	p.pos++
	from := p.pos
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return strings.ToValidUTF8(p.data[from:p.pos-1], "\uFFFD")
		case c == '\\':
			return p.escaped(from)
		case c < ' ':
			p.fail("a control character in a string")
			return ""
		default:
			p.pos++
		}
	}
	p.fail("a string does not end")
	return ""
}

// escaped goes on with a string at its first escape.
func (p *parser) escaped(from int) string {
	var b strings.Builder
	b.WriteString(p.data[from:p.pos])
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		p.pos++
		switch {
		case c == '"':
			return strings.ToValidUTF8(b.String(), "\uFFFD")
		case c == '\\':
			p.escape(&b)
		case c < ' ':
			p.fail("a control character in a string")
		default:
			b.WriteByte(c)
		}
		if p.err != nil {
			return ""
		}
	}
	p.fail("a string does not end")
	return ""
}

func (p *parser) escape(b *strings.Builder) {
	c := p.peek()
	p.pos++
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(from, c); i >= 0 && c != 0 {
		b.WriteByte(to[i])
		return
	}
	if c != 'u' {
		p.fail("an unknown escape")
		return
	}
	r := p.hex()
	if r >= 0xd800 && r < 0xdc00 && strings.HasPrefix(p.data[p.pos:], `\u`) {
		before := p.pos
		p.pos += 2
		if low := p.hex(); low >= 0xdc00 && low < 0xe000 {
			b.WriteRune((r-0xd800)<<10 + (low - 0xdc00) + 0x10000)
			return
		}
		p.pos = before
	}
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	b.WriteRune(r)
}

func (p *parser) hex() rune {
	if p.pos+4 > len(p.data) {
		p.fail("an escape that ends early")
		p.pos = len(p.data)
		return 0
	}
	v, err := strconv.ParseUint(p.data[p.pos:p.pos+4], 16, 16)
	if err != nil {
		p.fail("an escape that is none")
	}
	p.pos += 4
	return rune(v)
}

// Append writes a value as JSON, with the keys of objects in order.
func Append(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return b, errors.New("a number that is not finite")
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	case string:
		return appendText(b, v), nil
	case []any:
		return appendArray(b, v)
	case map[string]any:
		return appendObject(b, v)
	default:
		return b, errors.New("a value that JSON does not have")
	}
}

func appendArray(b []byte, list []any) ([]byte, error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = Append(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendObject(b []byte, m map[string]any) ([]byte, error) {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key), ':')
		var err error
		if b, err = Append(b, m[key]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, `\u00`...)
			b = append(b, digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
