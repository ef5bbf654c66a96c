package wasm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm"
)

// TestReopened holds when an instance reads for a second resource, and that it
// never does so where a secret is in play, a file was left open, or something is
// applied.
func TestReopened(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options benchOptions
		secrets []string
		first   map[string]any
		want    string
	}{
		{name: "read after read", first: act("live", "sessions"), want: "session 2"},
		{name: "secret of the provider", options: benchOptions{secrets: []string{"hunter2"}}, first: act("live", "sessions"), want: "session 1"},
		{name: "secret of a resource", secrets: []string{"hunter2"}, first: act("live", "sessions"), want: "session 1"},
		{name: "grant of the network", options: benchOptions{grants: reconcile.Grants{
			Read: []string{"./site"}, Write: []string{"./out"},
			HTTP: []reconcile.HTTPGrant{{Origin: "https://example.org"}},
		}}, first: act("live", "sessions"), want: "session 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.options)
			for _, address := range []string{"probe.a", "probe.b"} {
				if _, _, _, err := plan(t.Context(), b.secretive(address, tt.first, tt.secrets), nil); err != nil {
					t.Fatal(err)
				}
			}
			if got := lastSession(b.log()); got != tt.want {
				t.Errorf("the second resource was read in %s, want %s", got, tt.want)
			}
		})
	}
}

// TestWritesAreNotReopened holds that what applies is an instance of its own.
func TestWritesAreNotReopened(t *testing.T) {
	b := newBench(t, benchOptions{})
	for i := range 2 {
		body := act("apply", "sessions")
		body["root"] = fmt.Sprintf("out/%d", i)
		if _, _, err := apply(t.Context(), b.named(fmt.Sprintf("probe.r%d", i), body), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := lastSession(b.log()); got != "session 1" {
		t.Errorf("the second apply ran in %s, want a new one", got)
	}
}

func (b *bench) secretive(address string, body map[string]any, secrets []string) *wasm.Resource {
	body["root"] = "out"
	return b.provider.Resource(wasm.ResourceSpec{
		Meta:        reconcile.MetaResource{Name: address},
		Declaration: reconcile.Declaration{Address: address, Mode: "resource"},
		Config: func(context.Context) (reconcile.Config, error) {
			return reconcile.Config{Body: body, Secrets: secrets}, nil
		},
	})
}

func lastSession(log string) string {
	if i := strings.LastIndex(log, "session "); i >= 0 {
		return strings.SplitN(log[i:], "\n", 2)[0]
	}
	return "no session"
}
