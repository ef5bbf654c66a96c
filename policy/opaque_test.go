package policy

import (
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// What goes over a connection is said to be opaque, and denied until the module
// names the address.
func TestOpaque(t *testing.T) {
	connect := reconcile.Effect{Capability: reconcile.CapabilityTCP, Operation: "connect", Target: "db:5432"}
	anything := reconcile.Effect{Capability: reconcile.CapabilityUnbounded, Operation: "any", Target: "grant"}
	write := reconcile.Effect{Capability: reconcile.CapabilityFile, Operation: "write", Target: "./out/a"}
	tests := []struct {
		name    string
		effect  reconcile.Effect
		tcp     []reconcile.TCPGrant
		allowed []any
		opaque  int
		denied  bool
	}{
		{"a connection", connect, []reconcile.TCPGrant{{Address: "db:5432"}}, nil, 1, true},
		{"a connection that is named", connect, []reconcile.TCPGrant{{Address: "db:5432"}}, []any{"db:5432"}, 1, false},
		{"another name", connect, []reconcile.TCPGrant{{Address: "db:5432"}}, []any{"db:5433"}, 1, true},
		{"one of two", connect, []reconcile.TCPGrant{{Address: "db:5432"}, {Address: "evil:1"}}, []any{"db:5432"}, 1, true},
		{"anything within the grant", anything, []reconcile.TCPGrant{{Address: "db:5432"}}, nil, 1, true},
		{"anything, without a grant for tcp", anything, nil, nil, 0, false},
		{"files alone", write, nil, nil, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := action("create", "a")
			a.Details["effects"] = []reconcile.Effect{tt.effect}
			r := reviewOf(a)
			r.Provider.Trust = "grant"
			r.Provider.Grants = reconcile.Grants{Write: []string{"./out"}, TCP: tt.tcp}
			if got := newSubject(r).counts.opaque; got != tt.opaque {
				t.Errorf("%d opaque effects, want %d", got, tt.opaque)
			}
			settings := map[string]Setting{}
			if tt.allowed != nil {
				settings["cogplan.builtin.deny_opaque"] = Setting{Parameters: map[string]any{"allowed": tt.allowed}}
			}
			denied := false
			for _, f := range review(t, load(t, Options{Rules: settings}), r).Findings {
				denied = denied || f.Rule == "cogplan.builtin.deny_opaque" && strings.Contains(f.Message, "opaque")
			}
			if denied != tt.denied {
				t.Errorf("denied: %t, want %t", denied, tt.denied)
			}
		})
	}
}
