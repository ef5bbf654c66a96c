package render

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

var update = flag.Bool("update", false, "write the golden files")

// native is a provider with a plan of its own.
type native struct {
	plan *reconcile.Plan
	err  error
}

func (n *native) Type() string                   { return "native" }
func (n *native) LoadConfig(string) (any, error) { return nil, n.err }
func (n *native) FetchLive(context.Context, any) (any, error) {
	return nil, nil //nolint:nilnil // there is nothing live
}

func (n *native) ComputePlan(any, any, *reconcile.State) (*reconcile.Plan, error) {
	return n.plan, nil
}

func (n *native) ApplyPlan(context.Context, *reconcile.Plan) ([]reconcile.Result, error) {
	return nil, nil
}

func (n *native) BuildState(any, any, *reconcile.State) (*reconcile.State, error) {
	return &reconcile.State{}, nil
}

func (n *native) Health() reconcile.ResourceStatus { return reconcile.ResourceStatus{} }

func action(kind reconcile.ActionType, name string, details map[string]any) reconcile.Action {
	return reconcile.Action{Action: kind, ResourceType: "thing", Name: name, Details: details}
}

func planOf(actions ...reconcile.Action) *reconcile.Plan {
	plan := &reconcile.Plan{Actions: actions, Warnings: []string{}}
	for _, a := range actions {
		switch a.Action {
		case reconcile.ActionCreate:
			plan.Summary.Creates++
		case reconcile.ActionUpdate:
			plan.Summary.Updates++
		case reconcile.ActionDelete:
			plan.Summary.Deletes++
		case reconcile.ActionSkip:
			plan.Summary.Skipped++
		}
	}
	return plan
}

type object = map[string]any

func changes() *reconcile.Plan {
	plan := planOf(
		action("delete", "gone", object{"before": object{"size": 4}, "reason": "it is ours and not declared"}),
		action("delete", "moved", object{"before": object{"zone": "a"}, "after": object{"zone": "b"}, "replace": true}),
		action("create", "moved", object{"before": object{"zone": "a"}, "after": object{"zone": "b"}, "changed": []any{"zone"}, "replace": true, "reason": "zone cannot be changed in place"}),
		action("create", "new\x1b[31m", object{"after": object{
			"text": strings.Repeat("a line of text\n", 20), "list": []any{1, "two", nil, true}, "odd name": object{"x": 1.5},
			"digest": "sha256:" + strings.Repeat("0123456789abcdef", 4), "secret": reconcile.SensitiveText, "nothing": nil,
		}}),
		action("update", "edited", object{
			"before":  object{"text": "one\ntwo\nthree\n", "mode": "0644", "password": "old", "tags": object{"a": "1"}},
			"after":   object{"text": "one\n2\nthree\n", "mode": "0600", "password": reconcile.SensitiveText, "tags": object{"a": "2"}},
			"changed": []any{"text", "mode", "password", "tags.a", "hidden"}, "reason": "it was changed outside of this module", "drift": true,
		}),
		action("update", "long", object{
			"before": object{"value": strings.Repeat("before ", 20)}, "after": object{"value": strings.Repeat("after ", 20)}, "changed": []any{"value"},
		}),
		action("skip", "same", nil),
	)
	plan.Warnings = append(plan.Warnings, `thing "theirs" is not ours and is left alone`)
	plan.Metadata = map[string]any{reconcile.MetadataUnchanged: int64(7)}
	return plan
}

// proposal is what an engine makes of resources that meet every fate.
func proposal(t *testing.T) *reconcile.Proposal {
	t.Helper()
	many := planOf()
	for i := range compactFrom {
		many.Actions = append(many.Actions, action("update", fmt.Sprintf("n%02d", i), object{"before": object{"v": i}, "after": object{"v": i + 1}, "changed": []any{"v"}}))
	}
	many.Summary.Updates = compactFrom
	config := &reconcile.MetaConfig{}
	registry := &reconcile.Registry{}
	add := func(name string, p *native, change func(*reconcile.MetaResource)) {
		resource := reconcile.MetaResource{Name: name, Source: name}
		if change != nil {
			change(&resource)
		}
		config.Resources = append(config.Resources, resource)
		registry.Register(name, p)
	}
	add("a.changes", &native{plan: changes()}, nil)
	add("b.denied", &native{plan: planOf(action("delete", "x", nil), action("delete", "y", nil))}, nil)
	add("c.deferred", &native{err: &reconcile.DeferredError{Address: "c.deferred", WaitsFor: []string{"a.changes.id", "b.denied.id"}}}, nil)
	add("d.failed", &native{err: errors.New("it broke\nError: not ours")}, nil)
	add("e.skipped", &native{plan: planOf()}, func(r *reconcile.MetaResource) { r.DependsOn = []string{"d.failed"} })
	add("f.suspended", &native{plan: planOf()}, func(r *reconcile.MetaResource) { r.Suspended = true })
	add("g.synced", &native{plan: planOf()}, nil)
	add("h.many", &native{plan: many}, nil)
	engine := reconcile.NewEngine(t.TempDir(), gate{}, reconcile.WithRegistry(registry),
		reconcile.WithEvents(reconcile.EventSinkFunc(func(*reconcile.Event) {})),
		reconcile.WithClock(func() time.Time { return time.Unix(0, 0) }))
	p, err := engine.Propose(t.Context(), config, reconcile.MetaOpts{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// gate has a word of every kind.
type gate struct{}

func (gate) Review(_ context.Context, review reconcile.Review) (reconcile.Decision, error) {
	decision := reconcile.Decision{Allowed: true, PlanDigest: review.Digest}
	find := func(f reconcile.Finding) { decision.Findings = append(decision.Findings, f) }
	switch review.Resource.Name {
	case "a.changes":
		find(reconcile.Finding{Rule: "main.warn", Level: reconcile.LevelAdvisory, Message: "mind the gap\x1b[2J"})
		find(reconcile.Finding{Rule: "main.soft", Level: reconcile.LevelSoftMandatory, Message: "too big", Override: "by ann: a release"})
		find(reconcile.Finding{Rule: "main.ask", Level: reconcile.LevelApproval, Message: "two people have to look"})
	case "b.denied":
		decision.Allowed = false
		for _, name := range []string{"x", "y"} {
			find(reconcile.Finding{Rule: "cogplan.builtin.prune", Level: reconcile.LevelHardMandatory, Message: "would delete " + name, Remedy: "set prune = true"})
		}
	}
	return decision, nil
}

func (gate) ReviewRun(_ context.Context, reviews []reconcile.Review) (reconcile.Decision, error) {
	return reconcile.Decision{PlanDigest: reconcile.RunDigest(reviews), Findings: []reconcile.Finding{
		{Rule: "cogplan.run.mass", Level: reconcile.LevelHardMandatory, Message: "deletes more than a tenth", Remedy: "split the change"},
	}}, nil
}

const source = `# a module
resource "b" "denied" {
	dir = "grüße" # a tab before it
}
`

func view(t *testing.T) *Plan {
	t.Helper()
	return &Plan{
		Proposal: proposal(t), Next: "cogplan apply",
		Sources: Sources{"main.hcl": &hcl.File{Bytes: []byte(source)}},
		Where: func(address string) (hcl.Range, bool) {
			at := hcl.Range{Filename: "main.hcl", Start: hcl.Pos{Line: 2, Column: 1, Byte: 11}, End: hcl.Pos{Line: 2, Column: 22, Byte: 32}}
			return at, address == "b.denied"
		},
		Explain: func(r reconcile.MetaResult) []Message {
			return []Message{Errorf("The resource failed", "%s", Escape(r.Error))}
		},
	}
}

// planDigest covers more than what is shown; other tests hold it.
var planDigest = regexp.MustCompile(`plan sha256:[0-9a-f]{64}`)

func golden(t *testing.T, name, got string) {
	t.Helper()
	got = planDigest.ReplaceAllString(got, "plan sha256:DIGEST")
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it):\n%s", path, diff)
	}
}

func TestPlan(t *testing.T) {
	plan := view(t)
	for _, width := range []int{60, 80, 200} {
		golden(t, fmt.Sprintf("plan-%d.txt", width), Style{Width: width}.Plan(plan))
	}
	golden(t, "plan-color.txt", strings.ReplaceAll(Style{Width: 80, Color: true}.Plan(plan), "\x1b", "ESC"))
	golden(t, "plan-plain.txt", Style{Width: Unlimited, Plain: true}.Plan(plan))
	plan.Full = true
	golden(t, "plan-full.txt", Style{Width: Unlimited}.Plan(plan))
}

func TestEveryChangeHasALine(t *testing.T) {
	text := Style{Width: 20}.Plan(view(t))
	for i := range compactFrom {
		if !strings.Contains(text, fmt.Sprintf("~ thing \"n%02d\"", i)) {
			t.Errorf("n%02d is not shown", i)
		}
	}
}

// Who hears a plan hears words: no line is told by a mark, a caret or a column.
func TestAPlainPlanSaysItInWords(t *testing.T) {
	text := Style{Width: Unlimited, Plain: true}.Plan(view(t))
	for line := range strings.Lines(text) {
		first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains([]string{"+", "-", "~", "-/+", "x", "!", "?", ".", "->", "-->", "^"}, first) || strings.Contains(line, "^^") {
			t.Errorf("a mark: %s", line)
		}
	}
	for _, want := range []string{"delete thing \"gone\"", "added: 2", "removed: two", "line 2: resource \"b\" \"denied\""} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in it", want)
		}
	}
}

func TestAPlanHoldsNoEscapeSequenceAndNoSecret(t *testing.T) {
	for _, full := range []bool{false, true} {
		plan := view(t)
		plan.Full = full
		text := Style{Width: 80}.Plan(plan)
		if strings.ContainsAny(text, "\x1b\a\r") {
			t.Error("a control character is in the plan")
		}
		if strings.Contains(text, `"old"`) {
			t.Error("the old value of a secret is in the plan")
		}
		if strings.Contains(text, "\nError: not ours") {
			t.Error("a provider's message begins a line like ours")
		}
	}
}

func TestLinesKeepToTheWidth(t *testing.T) {
	const width = 60
	for line := range strings.Lines(Style{Width: width}.Plan(view(t))) {
		line = strings.TrimSuffix(line, "\n")
		if runewidth.StringWidth(line) > width && !strings.HasPrefix(line, "plan sha256:") && !strings.HasPrefix(line, "Plan: ") && !strings.HasPrefix(line, "  a.changes  1 to create") && !strings.Contains(line, "resources: ") {
			t.Errorf("%d columns: %s", runewidth.StringWidth(line), line)
		}
	}
}
