package render

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const faulty = `output "a" {
	value = nope.grüße + "世界"
}

resource "x" "y" {
  list = [
    1,
    2,
    3,
    4,
    5,
  ]
}
`

func faultyMessages(t *testing.T) ([]Message, Sources) {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(faulty), "dir/main.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		t.Fatal("not a body")
	}
	value := body.Blocks[0].Body.Attributes["value"]
	list := body.Blocks[1].Body.Attributes["list"]
	return FromDiagnostics(hcl.Diagnostics{
		{Severity: hcl.DiagError, Summary: "Unknown name\x1b[31m", Detail: "There is no \"nope\".\nDid you mean \"hope\"?", Subject: value.Expr.Range().Ptr()},
		{Severity: hcl.DiagWarning, Summary: "Long list", Detail: "It is long, and this sentence is long too, so that it has to be broken where the width ends.", Subject: list.Expr.Range().Ptr()},
		{Severity: hcl.DiagError, Summary: "Missing file", Detail: "It is not there.", Subject: &hcl.Range{Filename: "gone.hcl"}},
		{Severity: hcl.DiagError, Summary: "Beyond the end", Subject: &hcl.Range{Filename: "dir/main.hcl", Start: hcl.Pos{Line: 99, Column: 1}}},
		{Severity: hcl.DiagError, Summary: "No place"},
	}), Sources{"dir/main.hcl": file}
}

func TestMessages(t *testing.T) {
	messages, sources := faultyMessages(t)
	golden(t, "messages-60.txt", Style{Width: 60}.Messages(messages, sources))
	golden(t, "messages-20.txt", Style{Width: 20}.Messages(messages, sources))
}

func TestValidationHasTheShapeOfTerraforms(t *testing.T) {
	messages, sources := faultyMessages(t)
	data, err := json.MarshalIndent(NewValidation(messages[:2], sources), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "validation.json", string(data)+"\n")
}

func TestUnderline(t *testing.T) {
	at := func(line, from, to int) hcl.Range {
		return hcl.Range{Start: hcl.Pos{Line: line, Column: from}, End: hcl.Pos{Line: line, Column: to}}
	}
	for _, tc := range []struct {
		name, text   string
		rng          hcl.Range
		before, mark string
	}{
		{"plain", "a = b", at(1, 5, 6), "    ", "^"},
		{"a tab is four columns", "\ta = b", at(1, 2, 3), "    ", "^"},
		{"wide characters take two", "x 世界 y", at(1, 3, 5), "  ", "^^^^"},
		{"behind wide characters", "世界 y", at(1, 4, 5), "     ", "^"},
		{"an empty range still shows", "abc", at(1, 2, 2), " ", "^"},
		{"beyond the line", "abc", at(1, 9, 12), "   ", "^"},
		{"an escaped character", "a\x1bb", at(1, 2, 3), " ", "^^^^"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, mark := underline(tc.text, 1, tc.rng)
			if diff := cmp.Diff([]string{tc.before, tc.mark}, []string{before, mark}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
