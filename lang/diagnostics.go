package lang

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// mistake makes an error about a place in the source.
func mistake(rng hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary,
		Detail: fmt.Sprintf(format, args...), Subject: &rng,
	}
}

// warning makes a warning about a place in the source.
func warning(rng hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	d := mistake(rng, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// tidy orders diagnostics by place, errors before warnings at the same place,
// and drops what was said before: the instances of a resource repeat the
// mistakes of their block. Each keeps or gets a subject.
func tidy(diags hcl.Diagnostics, fallback hcl.Range) hcl.Diagnostics {
	for _, d := range diags {
		if d.Subject == nil {
			d.Subject = &fallback
			if d.Context != nil {
				d.Subject = d.Context
			}
		}
	}
	slices.SortStableFunc(diags, compareDiagnostics)
	diags = dropEchoes(diags)
	type key struct {
		severity hcl.DiagnosticSeverity
		summary  string
		subject  hcl.Range
	}
	seen := make(map[key]bool, len(diags))
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		k := key{d.Severity, d.Summary, *d.Subject}
		dup := seen[k]
		seen[k] = true
		return dup
	})
}

// dropEchoes drops what the expression evaluator says about a reference that
// was reported already, with more to help.
func dropEchoes(diags hcl.Diagnostics) hcl.Diagnostics {
	var better []hcl.Range
	for _, d := range diags {
		switch d.Summary {
		case "Unknown attribute", "Unknown type of object", "Unknown instance":
			better = append(better, *d.Subject)
		}
	}
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		if d.Summary != "Unsupported attribute" && d.Summary != "Invalid index" {
			return false
		}
		return slices.ContainsFunc(better, func(r hcl.Range) bool {
			return r.Filename == d.Subject.Filename && r.Start.Byte <= d.Subject.Start.Byte && d.Subject.End.Byte <= r.End.Byte
		})
	})
}

func compareDiagnostics(a, b *hcl.Diagnostic) int {
	return cmp.Or(
		cmp.Compare(a.Subject.Filename, b.Subject.Filename),
		cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Summary, b.Summary),
	)
}

// place is file:line for a chain of references.
func place(rng hcl.Range) string { return fmt.Sprintf("%s:%d", rng.Filename, rng.Start.Line) }
