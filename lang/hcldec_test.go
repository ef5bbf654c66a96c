package lang_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hcldec"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// hcldecSpec is a schema in the words of the HCL library.
func hcldecSpec(t testing.TB, b reconcile.Block) hcldec.ObjectSpec {
	t.Helper()
	spec := hcldec.ObjectSpec{}
	for _, a := range b.Attributes {
		var ty cty.Type
		if err := json.Unmarshal([]byte(a.Type), &ty); err != nil {
			t.Fatal(err)
		}
		var s hcldec.Spec = &hcldec.AttrSpec{Name: a.Name, Type: ty, Required: a.Required}
		if a.Default != nil {
			s = &hcldec.DefaultSpec{Primary: s, Default: &hcldec.LiteralSpec{Value: cty.StringVal(a.Default.(string))}}
		}
		spec[a.Name] = s
	}
	for _, n := range b.Blocks {
		inner := hcldecSpec(t, n.Block)
		switch n.Nesting {
		case reconcile.NestingSingle:
			spec[n.Type] = &hcldec.BlockSpec{TypeName: n.Type, Nested: inner}
		case reconcile.NestingList:
			spec[n.Type] = &hcldec.BlockListSpec{TypeName: n.Type, Nested: inner}
		case reconcile.NestingMap:
			spec[n.Type] = &hcldec.BlockMapSpec{TypeName: n.Type, LabelNames: []string{n.Label}, Nested: inner}
		}
	}
	return spec
}

// decodeWithLibrary decodes the body of the last block of a module.
func decodeWithLibrary(t testing.TB, text string) map[string]any {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), "main.hcl", hclStart)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body, _ := file.Body.(*hclsyntax.Body)
	val, diags := hcldec.Decode(body.Blocks[len(body.Blocks)-1].Body, hcldecSpec(t, fileSchema().Resource), nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	raw, err := ctyjson.Marshal(val, val.Type())
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDecodingAgreesWithTheLibrary compares our decoder with hcldec.
func TestDecodingAgreesWithTheLibrary(t *testing.T) {
	for _, text := range []string{
		`resource "file" "a" { root = "x" }`,
		"resource \"file\" \"a\" {\n  root = 5\n  labels = { a = true, b = 2 }\n  count_limit = \"7\"\n  mode_default = \"0600\"\n}",
		"resource \"file\" \"a\" {\n  root = \"x\"\n  file \"b\" {\n    content = \"1\"\n  }\n  file \"a\" {}\n  owner {\n    user = \"u\"\n  }\n}",
		"resource \"file\" \"a\" {\n  root = \"x\"\n  tree {\n    from = \"1\"\n    include = [\"a\", 2]\n  }\n  tree {\n    from = \"2\"\n  }\n}",
		"resource \"file\" \"a\" {\n  root = \"x\"\n  extra = { a = [1, \"b\", null], c = 1.5 }\n}",
	} {
		t.Run(strings.SplitN(text, "\n", 2)[0], func(t *testing.T) {
			want := decodeWithLibrary(t, text)
			raw, err := json.Marshal(config(t, evaluate(t, text), "file.a").Body)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// BenchmarkDecodeLibrary is what hcldec takes for 5,000 blocks; compare with
// BenchmarkDecode.
func BenchmarkDecodeLibrary(b *testing.B) {
	file, diags := hclsyntax.ParseConfig([]byte(manyBlocks(5000)["main.hcl"]), "main.hcl", hclStart)
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	body, _ := file.Body.(*hclsyntax.Body)
	spec := hcldecSpec(b, fileSchema().Resource)
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := hcldec.Decode(body.Blocks[len(body.Blocks)-1].Body, spec, nil); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
