package lang_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// TestConcurrentUse settles and reads from many goroutines, as the engine does.
func TestConcurrentUse(t *testing.T) {
	ev := evaluate(t, `
resource "file" "a" {
  count = 50
  root  = "r${count.index}"
}
resource "file" "b" {
  count = 50
  root  = file.a[count.index].digest
}
output "all" { value = [for b in file.b : b.root] }
`)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			a, b := fmt.Sprintf("file.a[%d]", i), fmt.Sprintf("file.b[%d]", i)
			if _, err := ev.Config(t.Context(), a); err != nil {
				t.Error(err)
			}
			_, err := ev.Config(t.Context(), b)
			if _, ok := errors.AsType[*reconcile.DeferredError](err); !ok {
				t.Errorf("%s: got %v", b, err)
			}
			if err := ev.Settle(a, lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": a}}); err != nil {
				t.Error(err)
			}
			c, err := ev.Config(t.Context(), b)
			if err != nil || c.Body["root"] != a {
				t.Errorf("%s: %v, %v", b, c.Body, err)
			}
			if _, diags := ev.Outputs(true); len(diags) > 0 {
				t.Error(diags)
			}
			ev.MetaConfig()
			ev.Inputs()
		})
	}
	wg.Wait()
	outs, diags := ev.Outputs(false)
	if len(diags) > 0 || len(outs[0].Value.([]any)) != 50 {
		t.Errorf("%v %v", outs, diags)
	}
}

func TestMovedIntoForEach(t *testing.T) {
	ev := evaluate(t, `
resource "file" "a" {
  for_each = toset(["x"])
  root     = each.key
}
moved {
  from = file.a
  to   = file.a["x"]
}
`)
	if ev == nil {
		t.Fatal("refused")
	}
}

func TestSettleRefusesWhatTheSchemaDoesNotKnow(t *testing.T) {
	ev := evaluate(t, `resource "file" "a" { root = "x" }`)
	for name, result := range map[string]lang.ResourceResult{
		"type of an output": {Known: true, Outputs: map[string]any{"digest": []any{"x"}}},
		"no value":          {Known: true, Objects: []reconcile.Resource{{Type: "file", Name: "x", Attributes: map[string]any{"a": func() {}}}}},
	} {
		if err := ev.Settle("file.a", result); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := ev.Settle("file.nope", lang.ResourceResult{Known: true}); err == nil {
		t.Error("no error for an unknown resource")
	}
}

func TestOutputsHideSecrets(t *testing.T) {
	ev := evaluate(t, `
resource "file" "a" { root = "x" }
output "secret" {
  value     = file.a.objects.file["f"].secret
  sensitive = true
}
output "open" { value = nonsensitive(file.a.objects.file["f"].secret) }
`)
	if err := ev.Settle("file.a", lang.ResourceResult{Known: true, Objects: []reconcile.Resource{
		{Type: "file", Name: "f", Attributes: map[string]any{"secret": "s3cr3t"}},
	}}); err != nil {
		t.Fatal(err)
	}
	for _, secrets := range []bool{false, true} {
		outs, diags := ev.Outputs(secrets)
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		want := any(nil)
		if secrets {
			want = "s3cr3t"
		}
		if outs[0].Value != "s3cr3t" || outs[1].Value != want || !outs[1].Sensitive {
			t.Errorf("secrets=%v: %+v", secrets, outs)
		}
	}
}
