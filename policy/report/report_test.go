package report

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

const hostile = "bad\n::set-output name=x::y\r\x1b[2J | @team <script> [a](b) %0A\u202e"

func items() []Item {
	return []Item{
		{
			Address: `file.site["eu"]`, Source: reconcile.SourceRange{Filename: "a,b:c.hcl", StartLine: 3, StartColumn: 1, EndLine: 4, EndColumn: 2},
			Decision: reconcile.Decision{Findings: []reconcile.Finding{
				{Rule: "main.deny", Level: reconcile.LevelHardMandatory, Message: hostile, Remedy: "stop"},
				{Rule: "main.warn", Level: reconcile.LevelAdvisory, Message: "look"},
				{Rule: "main.deny_x", Level: reconcile.LevelSoftMandatory, Message: "no", Override: "ada: yes"},
			}},
		},
		{Address: "file.good", Decision: reconcile.Decision{Allowed: true}},
		{Address: "file.zero"},
	}
}

func write(t *testing.T, format string) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, format, items()); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f || r == '\u202e' && format != JSON {
			t.Errorf("%s holds %+q", format, r)
		}
	}
	return b.String()
}

func TestGitHub(t *testing.T) {
	want := `::error file=a%2Cb%3Ac.hcl,line=3,endLine=4,title=file.site["eu"] main.deny::bad\n::set-output name=x::y\u{d}\u{1b}[2J | @team <script> [a](b) %250A\u{202e}; stop
::warning file=a%2Cb%3Ac.hcl,line=3,endLine=4,title=file.site["eu"] main.warn::look
::notice file=a%2Cb%3Ac.hcl,line=3,endLine=4,title=file.site["eu"] main.deny_x::no (ada: yes)
::error title=file.zero cogplan.decision::there is no decision that allows this plan
`
	if diff := cmp.Diff(want, write(t, GitHub)); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdown(t *testing.T) {
	got := write(t, Markdown)
	for line := range strings.SplitSeq(strings.TrimSpace(got), "\n") {
		if strings.Count(line, "|") != 5 {
			t.Errorf("no row of the table: %s", line)
		}
	}
	for _, markup := range []string{"<script>", "@team", "[a]", "::"} {
		if strings.Contains(got, markup) {
			t.Errorf("%s stands in %s", markup, got)
		}
	}
	if !strings.Contains(got, "| file.good | allowed | | |") || !strings.Contains(got, "| file.zero | denied | cogplan.decision |") {
		t.Error(got)
	}
}

func TestJUnit(t *testing.T) {
	var got junitSuites
	if err := xml.Unmarshal([]byte(write(t, JUnit)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 5 || got.Failures != 2 || len(got.Suites) != 3 || got.Suites[0].Skipped != 2 || got.Suites[1].Failures != 0 {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.Suites[0].Cases[0].Failure.Message, `\u{1b}[2J`) {
		t.Errorf("%+v", got.Suites[0].Cases[0].Failure)
	}
}

func TestSARIF(t *testing.T) {
	var got struct {
		Version string
		Runs    []struct {
			Results []struct {
				RuleID       string
				Level        string
				Suppressions []any
				Locations    []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, EndColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(write(t, SARIF)), &got); err != nil {
		t.Fatal(err)
	}
	results := got.Runs[0].Results
	if got.Version != "2.1.0" || len(results) != 4 || results[0].Level != "error" || results[1].Level != "warning" || len(results[2].Suppressions) != 1 {
		t.Errorf("%+v", got)
	}
	place := results[0].Locations[0].PhysicalLocation
	if place.ArtifactLocation.URI != "./a,b:c.hcl" || place.Region.StartLine != 3 || place.Region.EndColumn != 2 {
		t.Errorf("%+v", place)
	}
}

func TestJSON(t *testing.T) {
	var got struct {
		Decisions []struct {
			Address  string
			Decision reconcile.Decision
		}
	}
	if err := json.Unmarshal([]byte(write(t, JSON)), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Decisions) != 3 || got.Decisions[0].Decision.Findings[0].Message != hostile || got.Decisions[2].Decision.Findings[0].Rule != "cogplan.decision" {
		t.Errorf("%+v", got)
	}
}

func TestUnknownFormat(t *testing.T) {
	if err := Write(&strings.Builder{}, "yaml", nil); err == nil || !strings.Contains(err.Error(), "there are json, junit") {
		t.Error(err)
	}
}
