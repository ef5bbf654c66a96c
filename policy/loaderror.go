package policy

import (
	"strconv"
	"strings"
)

// LoadError lists the mistakes that were found in policies and their settings.
type LoadError struct {
	Mistakes []Mistake
}

// Mistake is one thing that is wrong with a policy.
type Mistake struct {
	// File, Line and Column say where; they may be empty, and count from 1.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Problem says what is wrong.
	Problem string `json:"problem"`
	// Remedy says what to do; it may be empty.
	Remedy string `json:"remedy,omitempty"`
}

// String is the mistake on one line: "file:line:column: problem; remedy".
func (m Mistake) String() string {
	var b strings.Builder
	if m.File != "" {
		b.WriteString(m.File)
		if m.Line > 0 {
			b.WriteString(":" + strconv.Itoa(m.Line))
		}
		if m.Line > 0 && m.Column > 0 {
			b.WriteString(":" + strconv.Itoa(m.Column))
		}
		b.WriteString(": ")
	}
	b.WriteString(m.Problem)
	if m.Remedy != "" {
		b.WriteString("; " + m.Remedy)
	}
	return b.String()
}

// Error is all mistakes, one on a line.
func (e *LoadError) Error() string {
	lines := make([]string, 0, len(e.Mistakes)+1)
	lines = append(lines, "load policies:")
	for _, m := range e.Mistakes {
		lines = append(lines, "  "+m.String())
	}
	return strings.Join(lines, "\n")
}
