package worker

import (
	"bytes"
	"io"
	"strings"

	"github.com/cogplan/cogplan/runtime/wasm/abi"
)

const (
	// maxLine is the longest line that is passed on; what is longer is cut.
	maxLine = 4 << 10
	// maxLast is how much of stderr is kept to say why a guest died.
	maxLast = 4 << 10
)

// logs collects what an instance writes, line by line, up to its limit. What
// is beyond costs nothing but the guest's time.
type logs struct {
	left    int64
	cut     bool
	send    func(level byte, line []byte)
	streams []*stream
	last    []byte
}

type stream struct {
	logs  *logs
	level byte
	buf   []byte
}

func (l *logs) stream(level byte) io.Writer {
	s := &stream{logs: l, level: level}
	l.streams = append(l.streams, s)
	return s
}

// line passes one line on.
func (l *logs) line(level byte, line []byte) {
	if l.left <= 0 {
		if !l.cut {
			l.cut = true
			l.send(byte(abi.LogWarn), []byte("the provider logs more than its limit; the rest is dropped"))
		}
		return
	}
	line = line[:min(len(line), maxLine)]
	l.left -= int64(len(line)) + 1
	l.send(min(level, byte(abi.LogError)), line)
}

// flush passes on what has no end of line yet.
func (l *logs) flush() {
	for _, s := range l.streams {
		if len(s.buf) > 0 {
			l.line(s.level, s.buf)
			s.buf = s.buf[:0]
		}
	}
}

// Write never fails: a guest learns nothing from its log.
func (s *stream) Write(p []byte) (int, error) {
	n := len(p)
	if s.level == byte(abi.LogWarn) && isReason(p) {
		s.logs.last = s.logs.last[:0] // what was said before explains nothing
	}
	if s.level == byte(abi.LogWarn) && len(s.logs.last) < maxLast {
		s.logs.last = append(s.logs.last, p[:min(len(p), maxLast-len(s.logs.last))]...)
	}
	for len(p) > 0 && (s.logs.left > 0 || !s.logs.cut) {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(s.buf); room > 0 {
			s.buf = append(s.buf, line[:min(len(line), room)]...)
		}
		if found {
			s.logs.line(s.level, s.buf)
			s.buf = s.buf[:0]
		}
		p = rest
	}
	return n, nil
}

// isReason reports whether the Go runtime says why it ends the program.
func isReason(text []byte) bool {
	return bytes.HasPrefix(text, []byte("panic: ")) || bytes.HasPrefix(text, []byte("fatal error: "))
}

// lastWords is the line of stderr that says why the guest died.
func (l *logs) lastWords() string {
	first := ""
	for line := range strings.Lines(string(l.last)) {
		line = strings.TrimSpace(line)
		if isReason([]byte(line)) {
			return line
		}
		if first == "" {
			first = line
		}
	}
	return first
}
