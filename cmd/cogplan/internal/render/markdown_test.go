package render

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// longProposal has resources with so many changes, of which the last one is denied.
func longProposal(resources, changes int) *reconcile.Proposal {
	var saved []reconcile.Saved
	for r := range resources {
		plan := planOf()
		for i := range changes {
			plan.Actions = append(plan.Actions, action("create", fmt.Sprintf("ö%d-%d", r, i), object{"after": object{"v": strings.Repeat("`é", 40)}}))
			plan.Summary.Creates++
		}
		address := fmt.Sprintf("thing.n%d", r)
		decision := reconcile.Decision{Allowed: true}
		status := reconcile.StatusDrifted
		if r == resources-1 {
			status = reconcile.StatusDenied
			decision = reconcile.Decision{Findings: []reconcile.Finding{{Rule: "no", Level: reconcile.LevelHardMandatory, Resource: address, Message: "the last one is denied"}}}
		}
		saved = append(saved, reconcile.Saved{Proposed: reconcile.Proposed{
			Address: address, Status: status, Review: reconcile.Review{Plan: plan}, Decision: decision,
		}})
	}
	return reconcile.RestoreProposal(saved, nil)
}

func TestMarkdownFitsIntoItsLimit(t *testing.T) {
	for _, tc := range []struct {
		name               string
		resources, changes int
		limit              int
		whole              bool
	}{
		{"short", 2, 3, 65_000, true},
		{"values are left out", 3, 300, 65_000, false},
		{"lines are left out", 20, 400, 65_000, false},
		{"many resources", 5000, 1, 65_000, false},
		{"a tiny limit", 3, 300, 3_000, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			view := &Plan{
				Command: "plan", Proposal: longProposal(tc.resources, tc.changes),
				Where: func(string) (hcl.Range, bool) { return hcl.Range{}, false },
			}
			view.Full = true
			text := Markdown{Plan: view, Limit: tc.limit, Whole: "site.plan", Messages: strings.Repeat("Warning: this one\n", tc.resources)}.String()
			if len(text) > tc.limit || !utf8.ValidString(text) {
				t.Errorf("%d bytes, valid: %t", len(text), utf8.ValidString(text))
			}
			for _, want := range []string{"### cogplan plan: denied by policy: ", "the last one is denied", "\n`plan sha256:", "policy=deny`\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in it:\n%.600s", want, text)
				}
			}
			if shortened := strings.Contains(text, "Shortened to fit. The whole plan: `cogplan show site.plan`"); shortened == tc.whole {
				t.Errorf("shortened: %t", shortened)
			}
			// Every block that is opened is closed.
			fence := fenceFor("")
			for strings.Contains(text, fence+"`") {
				fence += "`"
			}
			if n := strings.Count(text, "\n"+fence); n%2 != 0 {
				t.Errorf("%d fences", n)
			}
		})
	}
}

func TestCutLinesEndsAtALine(t *testing.T) {
	for _, tc := range []struct {
		text  string
		limit int
		want  string
	}{
		{"one\ntwo\n", 8, "one\ntwo\n"},
		{"one\n" + strings.Repeat("x", 100) + "\n", 40, "one\n... the rest is left out\n"},
		{strings.Repeat("é", 100), 40, strings.Repeat("é", 7) + "\n... the rest is left out\n"},
		{strings.Repeat("x", 100), 3, "... the rest is left out\n"},
	} {
		if got := cutLines(tc.text, tc.limit); got != tc.want {
			t.Errorf("cutLines(%.20q, %d) is %q, want %q", tc.text, tc.limit, got, tc.want)
		}
	}
}

// Where only records change, or warnings fail the plan, the first line says so, also of
// a document that is cut.
func TestMarkdownHeadline(t *testing.T) {
	records := []string{"file.a was file.b"}
	plan := &Plan{Command: "plan", Proposal: longProposal(0, 0), Records: records}
	for _, test := range []struct {
		markdown Markdown
		want     string
	}{
		{Markdown{Plan: plan}, "### cogplan plan: 1 record to change\n"},
		{Markdown{Plan: plan, Warned: true}, "### cogplan plan: fails on warnings: 1 record to change\n"},
		{Markdown{Plan: &Plan{Command: "plan", Proposal: longProposal(0, 0)}}, "### cogplan plan: no changes\n"},
	} {
		if got := test.markdown.String(); !strings.HasPrefix(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	long := Markdown{Plan: &Plan{Command: "plan", Proposal: longProposal(40, 200), Records: records, Where: func(string) (hcl.Range, bool) { return hcl.Range{}, false }}, Limit: 65_000}
	if got := long.String(); !strings.Contains(got, records[0]) || len(got) > long.Limit {
		t.Errorf("%d bytes, and the record is there: %t", len(got), strings.Contains(got, records[0]))
	}
}
