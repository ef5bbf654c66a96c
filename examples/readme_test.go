package examples

import (
	"os"
	"strings"
	"testing"
)

// The first thing a reader sees is a module that is in the tree, word for word.
func TestTheReadmeShowsTheExample(t *testing.T) {
	module, err := os.ReadFile("hello/main.hcl")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```hcl file=main.hcl\n"+string(module)+"```\n") {
		t.Error("README.md does not show examples/hello/main.hcl as it is")
	}
}
