// Package format brings HCL source into its canonical form.
//
// The form is that of terraform fmt, which people's editors and habits know. It
// changes white space and the few spellings listed at [Source]; it keeps every
// comment and never changes what a module means: what it wrote is compared with
// what it read before anyone gets it. It refuses source that does not parse.
package format

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// byteOrderMark at the start of a file says nothing in UTF-8 and is dropped.
var byteOrderMark = []byte("\xef\xbb\xbf") //nolint:gochecknoglobals // a constant that Go has no literal for

// Source returns src in canonical form. Source with mistakes is returned as it
// is, with diagnostics that say where they are.
//
// Beside white space it changes three spellings, as terraform fmt does:
//
//   - a value that is one interpolation, "${var.x}", becomes var.x;
//   - the old types "string", "list" and "map" of a variable, in quotes, become
//     string, list(string) and map(string), and a bare list, map or set becomes
//     list(any), map(any) or set(any);
//   - labels of blocks get quotes.
//
// Line ends stay as they are, CRLF or LF; the last line gets one; a byte order
// mark is dropped. The canonical form of a canonical form is itself.
func Source(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	text := bytes.TrimPrefix(src, byteOrderMark)
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		if _, diags := once(text, filename); diags.HasErrors() {
			return src, diags // a line end could hide the mistake
		}
		text = append(bytes.Clone(text), '\n')
	}
	out, diags := once(text, filename)
	if diags.HasErrors() {
		return src, diags
	}
	// Aligning one line can change what is best for the next, so one pass may
	// leave something for another.
	const passes = 10
	for range passes {
		again, diags := once(out, filename)
		if diags.HasErrors() {
			return src, diags
		}
		if bytes.Equal(again, out) {
			return out, nil
		}
		out = again
	}
	return src, unsafe(filename, "The lines of this file cannot be aligned: each attempt calls for another.")
}

func once(src []byte, filename string) ([]byte, hcl.Diagnostics) {
	if diags := bounds.Source(src, filename); diags.HasErrors() {
		return nil, diags
	}
	file, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, unsafe(filename, "The file is not in HCL's own syntax.")
	}
	respelled := respell(src, body)
	out := hclwrite.Format(respelled)
	if !sameTokens(respelled, out, filename) {
		return nil, unsafe(filename, "Formatting would change more than white space.")
	}
	return out, nil
}

// sameTokens reports whether two sources differ in nothing but white space.
func sameTokens(a, b []byte, filename string) bool {
	before, _ := hclsyntax.LexConfig(a, filename, hcl.InitialPos)
	after, _ := hclsyntax.LexConfig(b, filename, hcl.InitialPos)
	if len(before) != len(after) {
		return false
	}
	for i := range before {
		if before[i].Type != after[i].Type || !bytes.Equal(before[i].Bytes, after[i].Bytes) {
			return false
		}
	}
	return true
}

// unsafe is the refusal to format what parses.
func unsafe(filename, detail string) hcl.Diagnostics {
	return hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  "Cannot format file",
		Detail:   detail + " The file is left as it is.",
		Subject:  &hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos},
	}}
}
