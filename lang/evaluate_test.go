package lang_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

func config(t *testing.T, ev *lang.Evaluation, address string) reconcile.Config {
	t.Helper()
	c, err := ev.Config(t.Context(), address)
	if err != nil {
		t.Fatalf("config of %s: %v", address, err)
	}
	return c
}

func dependencies(ev *lang.Evaluation) map[string][]string {
	out := map[string][]string{}
	for _, r := range ev.MetaConfig().Resources {
		out[r.Name] = r.DependsOn
	}
	return out
}

func TestBodyIsDecoded(t *testing.T) {
	ev := evaluate(t, `
variable "who" { default = "world" }
locals { greeting = "Hello, ${var.who}!" }
resource "file" "site" {
  prune = true
  wave  = 2
  interval = "5m"
  mode  = "additive"
  tags  = { team = "web" }
  root  = "./out"
  labels = { a = 1 }
  count_limit = 3
  file "index.html" {
    content = local.greeting
    mode    = "0600"
  }
  dynamic "file" {
    for_each = { x = "ex", y = "why" }
    labels   = ["${file.key}.txt"]
    content { content = file.value }
  }
  tree { from = "a" }
  tree { 
    from = "b"
    include = ["*.html"]
  }
}
`)
	got := config(t, ev, "file.site")
	none := map[string]any{"content_base64": nil, "source": nil, "mode": nil}
	with := func(content string, over ...any) map[string]any {
		out := map[string]any{"content": content}
		maps.Copy(out, none)
		for i := 0; i < len(over); i += 2 {
			out[over[i].(string)] = over[i+1]
		}
		return out
	}
	want := map[string]any{
		"root": "./out", "mode_default": "0644", "labels": map[string]any{"a": "1"}, "count_limit": int64(3), "token": nil,
		"line_ends": nil, "extra": nil, "old_root": nil, "digest": nil, "owner": nil,
		"file": map[string]any{
			"index.html": with("Hello, world!", "mode", "0600"), "x.txt": with("ex"), "y.txt": with("why"),
		},
		"tree": []any{
			map[string]any{"from": "a", "to": nil, "include": nil, "exclude": nil, "mode": nil},
			map[string]any{"from": "b", "to": nil, "include": []any{"*.html"}, "exclude": nil, "mode": nil},
		},
	}
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Error(diff)
	}
	meta := ev.MetaConfig().Resources[0]
	wantMeta := reconcile.MetaResource{Name: "file.site", Source: "file", Interval: "5m", Prune: true, Wave: 2}
	if diff := cmp.Diff(wantMeta, meta); diff != "" {
		t.Error(diff)
	}
	decl, _ := ev.Declaration("file.site")
	if decl.Ownership != reconcile.OwnAdditive || decl.Tags["team"] != "web" || decl.Source.StartLine != 7 {
		t.Errorf("declaration %+v", decl)
	}
}

func TestDependencies(t *testing.T) {
	ev := evaluate(t, `
resource "file" "base" { root = "a" }
resource "file" "each" {
  for_each = toset(["eu", "us"])
  root     = each.key
}
resource "file" "again" {
  for_each = toset(["eu", "us"])
  root     = file.each[each.key].root
}
resource "file" "all" {
  root = join(",", [for f in file.each : f.root])
}
resource "file" "one" {
  root = "${file.each["eu"].root}/${local.b}"
}
resource "file" "explicit" {
  root       = "x"
  depends_on = [file.base, file.each["us"]]
}
locals {
  a = file.base.root
  b = local.a
}
`)
	want := map[string][]string{
		"file.base": nil, `file.each["eu"]`: nil, `file.each["us"]`: nil,
		`file.again["eu"]`: {`file.each["eu"]`}, `file.again["us"]`: {`file.each["us"]`},
		"file.all":      {`file.each["eu"]`, `file.each["us"]`},
		"file.one":      {"file.base", `file.each["eu"]`},
		"file.explicit": {"file.base", `file.each["us"]`},
	}
	if diff := cmp.Diff(want, dependencies(ev)); diff != "" {
		t.Error(diff)
	}
	if got := config(t, ev, "file.one").Body["root"]; got != "eu/a" {
		t.Errorf("root = %v", got)
	}
	if got := config(t, ev, `file.again["us"]`).Body["root"]; got != "us" {
		t.Errorf("root = %v", got)
	}
}

func TestDeferred(t *testing.T) {
	ev := evaluate(t, `
resource "file" "base" { root = "a" }
locals { sum = file.base.objects.file["x"].sha256 }
resource "file" "next" { root = "sum-${local.sum}" }
resource "file" "last" { root = "${file.next.digest}!" }
output "sum" { value = local.sum }
output "root" { value = file.base.root }
`)
	_, err := ev.Config(t.Context(), "file.next")
	var deferred *reconcile.DeferredError
	if !errors.As(err, &deferred) {
		t.Fatalf("got %v, want a deferred error", err)
	}
	if diff := cmp.Diff([]string{`file.base.objects.file["x"].sha256`}, deferred.WaitsFor); diff != "" {
		t.Error(diff)
	}
	outs, _ := ev.Outputs(false)
	if outs[0].Name != "root" || outs[0].Value != "a" || outs[1].Known {
		t.Errorf("outputs %+v", outs)
	}
	settle := func(address string, result lang.ResourceResult) {
		t.Helper()
		result.Known = true
		if err := ev.Settle(address, result); err != nil {
			t.Fatal(err)
		}
	}
	settle("file.base", lang.ResourceResult{Objects: []reconcile.Resource{
		{Type: "file", Name: "x", ExternalID: "x", Attributes: map[string]any{"sha256": "abc"}},
	}})
	if got := config(t, ev, "file.next").Body["root"]; got != "sum-abc" {
		t.Errorf("root = %v", got)
	}
	if _, err := ev.Config(t.Context(), "file.last"); !errors.As(err, &deferred) {
		t.Errorf("got %v, want a deferred error", err)
	}
	settle("file.next", lang.ResourceResult{Outputs: map[string]any{"digest": "d"}})
	if got := config(t, ev, "file.last").Body["root"]; got != "d!" {
		t.Errorf("root = %v", got)
	}
	if outs, _ := ev.Outputs(false); outs[1].Value != "abc" {
		t.Errorf("outputs %+v", outs)
	}
}

func TestSecretsAreListed(t *testing.T) {
	ev := evaluate(t, `
variable "pin" {
  default   = "s3cr3t"
  sensitive = true
}
resource "file" "a" {
  root  = "x-${var.pin}"
  token = "t0ken"
  file "f" { content = "plain" }
}
`)
	got := config(t, ev, "file.a")
	if diff := cmp.Diff([]string{"t0ken", "x-s3cr3t"}, got.Secrets); diff != "" {
		t.Error(diff)
	}
	if got.Body["root"] != "x-s3cr3t" {
		t.Errorf("root = %v", got.Body["root"])
	}
}
