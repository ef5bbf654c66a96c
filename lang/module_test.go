package lang_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// evaluateDir evaluates a module of several files, without mistakes.
func evaluateDir(t *testing.T, files map[string]string, opts lang.EvalOptions) *lang.Evaluation {
	t.Helper()
	m, diags := lang.Load(writeModule(t, files), lang.WithVersion("0.5.0"))
	if diags.HasErrors() {
		t.Fatal(show(m, diags))
	}
	opts.Schemas = documented
	ev, diags := m.Evaluate(opts)
	if diags.HasErrors() {
		t.Fatal(show(m, diags))
	}
	return ev
}

func TestModules(t *testing.T) {
	ev := evaluateDir(t, map[string]string{
		"main.hcl": provider + `
resource "file" "base" { root = "base" }
module "site" {
  source    = "./site"
  for_each  = toset(["eu", "us"])
  region    = "${each.key}-${file.base.root}"
  providers = { disk = file }
}
module "late" {
  source     = "./site"
  region     = "late"
  providers  = { disk = file }
  depends_on = [module.site]
}
resource "file" "sum" { root = join(",", values({ for k, m in module.site : k => m.root })) }
resource "file" "one" { root = module.site["us"].root }
`,
		"site/main.hcl": childModule,
	}, lang.EvalOptions{})
	want := map[string][]string{
		"file.base":                   nil,
		`module.site["eu"].disk.here`: {"file.base"},
		`module.site["us"].disk.here`: {"file.base"},
		"module.late.disk.here":       {`module.site["eu"].disk.here`, `module.site["us"].disk.here`},
		"file.sum":                    {`module.site["eu"].disk.here`, `module.site["us"].disk.here`},
		"file.one":                    {`module.site["us"].disk.here`},
	}
	if diff := cmp.Diff(want, dependencies(ev)); diff != "" {
		t.Error(diff)
	}
	if got := config(t, ev, "file.sum").Body["root"]; got != "./out/eu-base,./out/us-base" {
		t.Errorf("root = %v", got)
	}
	for _, r := range ev.MetaConfig().Resources {
		if r.Source != "file" {
			t.Errorf("%s has the provider %q", r.Name, r.Source)
		}
	}
}

func TestModuleWaitsThroughOutputs(t *testing.T) {
	ev := evaluateDir(t, map[string]string{
		"main.hcl": provider + `
module "a" {
  source = "./inner"
  in     = "x"
}
module "b" {
  source = "./inner"
  in     = module.a.out
}
`,
		"inner/main.hcl": `
variable "in" { type = string }
resource "file" "f" { root = var.in }
output "out" { value = file.f.digest }
`,
	}, lang.EvalOptions{})
	_, err := ev.Config(t.Context(), "module.b.file.f")
	var deferred *reconcile.DeferredError
	if !errors.As(err, &deferred) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff([]string{"module.a.file.f.digest"}, deferred.WaitsFor); diff != "" {
		t.Error(diff)
	}
	if err := ev.Settle("module.a.file.f", lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "d"}}); err != nil {
		t.Fatal(err)
	}
	if got := config(t, ev, "module.b.file.f").Body["root"]; got != "d" {
		t.Errorf("root = %v", got)
	}
}

func TestModuleForEachOverAResource(t *testing.T) {
	ev := evaluateDir(t, map[string]string{
		"main.hcl": provider + `
resource "file" "a" {
  for_each = toset(["x", "y"])
  root     = each.key
}
module "m" {
  source   = "./inner"
  for_each = file.a
  in       = each.value.digest
}
`,
		"inner/main.hcl": `
variable "in" { type = string }
resource "file" "f" { root = var.in }
`,
	}, lang.EvalOptions{})
	_, err := ev.Config(t.Context(), `module.m["x"].file.f`)
	var deferred *reconcile.DeferredError
	if !errors.As(err, &deferred) || len(deferred.WaitsFor) != 1 || deferred.WaitsFor[0] != "file.a" {
		t.Fatalf("got %v", err)
	}
	if err := ev.Settle(`file.a["x"]`, lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "dx"}}); err != nil {
		t.Fatal(err)
	}
	if got := config(t, ev, `module.m["x"].file.f`).Body["root"]; got != "dx" {
		t.Errorf("root = %v", got)
	}
}

func TestJSONMeansTheSame(t *testing.T) {
	native := evaluate(t, `
variable "who" { default = "world" }
resource "file" "site" {
  for_each = toset(["eu"])
  prune = true
  root  = "./out/${each.key}"
  file "index.html" { content = "Hello ${var.who}" }
  tree { from = "a" }
  dynamic "file" {
    for_each = ["x"]
    labels   = [file.value]
    content { content = file.value }
  }
}
`)
	m, diags := load(t, map[string]string{"main.hcl.json": `{
  "provider": {"file": {"source": "file"}},
  "variable": {"who": {"default": "world"}},
  "resource": {"file": {"site": {
    "for_each": "${toset([\"eu\"])}", "prune": true, "root": "./out/${each.key}",
    "file": {"index.html": {"content": "Hello ${var.who}"}},
    "tree": [{"from": "a"}],
    "dynamic": {"file": {"for_each": ["x"], "labels": ["${file.value}"], "content": {"content": "${file.value}"}}}
  }}}
}`})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	inJSON, diags := m.Evaluate(lang.EvalOptions{Schemas: schemas})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	want, got := config(t, native, `file.site["eu"]`), config(t, inJSON, `file.site["eu"]`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(native.MetaConfig(), inJSON.MetaConfig()); diff != "" {
		t.Error(diff)
	}
}

func TestPostconditionsAndChecks(t *testing.T) {
	ev := evaluate(t, `
resource "file" "a" {
  root = "x"
  postcondition {
    condition     = self.digest == "good"
    error_message = "The digest is ${self.digest}."
  }
}
check "digest" {
  assert {
    condition     = file.a.digest != "bad"
    error_message = "A bad digest."
  }
}
`)
	if got := ev.Checks(); len(got) != 1 || got[0].Known {
		t.Errorf("checks %+v", got)
	}
	err := ev.Settle("file.a", lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "bad"}})
	var failed *lang.DiagnosticsError
	if !errors.As(err, &failed) || !strings.Contains(failed.Diagnostics[0].Detail, "The digest is bad.") {
		t.Errorf("got %v", err)
	}
	if got := ev.Checks(); !got[0].Known || len(got[0].Failures) != 1 {
		t.Errorf("checks %+v", got)
	}
	if err := ev.Settle("file.a", lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "good"}}); err != nil {
		t.Error(err)
	}
}

func TestEachInstanceWaitsForItsOwn(t *testing.T) {
	ev := evaluate(t, `
resource "file" "a" {
  for_each = toset(["x", "y"])
  root     = each.key
}
resource "file" "b" {
  for_each = toset(["x", "y"])
  root     = file.a[each.key].digest
}
`)
	if err := ev.Settle(`file.a["x"]`, lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "dx"}}); err != nil {
		t.Fatal(err)
	}
	if got := config(t, ev, `file.b["x"]`).Body["root"]; got != "dx" {
		t.Errorf("root = %v", got)
	}
	_, err := ev.Config(t.Context(), `file.b["y"]`)
	var deferred *reconcile.DeferredError
	if !errors.As(err, &deferred) || deferred.WaitsFor[0] != `file.a["y"].digest` {
		t.Errorf("got %v", err)
	}
}

func TestForEachOverAResource(t *testing.T) {
	ev := evaluate(t, `
resource "file" "a" {
  for_each = toset(["x", "y"])
  root     = each.key
}
resource "file" "b" {
  for_each = file.a
  root     = "${each.value.root}-${each.value.digest}"
}
`)
	want := map[string][]string{
		`file.a["x"]`: nil, `file.a["y"]`: nil, `file.b["x"]`: {`file.a["x"]`}, `file.b["y"]`: {`file.a["y"]`},
	}
	if diff := cmp.Diff(want, dependencies(ev)); diff != "" {
		t.Error(diff)
	}
	if err := ev.Settle(`file.a["y"]`, lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "d"}}); err != nil {
		t.Fatal(err)
	}
	if got := config(t, ev, `file.b["y"]`).Body["root"]; got != "y-d" {
		t.Errorf("root = %v", got)
	}
	_, err := ev.Config(t.Context(), `file.b["x"]`)
	var deferred *reconcile.DeferredError
	if !errors.As(err, &deferred) || len(deferred.WaitsFor) != 1 || deferred.WaitsFor[0] != `file.a["x"]` {
		t.Errorf("got %v", err)
	}
}

func TestVariableSources(t *testing.T) {
	files := map[string]string{
		"main.hcl": provider + `
variable "a" { default = "default" }
variable "b" { default = "default" }
variable "c" { default = "default" }
variable "d" { default = "default" }
variable "list" { type = list(number) }
variable "home" { default = env("HOME") }
resource "file" "x" { root = "${var.a} ${var.b} ${var.c} ${var.d} ${var.list[1]} ${var.home}" }
`,
		"cogplan.hclvars": "b = \"file\"\nc = \"file\"\nd = \"file\"\n",
		"z.auto.hclvars":  "c = \"auto\"\nd = \"auto\"\n",
	}
	ev := evaluateDir(t, files, lang.EvalOptions{
		Env: map[string]string{"HOME": "/home/me", "OTHER": "x"},
		Variables: lang.VariableSources{
			Environ: map[string]string{"COGPLAN_VAR_a": "environ", "COGPLAN_VAR_b": "environ"},
			Args:    []lang.VariableArg{{Name: "d", Value: "arg"}, {Name: "list", Value: "[1, 2]"}},
		},
	})
	if got := config(t, ev, "file.x").Body["root"]; got != "environ file auto arg 2 /home/me" {
		t.Errorf("root = %v", got)
	}
	if diff := cmp.Diff([]string{"HOME"}, ev.EnvRead()); diff != "" {
		t.Error(diff)
	}
	var origins []string
	for _, in := range ev.Inputs() {
		origins = append(origins, in.Origin[strings.LastIndex(in.Origin, "/")+1:])
	}
	want := []string{"environment", "cogplan.hclvars", "z.auto.hclvars", "-var", "default", "-var"}
	if diff := cmp.Diff(want, origins); diff != "" {
		t.Error(diff)
	}
}

// TestLongChains would overflow the call stack where values called each other.
func TestLongChains(t *testing.T) {
	const n = 50_000
	var sb strings.Builder
	sb.WriteString("locals {\n  l0 = file.a.digest\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&sb, "  l%d = local.l%d\n", i, i-1)
	}
	fmt.Fprintf(&sb, "}\nresource \"file\" \"a\" { root = \"x\" }\nresource \"file\" \"b\" { root = local.l%d }\n", n-1)
	ev := evaluate(t, sb.String())
	if diff := cmp.Diff([]string{"file.a"}, dependencies(ev)["file.b"]); diff != "" {
		t.Error(diff)
	}
	if err := ev.Settle("file.a", lang.ResourceResult{Known: true, Outputs: map[string]any{"digest": "d"}}); err != nil {
		t.Fatal(err)
	}
	if got := config(t, ev, "file.b").Body["root"]; got != "d" {
		t.Errorf("root = %v", got)
	}
}

func TestLongCycle(t *testing.T) {
	const n = 20_000
	var sb strings.Builder
	sb.WriteString("locals {\n")
	for i := range n {
		fmt.Fprintf(&sb, "  l%d = local.l%d\n", i, (i+1)%n)
	}
	sb.WriteString("}\n")
	_, diags := load(t, map[string]string{"main.hcl": sb.String()})
	if len(diags) != 1 || diags[0].Summary != "Dependency cycle" || !strings.Contains(diags[0].Detail, "more") {
		t.Errorf("got %v", diags)
	}
}

// TestPiecesMeanTheWhole compares parsing in pieces with parsing at once.
func TestPiecesMeanTheWhole(t *testing.T) {
	text := inOneFile(200)["main.hcl"] + "locals {\n  text = <<EOT\n}\nresource \"x\" {\n}\nEOT\n}\n" + inOneFile(100)["main.hcl"][len(common):]
	text = strings.Replace(text, `"r5"`, `"unique"`, 1)
	m, _ := load(t, map[string]string{"main.hcl": text})
	var got *hclsyntax.Body
	for _, f := range m.Files() {
		got, _ = f.Body.(*hclsyntax.Body)
	}
	want, diags := hclsyntax.ParseConfig([]byte(text), "x", hclStart)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	whole, _ := want.Body.(*hclsyntax.Body)
	if len(got.Blocks) != len(whole.Blocks) {
		t.Fatalf("%d blocks, want %d", len(got.Blocks), len(whole.Blocks))
	}
	for i, b := range whole.Blocks {
		if g := got.Blocks[i]; g.Range().Start != b.Range().Start || g.Range().End != b.Range().End || g.Type != b.Type {
			t.Fatalf("block %d: %v, want %v", i, g.Range(), b.Range())
		}
		for name, attr := range b.Body.Attributes {
			if g := got.Blocks[i].Body.Attributes[name]; g == nil || g.SrcRange.Start != attr.SrcRange.Start {
				t.Fatalf("block %d: %s differs", i, name)
			}
		}
	}
}
