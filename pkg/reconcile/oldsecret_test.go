package reconcile_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// This run knows the secret "new-secret"; the world holds "old-secret", which
// the run before knew.
func TestOldSecretsAreNotTold(t *testing.T) {
	const hidden = reconcile.SensitiveText
	key := []byte("key")
	knows := func(secret string) func(string) (string, bool) {
		return func(text string) (string, bool) {
			return strings.ReplaceAll(text, secret, "…"), strings.Contains(text, secret) || secret == "old-secret" && text == "4711"
		}
	}
	type m = map[string]any
	for _, test := range []struct {
		name          string
		desired, live m
		gone          bool // the object is not declared any more
		recorded      bool // the run before recorded what is live
		before        m
		changed       []any
	}{
		{
			name:    "desired holds a secret",
			desired: m{"url": "https://u:new-secret@h", "n": 2}, live: m{"url": "https://u:old-secret@h", "n": 1},
			before: m{"url": hidden, "n": 1}, changed: []any{"n", "url"},
		},
		{
			name:    "deep in a map",
			desired: m{"m": m{"a": "x", "b": m{"c": []any{"new-secret", "y"}}}}, live: m{"m": m{"a": "x", "b": m{"c": []any{"old-secret", "y"}}}},
			before: m{"m": m{"a": "x", "b": m{"c": hidden}}}, changed: []any{"m.b.c"},
		},
		{
			name:    "moved within a map",
			desired: m{"m": m{"a": "new-secret", "b": "x"}}, live: m{"m": m{"a": "x", "b": "old-secret"}},
			before: m{"m": m{"a": hidden, "b": hidden}}, changed: []any{"m.a", "m.b"},
		},
		{
			name:    "as a key",
			desired: m{"m": m{"new-secret": 1, "b": 1}}, live: m{"m": m{"old-secret": 1, "b": 2}},
			before: m{"m": hidden}, changed: []any{"m.b", "m"},
		},
		{
			name:    "a number",
			desired: m{"pin": "new-secret"}, live: m{"pin": 4711}, recorded: true,
			before: m{"pin": hidden}, changed: []any{"pin"},
		},
		{
			name:    "by schema",
			desired: m{"password": "plain"}, live: m{"password": "old-secret"},
			before: m{"password": hidden}, changed: []any{"password"},
		},
		{
			name:    "not a secret any more",
			desired: m{"url": "https://h", "n": 2}, live: m{"url": "https://u:old-secret@h", "n": 1}, recorded: true,
			before: m{"url": hidden, "n": 1}, changed: []any{"n", "url"},
		},
		{
			name:    "a key that is gone",
			desired: m{"m": m{"b": 1}}, live: m{"m": m{"old-secret": 1, "b": 1}}, recorded: true,
			before: m{"m": hidden}, changed: []any{"m"},
		},
		{
			name:    "an attribute that is gone",
			desired: m{"n": 1}, live: m{"n": 1, "url": "old-secret"}, recorded: true,
			before: m{"n": 1, "url": hidden}, changed: []any{"url"},
		},
		{
			name:    "payload",
			desired: m{"sha256": "2", "content": "plain"}, live: m{"sha256": "1", "content": "old-secret"}, recorded: true,
			before: m{"sha256": "1", "content": hidden}, changed: []any{"sha256"},
		},
		{
			name: "a deleted object", gone: true,
			live: m{"url": "old-secret", "content": "old-secret", "n": 1}, recorded: true,
			before: m{"url": hidden, "content": hidden, "n": 1},
		},
		{
			name:    "a replaced object",
			desired: m{"kind": "new-secret"}, live: m{"kind": "old-secret"},
			before: m{"kind": hidden}, changed: []any{"kind"},
		},
		{
			name:    "no secret at all",
			desired: m{"m": m{"a": 1, "b": 2}}, live: m{"m": m{"a": 2, "c": 3}}, recorded: true,
			before: m{"m": m{"a": 2, "c": 3}}, changed: []any{"m.a", "m.b", "m.c"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			live := objects{{Type: "file", Name: "a", Mode: reconcile.ModeManaged, Attributes: test.live}}
			input := reconcile.PlanInput{Address: "file.site", Schema: fileSchema, Live: live, Redact: knows("new-secret"), HashKey: key}
			if !test.gone {
				input.Desired = objects{{Type: "file", Name: "a", Attributes: test.desired}}
			}
			if test.recorded {
				state, err := reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
					Address: "file.site", Schema: fileSchema, Live: live, Redact: knows("old-secret"), HashKey: key,
				})
				if err != nil {
					t.Fatal(err)
				}
				input.State = state
			}
			plan, err := reconcile.PlanObjects(input)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := json.Marshal(plan); err != nil || strings.Contains(string(text), "-secret") || strings.Contains(string(text), "4711") {
				t.Errorf("the plan tells a secret: %s, %v", text, err)
			}
			details := plan.Actions[0].Details
			if diff := cmp.Diff(any(test.before), details[reconcile.DetailBefore]); diff != "" {
				t.Errorf("before (-want +got):\n%s", diff)
			}
			if changed, _ := details[reconcile.DetailChanged].([]any); !cmp.Equal(test.changed, changed) {
				t.Errorf("changed %v, want %v", changed, test.changed)
			}
		})
	}
}

// A file whose content holds a secret: the world tells its digest, and its
// content only where it is going to change.
func TestSecretPayload(t *testing.T) {
	redact := func(secret string) func(string) (string, bool) {
		return func(text string) (string, bool) {
			return strings.ReplaceAll(text, secret, "…"), strings.Contains(text, secret)
		}
	}
	sum := func(text string) string {
		digest := sha256.Sum256([]byte(text))
		return hex.EncodeToString(digest[:])
	}
	const old = "key=old-secret"
	applied := []reconcile.Result{{Name: "a", Status: reconcile.ApplySucceeded}}
	failed := []reconcile.Result{{Name: "a", Status: reconcile.ApplyFailed}}
	record := func(desired, live reconcile.Resource, existing *reconcile.State, secret string, results []reconcile.Result) *reconcile.State {
		t.Helper()
		state, err := reconcile.BuildObjectsState(reconcile.ObjectsStateInput{
			Address: "file.site", Schema: fileSchema, Desired: objects{desired}, Live: objects{live}, Existing: existing,
			Redact: redact(secret), HashKey: []byte("key"), Applied: true, Results: results,
		})
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	plan := func(desired, live reconcile.Resource, state *reconcile.State, secret string) string {
		t.Helper()
		plan, err := reconcile.PlanObjects(reconcile.PlanInput{
			Address: "file.site", Schema: fileSchema, Desired: objects{desired}, Live: objects{live}, State: state,
			Redact: redact(secret), HashKey: []byte("key"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return told(t, plan)
	}
	secretive := func(what, text string) {
		t.Helper()
		if strings.Contains(text, "old-secret") || strings.Contains(text, sum(old)) {
			t.Errorf("%s tells the secret: %s", what, text)
		}
	}
	before := ours(file("a", "sha256", sum(old)))
	state := record(file("a", "content", old, "sha256", sum(old)), before, nil, "old-secret", applied)
	secretive("the state", told(t, state))

	changing := ours(file("a", "sha256", sum(old), "content", old))
	plain := file("a", "content", "plain", "sha256", sum("plain"))
	rotated := file("a", "content", "key=new-secret", "sha256", sum("key=new-secret"))
	secretive("the plan of another secret", plan(rotated, changing, state, "new-secret"))
	secretive("the plan without one", plan(plain, changing, state, "none"))
	secretive("the first plan", plan(file("a", "content", old, "sha256", sum(old)), file("b"), nil, "old-secret"))

	// The apply fails: what is live is still a secret, which this run does not know.
	stuck := record(rotated, changing, state, "new-secret", failed)
	secretive("the state after a failure", told(t, stuck))
	secretive("the plan after a failure", plan(plain, changing, stuck, "none"))

	// It goes well, and nothing is secret any more.
	done := told(t, record(plain, ours(file("a", "sha256", sum("plain"))), state, "none", applied))
	if !strings.Contains(done, sum("plain")) || strings.Contains(done, "hmac") {
		t.Errorf("what is no secret is hidden: %s", done)
	}
}

func told(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
