package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kind is a way to declare many files.
type kind string

const (
	kindOne  kind = "one"
	kindEach kind = "each"
	kindTree kind = "tree"
	// kindChain is kindEach where each resource depends on the one before.
	kindChain kind = "chain"
)

func parseKind(s string) (kind, error) {
	switch k := kind(s); k {
	case kindOne, kindEach, kindTree, kindChain:
		return k, nil
	default:
		return "", fmt.Errorf("-kinds: %q is none of one, each, tree, chain", s)
	}
}

// operation is one command that a user waits for.
type operation string

const (
	opValidate operation = "validate"
	opPlan     operation = "plan"
	opApply    operation = "apply"
	opNoop     operation = "no-op plan"
	opRemove   operation = "remove all"
)

// operations in the order in which each run goes through them.
var operations = []operation{opValidate, opPlan, opApply, opNoop, opRemove} //nolint:gochecknoglobals // a constant list

// testCase is n files, declared in one way, in one folder.
type testCase struct {
	kind kind
	n    int
	dir  string
}

// fill says how much of the case a configuration declares.
type fill int

const (
	full fill = iota
	empty
)

func fileName(i int) string { return fmt.Sprintf("f%05d.txt", i) }

// fileBody is 1 KiB of text, different for each file.
func fileBody(i int) string { return strings.Repeat(fmt.Sprintf("%05d ", i), 171)[:1024] }

// removed checks that the files are gone at the end of a run, so that a tool that
// did nothing quickly isn't praised for it.
func (c testCase) removed() error {
	left, err := filepath.Glob(filepath.Join(c.dir, "out", "*", "f*.txt"))
	if err != nil {
		return err
	}
	more, err := filepath.Glob(filepath.Join(c.dir, "out", "f*.txt"))
	if err != nil {
		return err
	}
	if n := len(left) + len(more); n > 0 {
		return fmt.Errorf("%d files are left after everything was removed", n)
	}
	return nil
}

// writeCogplan writes the case as a cogplan module.
func writeCogplan(c testCase, f fill) error {
	var b bytes.Buffer
	b.WriteString(cogplanHead)
	n := c.n
	if f == empty {
		n = 0
	}
	switch c.kind {
	case kindEach, kindChain:
		// A resource that leaves the module takes its objects out of anybody's
		// care; so the resources stay, and their files go. Each has a root of its
		// own, below a folder that is there: one that several share is created by
		// the first of them, and the plan of the others is stale then.
		for i := range c.n {
			fmt.Fprintf(&b, "resource \"file\" \"r%05d\" {\n  root  = \"./out/r%05d\"\n  prune = true\n", i, i)
			if c.kind == kindChain && i > 0 {
				fmt.Fprintf(&b, "  depends_on = [file.r%05d]\n", i-1)
			}
			if f == full {
				writeFileBlock(&b, i)
			}
			b.WriteString("}\n\n")
		}
	case kindOne, kindTree:
		b.WriteString("resource \"file\" \"all\" {\n  root  = \"./out\"\n  prune = true\n")
		if c.kind == kindTree {
			if err := writeSource(c.dir, n); err != nil {
				return err
			}
			b.WriteString("  tree {\n    from = \"./src\"\n    to   = \".\"\n  }\n")
		} else {
			for i := range n {
				writeFileBlock(&b, i)
			}
		}
		b.WriteString("}\n")
	}
	for _, name := range []string{"src", "out"} {
		if err := os.MkdirAll(filepath.Join(c.dir, name), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(c.dir, "main.hcl"), b.Bytes(), 0o644)
}

// writeRules is [writeCogplan] with seven rules that look at everything.
func writeRules(c testCase, f fill) error {
	if err := writeCogplan(c, f); err != nil {
		return err
	}
	if err := appendTo(filepath.Join(c.dir, "main.hcl"), "\ncogplan {\n  policy { paths = [\"policy\"] }\n}\n"); err != nil {
		return err
	}
	dir := filepath.Join(c.dir, "policy")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bench.rego"), []byte(rules), 0o644)
}

func appendTo(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

const rules = `package main

deny contains msg if {
	some action in input.plan.actions
	action.details.after.mode == "0777"
	msg := sprintf("%s: everybody may write to it", [action.name])
}

deny contains msg if {
	some action in input.plan.actions
	endswith(action.name, ".pem")
	msg := sprintf("%s: keys are not managed here", [action.name])
}

deny contains msg if {
	some action in input.plan.actions
	contains(action.details.after.content, "BEGIN PRIVATE KEY")
	msg := sprintf("%s holds a private key", [action.name])
}

deny contains msg if {
	some action in input.plan.actions
	some effect in action.details.effects
	effect.capability != "file"
	msg := sprintf("%s leaves the disk", [action.name])
}

deny contains msg if {
	input.counts.delete > 100000
	msg := "too much is deleted at once"
}

warn contains msg if {
	some action in input.plan.actions
	count(action.name) > 200
	msg := sprintf("%s is a long name", [action.name])
}

deny contains msg if {
	not startswith(input.resource.address, "file.")
	msg := "only files are managed here"
}
`

const cogplanHead = `provider "file" {
  source = "file"

  allow {
    read  = ["./src"]
    write = ["./out"]
  }
}

# The last operation removes everything at once.
policy "cogplan.builtin.deny_mass_delete" {
  parameters {
    share = 1
  }
}

policy "cogplan.builtin.run.deny_mass_delete" {
  parameters {
    share = 1
  }
}

`

func writeFileBlock(b *bytes.Buffer, i int) {
	fmt.Fprintf(b, "  file %q {\n    content = %q\n  }\n", fileName(i), fileBody(i))
}

// writeSource makes the folder of a tree hold exactly n files.
func writeSource(dir string, n int) error {
	src := filepath.Join(dir, "src")
	if err := os.RemoveAll(src); err != nil {
		return err
	}
	if err := os.MkdirAll(src, 0o755); err != nil {
		return err
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(src, fileName(i)), []byte(fileBody(i)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeTerraform writes the case for terraform and tofu: as local_file where the
// provider is to be had, else as terraform_data, which is built in and only keeps
// the text in the state.
func writeTerraform(local bool) func(testCase, fill) error {
	return func(c testCase, f fill) error {
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return err
		}
		var b bytes.Buffer
		if local {
			b.WriteString("terraform {\n  required_providers {\n    local = { source = \"hashicorp/local\" }\n  }\n}\n\n")
		}
		if f == full {
			writeTerraformResources(&b, c, local)
		}
		return os.WriteFile(filepath.Join(c.dir, "main.tf"), b.Bytes(), 0o644)
	}
}

func writeTerraformResources(b *bytes.Buffer, c testCase, local bool) {
	if c.kind == kindOne {
		b.WriteString("locals {\n  files = {\n")
		for i := range c.n {
			fmt.Fprintf(b, "    %q = %q\n", fileName(i), fileBody(i))
		}
		b.WriteString("  }\n}\n\n")
		writeTerraformResource(b, local, "all", "", "each.key", "each.value")
		return
	}
	for i := range c.n {
		after := ""
		if c.kind == kindChain && i > 0 {
			after = fmt.Sprintf("r%05d", i-1)
		}
		writeTerraformResource(b, local, fmt.Sprintf("r%05d", i), after, fmt.Sprintf("%q", fileName(i)), fmt.Sprintf("%q", fileBody(i)))
	}
}

func writeTerraformResource(b *bytes.Buffer, local bool, name, after, file, content string) { //nolint:revive // the parts of one block
	kind := "terraform_data"
	if local {
		kind = "local_file"
	}
	fmt.Fprintf(b, "resource %q %q {\n", kind, name)
	if name == "all" {
		b.WriteString("  for_each = local.files\n")
	}
	if after != "" {
		fmt.Fprintf(b, "  depends_on = [%s.%s]\n", kind, after)
	}
	if local {
		fmt.Fprintf(b, "  filename = join(\"/\", [path.root, \"out\", %s])\n  content  = %s\n}\n\n", file, content)
		return
	}
	fmt.Fprintf(b, "  input = { name = %s, content = %s }\n}\n\n", file, content)
}
