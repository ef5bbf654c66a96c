package lang

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// TestSpecification takes the sources of HCL's own specification tests through
// what lang puts around HCL: the bounds on sources and the guards on
// expressions. Mistakes and values have to be those of HCL alone. What the tests
// say about decoding (*.hcldec, *.t) is about hcldec, which lang does not use:
// its decoder follows schemas of providers, and is compared with hcldec in
// TestDecodingAgreesWithTheLibrary.
func TestSpecification(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/hcl/v2").Output()
	if err != nil {
		t.Skipf("the hcl module is not at hand: %v", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "specsuite", "tests")
	seen := 0
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".hcl") {
			return err
		}
		seen++
		name, _ := filepath.Rel(root, path)
		t.Run(filepath.ToSlash(name), func(t *testing.T) { agreesWithHCL(t, path) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Errorf("only %d sources were found in %s", seen, root)
	}
}

func agreesWithHCL(t *testing.T, path string) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diags := bounds.Source(src, "spec.hcl"); diags.HasErrors() {
		t.Fatalf("out of bounds: %v", diags)
	}
	plain, want := hclsyntax.ParseConfig(src, "spec.hcl", hcl.InitialPos)
	guarded, got := hclsyntax.ParseConfig(src, "spec.hcl", hcl.InitialPos)
	if diff := cmp.Diff(want.Error(), got.Error()); diff != "" {
		t.Fatal(diff)
	}
	if want.HasErrors() {
		return
	}
	if diags := guard(guarded, bounds.NewBudget(bounds.Limits{})); diags.HasErrors() {
		t.Fatal(diags)
	}
	plainBody, _ := plain.Body.(*hclsyntax.Body)
	guardedBody, _ := guarded.Body.(*hclsyntax.Body)
	sameBodies(t, plainBody, guardedBody)
}

func sameBodies(t *testing.T, plain, guarded *hclsyntax.Body) {
	t.Helper()
	evalCtx := &hcl.EvalContext{Variables: map[string]cty.Value{}}
	for name, attr := range plain.Attributes {
		want, wantDiags := attr.Expr.Value(evalCtx)
		got, gotDiags := guarded.Attributes[name].Expr.Value(evalCtx)
		if !want.RawEquals(got) || wantDiags.HasErrors() != gotDiags.HasErrors() {
			t.Errorf("%s: HCL gives %#v (%v), lang %#v (%v)", name, want, wantDiags, got, gotDiags)
		}
	}
	for i, block := range plain.Blocks {
		sameBodies(t, block.Body, guarded.Blocks[i].Body)
	}
}
