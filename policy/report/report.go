package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Item is the decision on one resource, or on a run where Address is empty.
type Item struct {
	// Address of the resource.
	Address string
	// Source is where it is declared.
	Source   reconcile.SourceRange
	Decision reconcile.Decision
}

// The formats that there are.
const (
	JSON     = "json"
	JUnit    = "junit"
	SARIF    = "sarif"
	GitHub   = "github"
	Markdown = "markdown"
)

// Formats are the names of all formats.
func Formats() []string { return []string{JSON, JUnit, SARIF, GitHub, Markdown} }

// Write writes the items in a format.
func Write(w io.Writer, format string, items []Item) error {
	switch format {
	case JSON:
		return writeJSON(w, items)
	case JUnit:
		return writeJUnit(w, items)
	case SARIF:
		return writeSARIF(w, items)
	case GitHub:
		return writeGitHub(w, items)
	case Markdown:
		return writeMarkdown(w, items)
	default:
		return fmt.Errorf("there is no report format %q; there are %s", format, strings.Join(Formats(), ", "))
	}
}

// severity is what a finding is for people: an error stands in the way, a
// warning does not, and a note was answered for.
func severity(f reconcile.Finding) string {
	switch {
	case f.Override != "":
		return "note"
	case f.Denies(), f.Level == reconcile.LevelApproval:
		return "error"
	default:
		return "warning"
	}
}

// sentence is a finding on one line.
func sentence(f reconcile.Finding) string {
	text := clean(f.Message)
	if f.Remedy != "" {
		text += "; " + clean(f.Remedy)
	}
	if f.Override != "" {
		text += " (" + clean(f.Override) + ")"
	}
	return text
}

// empty tells of an item that was denied without a finding, which no report may
// leave out.
func findings(item Item) []reconcile.Finding {
	all := slices.Clone(item.Decision.Findings)
	if !item.Decision.Allowed && !slices.ContainsFunc(all, func(f reconcile.Finding) bool { return severity(f) == "error" }) {
		all = append(all, reconcile.Finding{
			Rule: "cogplan.decision", Level: reconcile.LevelHardMandatory, Resource: item.Address,
			Message: "there is no decision that allows this plan",
		})
	}
	return all
}

type jsonItem struct {
	Address  string                `json:"address"`
	Source   reconcile.SourceRange `json:"source"`
	Decision reconcile.Decision    `json:"decision"`
}

func writeJSON(w io.Writer, items []Item) error {
	out := make([]jsonItem, len(items))
	for i, item := range items {
		item.Decision.Findings = append([]reconcile.Finding{}, findings(item)...)
		out[i] = jsonItem(item)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"format_version": 1, "decisions": out})
}
