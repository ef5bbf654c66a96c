package lang_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cogplan/cogplan/lang"
)

// childModule is the module in ./site that an example of the document calls.
const childModule = `variable "region" {
  type = string
}
resource "disk" "here" {
  root = "./out/${var.region}"
}
output "root" {
  value = disk.here.root
}
`

var example = regexp.MustCompile("(?s)```hcl( fails)?\n(.*?)```")

// TestDocumentedExamples executes every example of docs/language.md.
func TestDocumentedExamples(t *testing.T) {
	doc, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	found := example.FindAllStringSubmatch(string(doc), -1)
	if len(found) < 12 {
		t.Fatalf("only %d examples", len(found))
	}
	for _, f := range found {
		name, _, _ := strings.Cut(f[2], "\n")
		t.Run(name, func(t *testing.T) {
			t.Chdir(writeModule(t, map[string]string{"main.hcl": f[2], "site/main.hcl": childModule}))
			m, diags := lang.Load(".", lang.WithVersion("0.5.0"))
			if !diags.HasErrors() {
				_, diags = m.Evaluate(lang.EvalOptions{Schemas: documented})
			}
			switch wrong := f[1] != ""; {
			case wrong && !diags.HasErrors():
				t.Error("the example should be refused")
			case !wrong && len(diags) > 0:
				t.Error(show(m, diags))
			}
		})
	}
}
