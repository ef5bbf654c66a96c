package bounds

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzShallow: what the fast scan lets through, the count of tokens lets
// through. Each input is repeated, so that short ones nest deep.
func FuzzShallow(f *testing.F) {
	for _, src := range []string{
		"a = [", "[ # ]\n", "a = \"${", "\"]\" [", "(\n", "{ a = \"}\"\n", "1 +\n", "!", "a = \"%{if x}\"\n", "x = \"$${\" [\"\\\"]\n",
		"\"${\"}\"}\" [", "'\"' [", "// ]\n[", "a ? b :\n", "\"%%{\" (\n", "\"\\u0022\" [\n", "$\"[\"", "\r[",
	} {
		f.Add(src, uint16(1500))
	}
	f.Fuzz(func(t *testing.T, src string, times uint16) {
		all := []byte(strings.Repeat(src, int(times)%2000))
		if len(all) > 1<<16 || !shallow(all) {
			return
		}
		tokens, _ := hclsyntax.LexConfig(all, "x", hcl.InitialPos)
		if diags := nesting(tokens); diags.HasErrors() {
			t.Errorf("%q, %d times: the fast scan lets through what is too deep", src, int(times)%2000)
		}
	})
}

func TestShallowIsUsed(t *testing.T) {
	if !shallow([]byte(strings.Repeat("r \"f\" \"x\" {\n  a = [1 + 2, \"./${b[\"k\"]}\"] # ]\n}\n", 5000))) {
		t.Error("ordinary source takes the slow way")
	}
}
