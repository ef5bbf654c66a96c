package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

func TestOldSecretsAreHidden(t *testing.T) {
	const hidden = reconcile.SensitiveText
	for _, tc := range []struct {
		name                string
		before, after, want any
	}{
		{"the whole value", "old", hidden, hidden},
		{"nothing before", nil, hidden, nil},
		{"no secret", "old", "new", "old"},
		{"deep inside", map[string]any{"a": map[string]any{"b": "old", "c": "x"}}, map[string]any{"a": map[string]any{"b": hidden}}, map[string]any{"a": map[string]any{"b": hidden, "c": "x"}}},
		{"a map became a secret", map[string]any{"a": "old"}, hidden, hidden},
		{"an item of a list", []any{"x", "old"}, []any{hidden, "x"}, hidden},
		{"inside items", []any{map[string]any{"p": "old"}}, []any{map[string]any{"p": hidden}}, []any{map[string]any{"p": hidden}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			plan := &reconcile.Plan{Actions: []reconcile.Action{{
				Action:  reconcile.ActionUpdate,
				Details: map[string]any{reconcile.DetailBefore: tc.before, reconcile.DetailAfter: tc.after},
			}}}
			got := withoutOldSecrets(plan).Actions[0].Details[reconcile.DetailBefore]
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.before, plan.Actions[0].Details[reconcile.DetailBefore]); diff != "" {
				t.Errorf("the plan itself was changed: %s", diff)
			}
		})
	}
}
