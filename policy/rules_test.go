package policy

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

const softRule = `deny_size contains {"msg": "too large", "object": "a"} if input.counts.create > 0`

func TestLevels(t *testing.T) {
	tests := []struct {
		name    string
		rules   string
		setting reconcile.Level
		level   reconcile.Level
		allowed bool
	}{
		{"deny is hard", `deny_x contains "no" if true`, "", reconcile.LevelHardMandatory, false},
		{"violation is hard", `violation_x contains "no" if true`, "", reconcile.LevelHardMandatory, false},
		{"warn is advice", `warn_x contains "no" if true`, "", reconcile.LevelAdvisory, true},
		{"approval is missing", `require_approval_x contains "no" if true`, "", reconcile.LevelApproval, false},
		{"deny made advice", `deny_x contains "no" if true`, reconcile.LevelAdvisory, reconcile.LevelAdvisory, true},
		{"deny made soft", `deny_x contains "no" if true`, reconcile.LevelSoftMandatory, reconcile.LevelSoftMandatory, false},
		{"warn made hard", `warn_x contains "no" if true`, reconcile.LevelHardMandatory, reconcile.LevelHardMandatory, false},
		{"deny made an approval", `deny_x contains "no" if true`, reconcile.LevelApproval, reconcile.LevelApproval, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, _, _ := strings.Cut(tt.rules, " ")
			o := Options{Files: module(tt.rules)}
			if tt.setting != "" {
				o.Rules = map[string]Setting{"main." + name: {Level: tt.setting}}
			}
			d := review(t, load(t, o), reviewOf(action("create", "a")))
			if len(d.Findings) != 1 || d.Findings[0].Level != tt.level || d.Allowed != tt.allowed {
				t.Errorf("allowed %v: %s", d.Allowed, told(d))
			}
			if d.PlanDigest != "sha256:1" || d.PolicyDigest == "" {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestWrongSettings(t *testing.T) {
	tests := []struct {
		name, rule string
		setting    Setting
		want       string
	}{
		{"no such rule", "main.deny_sise", Setting{Level: reconcile.LevelAdvisory}, `did you mean "main.deny_size"?`},
		{"no such level", "main.deny_size", Setting{Level: "warn"}, `there is no level "warn"`},
		{"fixed", "cogplan.builtin.deny_prune", Setting{Level: reconcile.LevelAdvisory}, "its level is fixed"},
		{"fixed effects", "cogplan.builtin.deny_effects", Setting{Level: reconcile.LevelSoftMandatory}, "its level is fixed"},
		{"no such parameter", "cogplan.builtin.deny_mass_delete", Setting{Parameters: map[string]any{"shar": 0.5}}, `it has no parameter "shar"; there are floor, share`},
		{"wrong type", "cogplan.builtin.deny_mass_delete", Setting{Parameters: map[string]any{"share": "0.5"}}, `the parameter "share" is a number, not a string`},
		{"no parameters", "main.deny_size", Setting{Parameters: map[string]any{"a": 1}}, "it has no parameters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(t.Context(), Options{Now: testNow, Files: module(softRule), Rules: map[string]Setting{tt.rule: tt.setting}})
			expect(t, err, tt.want)
			if !errors.As(err, new(*LoadError)) {
				t.Errorf("%T", err)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	rules := `# METADATA
# custom:
#   parameters:
#     most: 3
#     names: []
deny_many contains msg if {
	input.counts.create > data.cogplan.parameters["main.deny_many"].most
	msg := sprintf("more than %d", [data.cogplan.parameters["main.deny_many"].most])
}

deny_names contains "named" if input.plan.actions[_].name in data.cogplan.parameters["main.deny_many"].names`
	r := reviewOf(action("create", "a"), action("create", "b"))
	if d := review(t, load(t, Options{Files: module(rules)}), r); !d.Allowed {
		t.Error(told(d))
	}
	set := func(p map[string]any) reconcile.Decision {
		return review(t, load(t, Options{Files: module(rules), Rules: map[string]Setting{"main.deny_many": {Parameters: p}}}), r)
	}
	if d := set(map[string]any{"most": int64(1)}); !strings.Contains(told(d), `"more than 1"`) {
		t.Error(told(d))
	}
	if d := set(map[string]any{"names": []any{"b"}}); !strings.Contains(told(d), `"named"`) {
		t.Error(told(d))
	}
}

func TestMassDelete(t *testing.T) {
	removals := func(n int) reconcile.Review {
		var actions []reconcile.Action
		for i := range n {
			actions = append(actions, action("delete", strings.Repeat("x", i+1)))
		}
		r := reviewOf(actions...)
		r.Resource.Prune, r.State.Managed = true, 20
		return r
	}
	e := load(t, Options{})
	if d := review(t, e, removals(10)); !d.Allowed {
		t.Error(told(d))
	}
	if d := review(t, e, removals(11)); d.Allowed {
		t.Error(told(d))
	}
	all := load(t, Options{Rules: map[string]Setting{"cogplan.builtin.deny_mass_delete": {Parameters: map[string]any{"share": 1.0}}}})
	if d := review(t, all, removals(20)); !d.Allowed {
		t.Error(told(d))
	}
}

func TestOptionalRules(t *testing.T) {
	set := func(name string, parameters map[string]any) Options {
		return Options{Rules: map[string]Setting{"cogplan.builtin." + name: {Parameters: parameters}}}
	}
	r := reviewOf(action("delete", "ca.pem"))
	r.Resource.Prune = true
	if d := review(t, load(t, Options{}), r); !d.Allowed {
		t.Fatal(told(d))
	}
	for name, o := range map[string]Options{
		"protected": set("deny_protected_names", map[string]any{"names": []any{"*.pem"}}),
		"no tag":    set("deny_tags", map[string]any{"required": []any{"team"}}),
		// testNow is a Sunday.
		"nothing changes on": set("deny_freeze", map[string]any{"windows": []any{map[string]any{
			"days": []any{"Sunday"}, "from": "00:00", "to": "23:59", "zone": "UTC",
		}}}),
		"could not be evaluated": set("deny_freeze", map[string]any{"windows": []any{map[string]any{
			"days": []any{"Sunday"}, "from": "00:00", "to": "23:59", "zone": "Mars/Base",
		}}}),
		"cannot be understood": set("deny_freeze", map[string]any{"windows": []any{"Sunday"}}),
	} {
		if d := review(t, load(t, o), r); d.Allowed || !strings.Contains(told(d), name) {
			t.Errorf("%s: %s", name, told(d))
		}
	}
	_, err := Load(t.Context(), Options{Now: testNow, Rules: map[string]Setting{"cogplan.builtin.deny_freze": {}}})
	expect(t, err, `did you mean "cogplan.builtin.deny_freeze"?`)
}

func TestOverrides(t *testing.T) {
	good := Override{
		Rule: "main.deny_size", Resource: "file.site", Reason: "the launch", Actor: "bob",
		Expires: testNow.Add(time.Hour), PlanDigest: "sha256:1",
	}
	change := func(f func(*Override)) Override {
		o := good
		f(&o)
		return o
	}
	soft := map[string]Setting{"main.deny_size": {Level: reconcile.LevelSoftMandatory}}
	tests := []struct {
		name    string
		o       Override
		allowed bool
		want    string
	}{
		{"good", good, true, "overridden by bob until 2026-03-01T13:00:00Z: the launch"},
		{"another plan", change(func(o *Override) { o.PlanDigest = "sha256:2" }), false, "was for another plan"},
		{"expired", change(func(o *Override) { o.Expires = testNow }), false, "expired on 2026-03-01T12:00:00Z"},
		{"another resource", change(func(o *Override) { o.Resource = "file.other" }), false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := load(t, Options{Files: module(softRule), Rules: soft, Overrides: []Override{tt.o}})
			d := review(t, e, reviewOf(action("create", "a")))
			if d.Allowed != tt.allowed || len(d.Findings) != 1 || !strings.Contains(told(d), tt.want) {
				t.Errorf("allowed %v: %s", d.Allowed, told(d))
			}
		})
	}
	wrong := []struct {
		name string
		o    Override
		want string
	}{
		{"no reason", change(func(o *Override) { o.Reason = "" }), "all of them"},
		{"no expiry", change(func(o *Override) { o.Expires = time.Time{} }), "all of them"},
		{"no such rule", change(func(o *Override) { o.Rule = "main.deny" }), "names a rule that there is not"},
		{"hard", change(func(o *Override) { o.Rule = "cogplan.builtin.deny_prune" }), "only soft-mandatory rules are overridden"},
	}
	for _, tt := range wrong {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(t.Context(), Options{Now: testNow, Files: module(softRule), Rules: soft, Overrides: []Override{tt.o}})
			expect(t, err, tt.want)
		})
	}
}

func TestApprovals(t *testing.T) {
	by := func(actor string) Approval {
		return Approval{Actor: actor, Expires: testNow.Add(time.Hour), PlanDigest: "sha256:1"}
	}
	old, other := by("eve"), by("eve")
	old.Expires, other.PlanDigest = testNow, "sha256:2"
	made := by("eve")
	made.Author = "Eve"
	rule := `require_approval contains {"msg": "look", "approvals": 2, "by": ["ada", "bob", "eve"], "not_author": true} if true`
	tests := []struct {
		name      string
		approvals []Approval
		allowed   bool
	}{
		{"none", nil, false},
		{"one", []Approval{by("bob")}, false},
		{"one twice", []Approval{by("bob"), by("bob")}, false},
		{"the author", []Approval{by("bob"), by("ada")}, false},
		{"a stranger", []Approval{by("bob"), by("mallory")}, false},
		{"expired", []Approval{by("bob"), old}, false},
		{"another plan", []Approval{by("bob"), other}, false},
		{"the author of the plan", []Approval{by("bob"), made}, false},
		{"two", []Approval{by("bob"), by("eve")}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := load(t, Options{Files: module(rule), Approvals: tt.approvals})
			if d := review(t, e, reviewOf(action("create", "a"))); d.Allowed != tt.allowed {
				t.Errorf("allowed %v: %s", d.Allowed, told(d))
			}
		})
	}
}

func TestExceptions(t *testing.T) {
	rules := `deny_size contains {"msg": sprintf("%s is large", [a.name]), "object": a.name} if some a in input.plan.actions

deny contains "always" if input.counts.create > 0

`
	tests := []struct {
		name, exception string
		want            []string
	}{
		{"as in conftest", `exception contains ["size"] if true`, []string{"always"}},
		{"the rule without a suffix", `exception contains [""] if true`, []string{"a is large", "b is large"}},
		{"both", `exception contains names if names := ["", "size"]`, nil},
		{"one object", `exception contains {"rules": ["size"], "object": "a", "reason": "known"} if true`, []string{"always", "b is large"}},
		{"by the whole name", `exception contains {"rules": ["deny_size"], "reason": "known"} if true`, []string{"always"}},
		{"not now", `exception contains ["size"] if input.counts.create > 5`, []string{"always", "a is large", "b is large"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := load(t, Options{Files: module(rules + tt.exception)})
			d := review(t, e, reviewOf(action("create", "a"), action("create", "b")))
			var got []string
			for _, f := range d.Denials() {
				got = append(got, f.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || d.Allowed != (len(tt.want) == 0) || len(d.Findings) != 3 {
				t.Errorf("%s\n%s", diff, told(d))
			}
		})
	}
}

// An exception in a policy of the module does not reach the default policy.
func TestExceptionsDoNotReachTheDefaultPolicy(t *testing.T) {
	e := load(t, Options{Files: module("deny_prune contains \"mine\" if true\n\nexception contains [\"prune\"] if true")})
	d := review(t, e, reviewOf(action("delete", "a")))
	if len(d.Denials()) != 1 || d.Denials()[0].Rule != "cogplan.builtin.deny_prune" {
		t.Error(told(d))
	}
}

func TestFindingsKeepMetadata(t *testing.T) {
	e := load(t, Options{Files: module(`deny contains {"msg": "no", "object": "a", "remedy": "do", "ticket": 7, "_loc": {"file": "x", "line": 1}} if true`)})
	d := review(t, e, reviewOf(action("create", "a")))
	f := d.Findings[0]
	if f.Object != "a" || f.Remedy != "do" || f.Metadata["ticket"] == nil || f.Metadata["_loc"] == nil || len(f.Metadata) != 2 {
		t.Errorf("%+v", f)
	}
}

func TestManyFindingsAreSummedUp(t *testing.T) {
	var actions []reconcile.Action
	for i := range 1200 {
		actions = append(actions, action("delete", strings.Repeat("x", i%40)+string(rune('a'+i/40))))
	}
	r := reviewOf(actions...)
	r.State.Managed = 1_000_000
	d := review(t, load(t, Options{}), r)
	last := d.Findings[len(d.Findings)-1]
	if d.Allowed || len(d.Findings) != maxPerRule+1 || last.Message != "and 1100 more of this rule" || !last.Denies() {
		t.Errorf("%d findings, %+v", len(d.Findings), last)
	}
}

func TestRunRules(t *testing.T) {
	file := []File{{Name: "run.rego", Text: `package main.run

import data.helpers

deny contains {"msg": sprintf("%d creates", [input.counts.create]), "resource": p.resource.address} if {
	some p in input.plans
	helpers.large(input.counts.create)
}
`}, {Name: "helpers.rego", Text: "package helpers\n\nlarge(n) if n > 2\n"}}
	e := load(t, Options{Files: file})
	one, two := reviewOf(action("create", "a"), action("create", "b")), reviewOf(action("create", "c"))
	two.Resource.Name, two.Digest = "file.other", "sha256:2"
	for _, single := range []reconcile.Review{one, two} {
		if d := review(t, e, single); !d.Allowed {
			t.Fatal(told(d))
		}
	}
	d, err := e.ReviewRun(t.Context(), []reconcile.Review{one, two})
	if err != nil {
		t.Fatal(err)
	}
	if d.Allowed || len(d.Findings) != 2 || d.Findings[0].Resource != "file.other" || d.PlanDigest != reconcile.RunDigest([]reconcile.Review{two, one}) {
		t.Errorf("%+v", d)
	}
	if d, err := e.ReviewRun(t.Context(), []reconcile.Review{two}); err != nil || !d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
}

// Many small deletes are one large one.
func TestRunMassDelete(t *testing.T) {
	e := load(t, Options{})
	var reviews []reconcile.Review
	for i := range 6 {
		var actions []reconcile.Action
		for j := range 10 {
			actions = append(actions, action("delete", strings.Repeat("x", j+1)))
		}
		r := reviewOf(actions...)
		r.Resource.Prune, r.State.Managed, r.Resource.Name = true, 30, "file.r"+string(rune('0'+i))
		if d := review(t, e, r); !d.Allowed {
			t.Fatal(told(d))
		}
		reviews = append(reviews, r)
	}
	d, err := e.ReviewRun(t.Context(), reviews)
	if err != nil || d.Allowed || d.Findings[0].Rule != "cogplan.builtin.run.deny_mass_delete" {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := e.ReviewRun(t.Context(), reviews[:5]); err != nil || !d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestTheZeroEngineDenies(t *testing.T) {
	d, err := (&Engine{}).Review(t.Context(), reviewOf())
	if d.Allowed || err == nil {
		t.Error(d, err)
	}
	d, err = (&Engine{}).ReviewRun(t.Context(), nil)
	if d.Allowed || err == nil {
		t.Error(d, err)
	}
}

func TestDigest(t *testing.T) {
	digest := func(o Options) string { return load(t, o).Digest() }
	base := digest(Options{})
	if base != digest(Options{Now: testNow.Add(time.Hour)}) || !strings.HasPrefix(base, "sha256:") {
		t.Error("it hangs on the time")
	}
	user := digest(Options{Files: module(softRule)})
	level := digest(Options{Files: module(softRule), Rules: map[string]Setting{"main.deny_size": {Level: reconcile.LevelAdvisory}}})
	share := digest(Options{Rules: map[string]Setting{"cogplan.builtin.deny_mass_delete": {Parameters: map[string]any{"share": 0.2}}}})
	if user == base || level == user || share == base {
		t.Error("it does not tell policies apart")
	}
}

func TestTimeStandsStill(t *testing.T) {
	e := load(t, Options{Files: module(`deny contains sprintf("%d", [time.now_ns()]) if true`)})
	d := review(t, e, reviewOf())
	if d.Findings[0].Message != "1772366400000000000" {
		t.Error(told(d))
	}
}

func TestPrintIsCaptured(t *testing.T) {
	var got []string
	e := load(t, Options{
		Files: module("deny contains \"x\" if {\n\tprint(\"seen\", input.counts.create)\n\tfalse\n}"),
		Print: func(place, text string) { got = append(got, place+" "+text) },
	})
	review(t, e, reviewOf(action("create", "a")))
	if diff := cmp.Diff([]string{"policy/test.rego:4 seen 1"}, got); diff != "" {
		t.Error(diff)
	}
}
