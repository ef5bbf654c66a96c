package render

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Validation is the JSON of validate, in the shape of `terraform validate
// -json`, so that editors and actions that read that understand it.
type Validation struct {
	FormatVersion string               `json:"format_version"`
	Valid         bool                 `json:"valid"`
	ErrorCount    int                  `json:"error_count"`
	WarningCount  int                  `json:"warning_count"`
	Diagnostics   []DiagnosticDocument `json:"diagnostics"`
}

// DiagnosticDocument is one diagnostic, in the shape of terraform's.
type DiagnosticDocument struct {
	Severity Severity         `json:"severity"`
	Summary  string           `json:"summary"`
	Detail   string           `json:"detail"`
	Address  string           `json:"address,omitempty"`
	Range    *RangeDocument   `json:"range,omitempty"`
	Snippet  *SnippetDocument `json:"snippet,omitempty"`
}

// RangeDocument is a place in a file. Lines and columns count from 1, bytes
// from 0.
type RangeDocument struct {
	Filename string           `json:"filename"`
	Start    PositionDocument `json:"start"`
	End      PositionDocument `json:"end"`
}

// PositionDocument is one end of a range.
type PositionDocument struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// SnippetDocument is the source that a diagnostic is about. The offsets count
// bytes from the start of the code.
type SnippetDocument struct {
	Context              *string         `json:"context"`
	Code                 string          `json:"code"`
	StartLine            int             `json:"start_line"`
	HighlightStartOffset int             `json:"highlight_start_offset"`
	HighlightEndOffset   int             `json:"highlight_end_offset"`
	Values               []ValueDocument `json:"values"`
}

// ValueDocument tells the value of a variable in an expression that failed.
type ValueDocument struct {
	// Traversal is the variable as it stands in the expression.
	Traversal string `json:"traversal"`
	// Statement continues the sentence: "is null", "is 4".
	Statement string `json:"statement"`
}

// NewValidation makes the document of messages.
func NewValidation(messages []Message, sources Sources) Validation {
	return Validation{
		FormatVersion: FormatVersion,
		Valid:         !HasErrors(messages),
		ErrorCount:    Count(messages, SeverityError),
		WarningCount:  Count(messages, SeverityWarning),
		Diagnostics:   Diagnostics(messages, sources),
	}
}

// Diagnostics are messages, for a document. It is never nil.
func Diagnostics(messages []Message, sources Sources) []DiagnosticDocument {
	out := make([]DiagnosticDocument, 0, len(messages))
	for i := range messages {
		m := &messages[i]
		doc := DiagnosticDocument{Severity: m.Severity, Summary: m.Summary, Detail: m.Detail, Address: m.Address}
		if m.Range != nil {
			doc.Range = rangeDocument(m.Range)
			doc.Snippet = snippetDocument(m, sources)
		}
		out = append(out, doc)
	}
	return out
}

func rangeDocument(rng *hcl.Range) *RangeDocument {
	return &RangeDocument{
		Filename: rng.Filename,
		Start:    PositionDocument{rng.Start.Line, rng.Start.Column, rng.Start.Byte},
		End:      PositionDocument{rng.End.Line, rng.End.Column, rng.End.Byte},
	}
}

// snippetDocument is whole lines of source; nil where the source is not there.
func snippetDocument(m *Message, sources Sources) *SnippetDocument {
	lines := sourceLines(sources[m.Range.Filename])
	first, last := m.Range.Start.Line, max(m.Range.End.Line, m.Range.Start.Line)
	if first < 1 || first > len(lines) {
		return nil
	}
	last = min(last, len(lines), first+maxSnippet-1)
	code := strings.Join(lines[first-1:last], "\n")
	start := 0
	for _, line := range lines[:first-1] {
		start += len(line) + 1
	}
	values := m.values
	if values == nil {
		values = []ValueDocument{}
	}
	var context *string
	if header := blockHeader(*m.Range, sources); header != "" {
		context = &header
	}
	return &SnippetDocument{
		Context: context, Code: code, StartLine: first, Values: values,
		HighlightStartOffset: within(m.Range.Start.Byte-start, len(code)),
		HighlightEndOffset:   within(m.Range.End.Byte-start, len(code)),
	}
}

func within(n, most int) int { return min(max(n, 0), most) }
