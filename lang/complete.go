package lang

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang/funcs"
	"github.com/cogplan/cogplan/pkg/reconcile"
)

// Candidate is one way to go on writing at a place.
type Candidate struct {
	// Label replaces the word that was begun.
	Label string
	// Kind is argument, block, reference or function.
	Kind string
	// Doc is the documentation of the provider; it may be empty.
	Doc string
}

// started is the reference, or the word, that ends at the cursor.
var started = regexp.MustCompile(`[\p{L}_][\p{L}\p{N}_-]*(?:\["[^"]*"\]|\[[0-9]*\]|\.[\p{L}\p{N}_-]*)*$`)

// Complete lists how the text at a byte offset of a file may go on, sorted.
// Schemas may be nil; then the arguments of providers are left out.
func (m *Module) Complete(filename string, offset int, schemas func(provider string) (*reconcile.Schema, error)) []Candidate {
	file := m.Files()[filename]
	u := m.moduleOf(filename)
	if file == nil || u == nil || offset < 0 || offset > len(file.Bytes) {
		return nil
	}
	text := string(file.Bytes[:offset])
	line := text[strings.LastIndexByte(text, '\n')+1:]
	word := started.FindString(line)
	c := &completer{unit: u, schemas: schemas}
	if strings.TrimSpace(strings.TrimSuffix(line, word)) == "" && !strings.Contains(word, ".") {
		body, _ := file.Body.(*hclsyntax.Body)
		c.arguments(body, offset)
	} else {
		c.reference(word)
	}
	last := word[strings.LastIndexByte(word, '.')+1:]
	return c.matching(last)
}

type completer struct {
	unit    *unit
	schemas func(string) (*reconcile.Schema, error)
	found   []Candidate
}

func (c *completer) matching(begun string) []Candidate {
	out := slices.DeleteFunc(c.found, func(x Candidate) bool { return !strings.HasPrefix(x.Label, begun) })
	slices.SortFunc(out, func(a, b Candidate) int { return strings.Compare(a.Label, b.Label) })
	return slices.CompactFunc(out, func(a, b Candidate) bool { return a.Label == b.Label })
}

func (c *completer) add(kind string, labels ...string) {
	for _, label := range labels {
		c.found = append(c.found, Candidate{Label: label, Kind: kind})
	}
}

// reference completes what stands in an expression.
func (c *completer) reference(word string) {
	steps := strings.Split(word, ".")
	names := func(prefix string) []string { return (&resolver{unit: c.unit}).names(prefix) }
	builtin := builtinNames()
	switch root := steps[0]; {
	case len(steps) == 1:
		c.add("reference", "var", "local", "data", "module")
		c.add("reference", sortedKeys(builtin)...)
		c.add("reference", sortedKeys(c.unit.providers)...)
		c.add("function", sortedKeys(funcs.Functions(funcs.Options{}))...)
	case builtin[root] != nil:
		c.add("reference", builtin[root]...)
	case root == "data" && len(steps) > 3:
		c.attributes(c.unit.nodes["data."+steps[1]+"."+withoutKey(steps[2])])
	case root == "data" && len(steps) == 2:
		c.add("reference", sortedKeys(c.unit.providers)...)
	case root == "module" && len(steps) == 3:
		if child := c.unit.children[withoutKey(steps[1])]; child != nil {
			c.add("reference", sortedKeys(child.module.outputs)...)
		}
	case len(steps) == 3 && root != "data":
		c.attributes(c.unit.nodes[root+"."+withoutKey(steps[1])])
	case len(steps) == 2 || root == "data":
		c.add("reference", names(strings.Join(steps[:len(steps)-1], ".")+".")...)
	}
}

func withoutKey(step string) string {
	name, _, _ := strings.Cut(step, "[")
	return name
}

// attributes are those of a resource, by its provider's schema.
func (c *completer) attributes(n *node) {
	if n == nil || n.kind != resourceNode {
		return
	}
	if block := c.schemaOf(n.resource()); block != nil {
		c.fromSchema(block, "reference", "reference")
	}
	c.add("reference", "objects")
}

func (c *completer) schemaOf(r *resource) *reconcile.Block {
	if c.schemas == nil {
		return nil
	}
	schema, err := c.schemas(c.unit.providers[r.typ])
	if err != nil || schema == nil {
		return nil
	}
	if r.data {
		return schema.Data
	}
	return &schema.Resource
}

func (c *completer) fromSchema(b *reconcile.Block, attr, block string) {
	for _, a := range b.Attributes {
		if attr == "argument" && a.Computed && !a.Optional && !a.Required {
			continue
		}
		c.found = append(c.found, Candidate{Label: a.Name, Kind: attr, Doc: strings.TrimPrefix(docSentence(a.Doc), " The provider says: ")})
	}
	for _, n := range b.Blocks {
		c.found = append(c.found, Candidate{Label: n.Type, Kind: block, Doc: strings.TrimPrefix(docSentence(n.Block.Doc), " The provider says: ")})
	}
}

// arguments completes the name of an argument or block at the start of a line.
func (c *completer) arguments(body *hclsyntax.Body, offset int) {
	g := c.unit.module.grammar
	chain := enclosing(body, offset)
	if len(chain) == 0 {
		c.spec(g.root)
		return
	}
	specs := map[string]*bodySpec{
		"cogplan": g.cogplan, "variable": g.variable, "provider": g.provider, "output": g.output, "module": g.module,
		"check": g.check, "moved": g.moved, "removed": g.removed, "import": g.imports, "policy": g.rule,
		"resource": g.resource, "data": g.data, "allow": g.allow, "limits": g.limits, "http": g.http, "tcp": g.tcp,
		"validation": g.validation, "precondition": g.assert, "postcondition": g.assert, "assert": g.assert, "timeouts": g.timeouts,
	}
	top, last := chain[0], chain[len(chain)-1]
	if top.Type == "module" && len(top.Labels) == 1 {
		if child := c.unit.children[top.Labels[0]]; child != nil {
			c.add("argument", sortedKeys(child.module.variables)...)
		}
	}
	if (top.Type == "resource" || top.Type == "data") && len(top.Labels) == 2 && c.provided(chain) {
		if len(chain) > 1 {
			return
		}
	}
	if spec := specs[last.Type]; spec != nil {
		c.spec(spec)
	}
}

func (c *completer) spec(s *bodySpec) {
	c.add("argument", sortedKeys(s.attrs)...)
	c.add("block", sortedKeys(s.blocks)...)
}

// provided completes from the provider's schema; false where the schema does
// not have the innermost block.
func (c *completer) provided(chain []*hclsyntax.Block) bool {
	top := chain[0]
	block := c.schemaOf(&resource{data: top.Type == "data", typ: top.Labels[0]})
	for _, inner := range chain[1:] {
		block = nestedSchema(block, inner.Type)
	}
	if block == nil {
		return false
	}
	c.fromSchema(block, "argument", "block")
	return true
}

func nestedSchema(b *reconcile.Block, name string) *reconcile.Block {
	if b == nil {
		return nil
	}
	for i := range b.Blocks {
		if b.Blocks[i].Type == name {
			return &b.Blocks[i].Block
		}
	}
	return nil
}

// enclosing are the blocks around an offset, from the outside in.
func enclosing(body *hclsyntax.Body, offset int) []*hclsyntax.Block {
	var out []*hclsyntax.Block
	for body != nil {
		var inside *hclsyntax.Block
		for _, b := range body.Blocks {
			if b.OpenBraceRange.End.Byte <= offset && (offset <= b.CloseBraceRange.Start.Byte || b.CloseBraceRange.Start.Byte < b.OpenBraceRange.End.Byte) {
				inside = b
			}
		}
		if inside == nil {
			break
		}
		out = append(out, inside)
		body = inside.Body
	}
	return out
}

func cleanDir(dir string) string {
	if clean := filepath.Clean(dir); clean != "." {
		return clean
	}
	return ""
}
