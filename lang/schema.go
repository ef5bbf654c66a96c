package lang

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cogplan/cogplan/pkg/reconcile"
)

// maxSchemaDepth bounds how deep blocks of a schema nest.
const maxSchemaDepth = 16

// providerType is a provider's schema, made ready for decoding.
type providerType struct {
	schema   *reconcile.Schema
	resource *blockType
	data     *blockType // nil where the provider has none
	config   *blockType // nil where the provider takes none
}

// blockType is the schema of a body.
type blockType struct {
	spec   *bodySpec
	attrs  []*attrType
	byName map[string]*attrType
	blocks []*nestedType
	nested map[string]*nestedType
	// static is true where no attribute inside has a type of its own for each
	// value; only then are blocks lists and maps rather than tuples and objects.
	static bool
}

type attrType struct {
	reconcile.Attribute

	ty      cty.Type
	def     cty.Value
	pattern *regexp.Regexp
}

// settable reports whether the author may give the attribute a value.
func (a *attrType) settable() bool { return a.Required || a.Optional || !a.Computed }

type nestedType struct {
	reconcile.NestedBlock

	inner *blockType
}

// CheckSchema says what is wrong with the schema that a provider describes, in
// the words in which a module that uses it would be refused; nil for nothing.
func CheckSchema(schema *reconcile.Schema) error {
	_, err := newProviderType("this provider", schema, newGrammar().resource)
	return err
}

// newProviderType checks a schema: it comes from a guest, so it may be wrong.
func newProviderType(name string, schema *reconcile.Schema, own *bodySpec) (*providerType, error) {
	out := &providerType{schema: schema}
	var err error
	if out.resource, err = newBlockType(schema.Resource, "a resource of "+quote(name), 0); err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	if err := out.resource.reserve(own); err != nil {
		return nil, err
	}
	if schema.Data != nil {
		if out.data, err = newBlockType(*schema.Data, "a data block of "+quote(name), 0); err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		if err := out.data.reserve(own); err != nil {
			return nil, err
		}
	}
	if schema.Config != nil {
		if out.config, err = newBlockType(*schema.Config, "the config block of the provider "+quote(name), 0); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	return out, nil
}

func newBlockType(b reconcile.Block, where string, depth int) (*blockType, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("blocks nest more than %d levels", maxSchemaDepth)
	}
	out := &blockType{
		spec:   &bodySpec{where: where, attrs: map[string]attrSpec{}, blocks: map[string]blockSpec{}, docs: map[string]string{}},
		byName: map[string]*attrType{}, nested: map[string]*nestedType{}, static: true,
	}
	for _, a := range b.Attributes {
		if err := out.addAttribute(a); err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	for _, n := range b.Blocks {
		if err := out.addBlock(n, depth); err != nil {
			return nil, fmt.Errorf("block %q: %w", n.Type, err)
		}
	}
	if len(out.blocks) > 0 {
		out.spec.blocks["dynamic"] = blockSpec{labels: []string{"block"}, many: true}
	}
	return out, nil
}

func (b *blockType) addAttribute(a reconcile.Attribute) error {
	if err := b.free(a.Name); err != nil {
		return err
	}
	at := &attrType{Attribute: a, def: cty.NilVal}
	if err := json.Unmarshal([]byte(a.Type), &at.ty); err != nil {
		return fmt.Errorf("type %q: %w", a.Type, err)
	}
	if a.Pattern != "" {
		re, err := regexp.Compile(`\A(?:` + a.Pattern + `)\z`)
		if err != nil {
			return fmt.Errorf("pattern: %w", err)
		}
		at.pattern = re
	}
	if a.Default != nil {
		def, err := jsonValue(a.Default, at.ty)
		if err != nil {
			return fmt.Errorf("default: %w", err)
		}
		at.def = def
	}
	b.attrs = append(b.attrs, at)
	b.byName[a.Name] = at
	b.spec.attrs[a.Name] = attrSpec{required: a.Required, hint: docSentence(a.Doc)}
	b.spec.docs[a.Name] = a.Doc
	b.static = b.static && !at.ty.HasDynamicTypes()
	return nil
}

func (b *blockType) addBlock(n reconcile.NestedBlock, depth int) error {
	if err := b.free(n.Type); err != nil {
		return err
	}
	inner, err := newBlockType(n.Block, "a "+quote(n.Type)+" block", depth+1)
	if err != nil {
		return err
	}
	spec := blockSpec{many: true}
	switch n.Nesting {
	case reconcile.NestingSingle:
		spec.many = false
	case reconcile.NestingList:
	case reconcile.NestingMap:
		label := n.Label
		if label == "" {
			label = "name"
		}
		spec.labels = []string{label}
	default:
		return fmt.Errorf("unknown nesting %q", n.Nesting)
	}
	nt := &nestedType{NestedBlock: n, inner: inner}
	b.blocks = append(b.blocks, nt)
	b.nested[n.Type] = nt
	b.spec.blocks[n.Type] = spec
	b.static = b.static && inner.static
	return nil
}

// free checks that a name can be written and is not taken.
func (b *blockType) free(name string) error {
	switch {
	case !hclsyntax.ValidIdentifier(name) || name == "dynamic":
		return fmt.Errorf("the name cannot be used in a block")
	case b.byName[name] != nil || b.nested[name] != nil:
		return fmt.Errorf("the name is used twice")
	}
	return nil
}

// reserve takes cogplan's own arguments into the body, and refuses a schema
// that has them itself.
func (b *blockType) reserve(own *bodySpec) error {
	if b.byName["objects"] != nil || b.nested["objects"] != nil {
		return fmt.Errorf("the name %q is reserved", "objects")
	}
	for name := range own.attrs {
		if b.byName[name] != nil || b.nested[name] != nil {
			return fmt.Errorf("the argument %q is one of cogplan's own", name)
		}
		b.spec.attrs[name] = attrSpec{}
	}
	for name, spec := range own.blocks {
		if b.byName[name] != nil || b.nested[name] != nil {
			return fmt.Errorf("the block %q is one of cogplan's own", name)
		}
		b.spec.blocks[name] = spec
	}
	return nil
}

// jsonValue turns a JSON value of a schema into a value of a type.
func jsonValue(v any, ty cty.Type) (cty.Value, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return cty.NilVal, err
	}
	implied, err := ctyjson.ImpliedType(raw)
	if err != nil {
		return cty.NilVal, err
	}
	val, err := ctyjson.Unmarshal(raw, implied)
	if err != nil {
		return cty.NilVal, err
	}
	return convert.Convert(val, ty)
}

// objectType is the type of the body as decoded; blocks that are not static
// have no type before they are decoded.
func (b *blockType) objectType() cty.Type {
	types := make(map[string]cty.Type, len(b.attrs)+len(b.blocks))
	for _, a := range b.attrs {
		types[a.Name] = a.ty
	}
	for _, n := range b.blocks {
		types[n.Type] = n.typ()
	}
	return cty.Object(types)
}

func (n *nestedType) typ() cty.Type {
	switch {
	case !n.inner.static:
		return cty.DynamicPseudoType
	case n.Nesting == reconcile.NestingList:
		return cty.List(n.inner.objectType())
	case n.Nesting == reconcile.NestingMap:
		return cty.Map(n.inner.objectType())
	default:
		return n.inner.objectType()
	}
}

// docSentence is a provider's documentation as part of a message: one line,
// without what a terminal would obey, and not longer than a message may be.
func docSentence(doc string) string {
	const longest = 300
	clean := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, doc)
	clean = strings.Join(strings.Fields(clean), " ")
	if clean == "" {
		return ""
	}
	if runes := []rune(clean); len(runes) > longest {
		clean = string(runes[:longest]) + "…"
	}
	return " The provider says: " + clean
}
