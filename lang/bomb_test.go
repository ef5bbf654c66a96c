package lang

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoopsInLoopsAreRefused: what goes round a thousand million times ends
// after a million rounds, and sooner where a round is much work.
func TestLoopsInLoopsAreRefused(t *testing.T) {
	for name, expr := range map[string]string{
		"short": "[for x in range(1000) : [for y in range(1000) : [for z in range(1000) : x]]]",
		"long":  "[for x in range(1000) : [for y in range(1000) : [" + strings.Repeat("x + y * 2, ", 20) + "]]]",
		"splat": "[for x in range(1000) : [for y in range(1000) : range(1000)[*]]]",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte("locals {\n  a = "+expr+"\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		module, diags := Load(dir)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if _, diags = module.Evaluate(EvalOptions{}); !diags.HasErrors() || !strings.Contains(diags.Error(), "in all") {
			t.Errorf("%s: %v", name, diags)
		}
		if len(diags) > 10 {
			t.Errorf("%s: %d diagnostics", name, len(diags))
		}
	}
}
