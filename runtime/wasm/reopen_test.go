package wasm_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
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

// TestReopenedForWriting holds that what applied for one resource applies for
// the next one where no secret is in play and nothing failed.
func TestReopenedForWriting(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options benchOptions
		first   string
		want    string
	}{
		{name: "write after write", first: "sessions", want: "session 2"},
		{name: "secret of the provider", options: benchOptions{secrets: []string{"hunter2"}}, first: "sessions", want: "session 1"},
		{name: "after a failed action", first: "fail", want: "session 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, tt.options)
			for i, verb := range []string{tt.first, "sessions"} {
				body := act("apply", verb)
				body["root"] = fmt.Sprintf("out/%d", i)
				if _, _, err := apply(t.Context(), b.named(fmt.Sprintf("probe.r%d", i), body), nil); err != nil {
					t.Fatal(err)
				}
			}
			if got := lastSession(b.log()); got != tt.want {
				t.Errorf("the second apply ran in %s, want %s", got, tt.want)
			}
		})
	}
}

// TestPhasesShareNoInstance holds that no instance that has read ever applies,
// and none that has applied reads: each counts its own sessions.
func TestPhasesShareNoInstance(t *testing.T) {
	b := newBench(t, benchOptions{})
	for i := range 2 {
		body := act("live", "sessions")
		maps.Copy(body["act"].(map[string]any), act("apply", "sessions")["act"].(map[string]any))
		body["root"] = fmt.Sprintf("out/%d", i)
		if _, _, err := apply(t.Context(), b.named(fmt.Sprintf("probe.r%d", i), body), nil); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(b.log()) {
		if _, n, found := strings.Cut(line, "session "); found {
			got = append(got, strings.TrimSpace(n))
		}
	}
	// Before, during and after the apply of the first resource; then the second.
	if want := []string{"1", "1", "2", "3", "2", "4"}; !slices.Equal(got, want) {
		t.Errorf("sessions %v, want %v", got, want)
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

// TestPlanIsRecalled holds that a plan made of the same is not made again, that
// it can be applied, and that whatever moved makes another one.
func TestPlanIsRecalled(t *testing.T) {
	b := newBench(t, benchOptions{})
	r := b.resource(act("effects", "sessions"))
	asked := func() int { return strings.Count(b.log(), "session ") }
	_, _, first, err := plan(t.Context(), r, nil)
	if err != nil || asked() != 1 {
		t.Fatal(err, b.log())
	}
	_, _, again, err := plan(t.Context(), r, nil)
	if err != nil || asked() != 1 {
		t.Fatalf("%v: the provider was asked again for the effects of the same plan", err)
	}
	if again == first || !reflect.DeepEqual(first.Actions, again.Actions) || first.Summary != again.Summary {
		t.Errorf("the plans differ: %+v, %+v", first, again)
	}
	b.write("out/a", "somebody was here")
	_, _, moved, err := plan(t.Context(), r, nil)
	if err != nil || asked() != 2 || reflect.DeepEqual(first.Actions, moved.Actions) {
		t.Errorf("%v: the world moved and the plan did not: %+v", err, moved)
	}
	state := &reconcile.State{ResourceType: "probe.site", Serial: 1, Resources: []reconcile.Resource{{Type: "file", Name: "b", ExternalID: "id-b"}}}
	if _, _, _, err := plan(t.Context(), r, state); err != nil || asked() != 3 {
		t.Errorf("%v: the record moved and the plan did not", err)
	}
	results, _, err := apply(t.Context(), r, nil)
	if err != nil || len(results) != 1 || b.read("out/a") != "1" {
		t.Errorf("%v: %+v", err, results)
	}
}
