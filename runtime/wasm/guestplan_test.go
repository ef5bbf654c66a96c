package wasm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// A provider that plans itself knows secrets of before that the host does not.
func TestGuestPlanHidesOldSecrets(t *testing.T) {
	r := &Resource{redactor: newRedactor([]string{"new-secret", "7"})}
	hash := "hmac-sha256:" + strings.Repeat("0", 64)
	recorded := &reconcile.Resource{Attributes: map[string]any{"token": hash, "n": 1}}
	action := &reconcile.Action{Details: r.redactMap(map[string]any{
		reconcile.DetailBefore: map[string]any{
			"url": "u:old-secret@h", "deep": map[string]any{"x": []any{"old-secret"}}, "pin": "4", "token": "old-secret", "n": 1, "none": nil,
		},
		reconcile.DetailAfter: map[string]any{
			"url": "u:new-secret@h", "deep": map[string]any{"x": []any{"new-secret"}}, "pin": "7", "token": "plain", "n": 2, "none": "new-secret",
		},
	})}
	hideOldSecrets(action, recorded)
	want := map[string]any{"url": redacted, "deep": redacted, "pin": redacted, "token": redacted, "n": 1, "none": nil}
	if diff := cmp.Diff(any(want), action.Details[reconcile.DetailBefore]); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	deleted := &reconcile.Action{Details: map[string]any{reconcile.DetailBefore: map[string]any{"token": "old-secret", "n": 1}}}
	hideOldSecrets(deleted, recorded)
	if diff := cmp.Diff(any(map[string]any{"token": redacted, "n": 1}), deleted.Details[reconcile.DetailBefore]); diff != "" {
		t.Errorf("before of a delete (-want +got):\n%s", diff)
	}
	hideOldSecrets(&reconcile.Action{}, nil) // a plan need not say anything
}
