package policy

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var update = flag.Bool("update", false, "write the example input into docs/policy.md")

// block is a fenced block of a document.
type block struct{ kind, text string }

func blocks(text string) []block {
	var out []block
	for i, part := range strings.Split("\n"+text, "\n```") {
		if i%2 == 1 {
			kind, body, _ := strings.Cut(part, "\n")
			out = append(out, block{kind, body + "\n"})
		}
	}
	return out
}

// exampleReview is the plan that docs/policy.md speaks about.
func exampleReview() reconcile.Review {
	update := action("update", "index.html")
	update.Details["after"] = map[string]any{"path": "public/index.html", "mode": "0644", "size": 31}
	update.Details["before"] = map[string]any{"path": "public/index.html", "mode": "0644", "size": 17}
	update.Details["changed"] = []any{"size"}
	update.Details["reason"] = "the content differs"
	key, old := action("create", "tls/site.key"), action("delete", "old.html")
	for a, e := range map[*reconcile.Action]reconcile.Effect{
		&update: {Capability: "file", Operation: "write", Target: "public/index.html"},
		&key:    {Capability: "file", Operation: "write", Target: "tls/site.key"},
		&old:    {Capability: "file", Operation: "delete", Target: "public/old.html"},
	} {
		a.Details["effects"] = []reconcile.Effect{e}
	}
	for _, a := range []*reconcile.Action{&key, &old} {
		delete(a.Details, "changed")
		for _, side := range []string{"before", "after"} {
			if a.Details[side] != nil {
				a.Details[side] = map[string]any{"mode": "0600"}
			}
		}
	}
	r := reviewOf(update, key, old)
	r.Digest = "sha256:7b1e"
	r.Resource.Interval = "5m"
	r.Declaration.Tags = map[string]string{"team": "web"}
	r.Declaration.Source = reconcile.SourceRange{Filename: "main.hcl", StartLine: 14, StartColumn: 1, EndLine: 14, EndColumn: 23}
	r.Provider.Version, r.Provider.Digest = "0.1.0", "sha256:90ab"
	r.Provider.Grants = reconcile.Grants{Read: []string{"./content"}, Write: []string{"./public"}}
	r.State = reconcile.StateSummary{Lineage: "c0ffee", Serial: 7, Managed: 12}
	r.Run.Time = "2026-03-01T12:00:00Z"
	r.Plan.GeneratedAt = "2026-03-01T12:00:00Z"
	r.Plan.Metadata = map[string]any{"unchanged": 10}
	return r
}

// TestDocument executes docs/policy.md: every policy in it loads and is clean,
// and says about the example plan what the document says it does.
func TestDocument(t *testing.T) {
	const name = "../docs/policy.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var policy File
	executed := map[string]int{}
	for i, b := range blocks(string(text)) {
		executed[b.kind]++
		t.Run(fmt.Sprintf("%d-%s", i, b.kind), func(t *testing.T) {
			switch b.kind {
			case "rego":
				policy = File{"policy/example.rego", b.text}
				mistakes, err := Check(t.Context(), Options{Now: testNow, Files: []File{policy}})
				if err != nil || len(mistakes) > 0 {
					t.Error(mistakes, err)
				}
			case "rego-test":
				report, err := Test(t.Context(), TestOptions{Options: Options{Now: testNow, Files: []File{policy, {"policy/example_test.rego", b.text}}}, Coverage: 100})
				if err != nil || !report.OK() || len(report.Results) == 0 {
					t.Errorf("%+v %v", report, err)
				}
			case "findings":
				if diff := cmp.Diff(b.text, said(t, load(t, Options{Files: []File{policy}}), "main.")); diff != "" {
					t.Error(diff)
				}
			case "default":
				if diff := cmp.Diff(b.text, said(t, load(t, Options{}), "cogplan.")); diff != "" {
					t.Error(diff)
				}
			case "input":
				documented(t, name, string(text), b.text)
			}
		})
	}
	for _, kind := range []string{"rego", "rego-test", "findings", "default", "input"} {
		if executed[kind] == 0 {
			t.Errorf("no block of kind %s", kind)
		}
	}
	everything := Options{Rules: map[string]Setting{"cogplan.builtin.deny_mass_delete": {}}}
	for _, rule := range load(t, everything).Rules() {
		if !strings.Contains(string(text), "| `"+rule+"` |") {
			t.Errorf("the rule %s is not in the table", rule)
		}
	}
}

// said are the findings about the example plan of rules with a prefix.
func said(t *testing.T, e *Engine, prefix string) string {
	var b strings.Builder
	for _, f := range review(t, e, exampleReview()).Findings {
		if !strings.HasPrefix(f.Rule, prefix) {
			continue
		}
		fmt.Fprintf(&b, "%s %s %q", f.Rule, f.Level, f.Message)
		if f.Override != "" {
			fmt.Fprintf(&b, " (%s)", f.Override)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func documented(t *testing.T, name, document, was string) {
	input, err := InputJSON(exampleReview())
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(input, &plain); err != nil {
		t.Fatal(err)
	}
	now := compact(t, plain, "") + "\n"
	refresh(t, name, document, "```input\n"+strings.TrimLeft(was, "\n")+"```", "```input\n"+now+"```")
}

// refresh replaces a part of a document that is generated, or fails where it is
// out of date.
func refresh(t *testing.T, name, document, was, now string) {
	t.Helper()
	if was == now {
		return
	}
	if !*update {
		t.Errorf("%s is not up to date; run the test with -update\n%s", name, cmp.Diff(was, now))
		return
	}
	if err := os.WriteFile(name, []byte(strings.Replace(document, was, now, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compact is JSON in which what fits on a line stands on one.
func compact(t *testing.T, v any, indent string) string {
	short, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	line := spaced(string(short))
	var parts []string
	open, closing := "{", "}"
	switch v := v.(type) {
	case map[string]any:
		if len(line) < 110-len(indent) {
			return line
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("%q: %s", key, compact(t, v[key], indent+"  ")))
		}
	case []any:
		if len(line) < 110-len(indent) {
			return line
		}
		open, closing = "[", "]"
		for _, item := range v {
			parts = append(parts, compact(t, item, indent+"  "))
		}
	default:
		return line
	}
	return open + "\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + "\n" + indent + closing
}

// spaced puts a space behind commas and colons; the example has none in texts.
func spaced(s string) string {
	return strings.NewReplacer(`,"`, `, "`, `":`, `": `, `},{`, `}, {`).Replace(s)
}

// TestDocumentedFields holds the table of fields to the schema.
func TestDocumentedFields(t *testing.T) {
	const name, start, end = "../docs/policy.md", "<!-- fields -->\n", "<!-- end of fields -->"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), start)
	was, _, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("the document has no table of fields")
	}
	var schema map[string]any
	if err := json.Unmarshal([]byte(InputSchema()), &schema); err != nil {
		t.Fatal(err)
	}
	now := "| Field of `input` | Type | |\n| --- | --- | --- |\n" + fieldRows("", schema)
	refresh(t, name, string(text), start+was+end, start+now+end)
}

func fieldRows(prefix string, schema map[string]any) string {
	var b strings.Builder
	properties, _ := schema["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		p, _ := properties[key].(map[string]any)
		path, kind := prefix+key, p["type"]
		items, isList := p["items"].(map[string]any)
		if isList {
			kind = fmt.Sprintf("list of %ss", items["type"])
			path += "[]"
		}
		// The actions of a kind are as those of the plan.
		described := prefix != "actions_by_kind."
		fmt.Fprintf(&b, "| `%s` | %s | %v |\n", path, kind, p["description"])
		if isList && described {
			b.WriteString(fieldRows(path+".", items))
		}
		b.WriteString(fieldRows(path+".", p))
	}
	return b.String()
}
