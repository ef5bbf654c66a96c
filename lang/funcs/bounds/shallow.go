package bounds

import "bytes"

// shallow reports whether src is surely not nested too deep. It reads lines
// without building tokens, which is many times faster, and says no whenever it
// is not sure: then the tokens are counted.
func shallow(src []byte) bool {
	if bytes.Contains(src, []byte("<<")) || bytes.Contains(src, []byte("/*")) {
		return false // what follows may not be source, over several lines
	}
	var s shallowScan
	for line := range bytes.Lines(src) {
		if !s.line(line) {
			return false
		}
	}
	return true
}

// shallowScan is where the scan stands at the start of a line: outside of
// every string.
type shallowScan struct {
	// round counts open parentheses and square brackets, curly the others.
	round, curly int
	// operators since the last line end that ends an expression.
	operators int
	// inside holds, for each open string and interpolation of the line, what
	// opened it: a quote or a brace.
	inside []byte
}

func (s *shallowScan) line(line []byte) bool {
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case s.inString():
			i += s.stringByte(c, line[i+1:])
		case c == '#', c == '/' && i+1 < len(line) && line[i+1] == '/':
			i = len(line) // a comment
		default:
			s.sourceByte(c)
		}
		if s.round+s.curly+s.operators+len(s.inside) > maxDepth {
			return false
		}
	}
	if s.round == 0 {
		s.operators = 0
	}
	return len(s.inside) == 0
}

func (s *shallowScan) inString() bool {
	return len(s.inside) > 0 && s.inside[len(s.inside)-1] == '"'
}

// stringByte reads one byte of a string and says how many more to skip.
func (s *shallowScan) stringByte(c byte, rest []byte) int {
	switch {
	case c == '\\':
		return 1
	case c == '"':
		s.inside = s.inside[:len(s.inside)-1]
	case (c == '$' || c == '%') && len(rest) > 0 && rest[0] == c && len(rest) > 1 && rest[1] == '{':
		return 2 // escaped: $${
	case (c == '$' || c == '%') && len(rest) > 0 && rest[0] == '{':
		s.inside = append(s.inside, '{')
		s.operators++ // a directive stays open until its end
		return 1
	}
	return 0
}

func (s *shallowScan) sourceByte(c byte) {
	switch c {
	case '"':
		s.inside = append(s.inside, '"')
		s.operators++
	case '(', '[':
		s.round++
		s.operators++
	case ')', ']':
		s.round = max(0, s.round-1)
	case '{':
		if len(s.inside) > 0 {
			s.inside = append(s.inside, '{')
		} else {
			s.curly++
		}
		s.operators++
	case '}':
		if len(s.inside) > 0 {
			s.inside = s.inside[:len(s.inside)-1]
		} else {
			s.curly = max(0, s.curly-1)
		}
	case '+', '-', '*', '/', '%', '!', '?', ':', '<', '>', '=', '&', '|':
		s.operators++
	}
}
