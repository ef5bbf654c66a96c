package lang

import (
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// bodySpec says what may stand in a body. The native syntax is read by our own
// walk, because the library's knows neither the provider's documentation nor
// which block a mistake is in; JSON is read by the library.
type bodySpec struct {
	// where names the body in messages: "a provider block", "file.site".
	where  string
	attrs  map[string]attrSpec
	blocks map[string]blockSpec
	// docs are a provider's own words about its arguments.
	docs map[string]string
	// required are the names of the required arguments, made when first needed:
	// a body is read thousands of times.
	once     sync.Once
	required []string
	// open bodies may hold more: their rest belongs to a provider's schema.
	open bool
}

type attrSpec struct {
	required bool
	// hint follows the message that the argument is missing.
	hint string
}

type blockSpec struct {
	// labels are what the block's labels are, in words: "name".
	labels []string
	// many blocks of the type may stand beside each other.
	many bool
}

// bodyContent is what a body holds, in source order.
type bodyContent struct {
	attrs  map[string]*hcl.Attribute
	blocks []*hcl.Block
	// end is where something missing would stand.
	end hcl.Range
}

// first returns the first block of a type, or nil.
func (c *bodyContent) first(blockType string) *hcl.Block {
	for _, b := range c.blocks {
		if b.Type == blockType {
			return b
		}
	}
	return nil
}

func readBody(body hcl.Body, spec *bodySpec) (*bodyContent, hcl.Diagnostics) {
	var content *bodyContent
	var diags hcl.Diagnostics
	if native, ok := body.(*hclsyntax.Body); ok {
		content, diags = spec.readNative(native)
	} else {
		content, diags = spec.readOther(body)
	}
	diags = append(diags, spec.checkMissing(content)...)
	return content, append(diags, spec.checkSingle(content)...)
}

func (s *bodySpec) readNative(body *hclsyntax.Body) (*bodyContent, hcl.Diagnostics) {
	content := &bodyContent{attrs: make(map[string]*hcl.Attribute, len(body.Attributes)), end: headerRange(body)}
	var diags hcl.Diagnostics
	for name, attr := range body.Attributes {
		if _, ok := s.attrs[name]; ok {
			content.attrs[name] = attr.AsHCLAttribute()
		} else if !s.open {
			diags = append(diags, s.unknownArgument(name, attr.NameRange))
		}
	}
	for _, block := range body.Blocks {
		want, ok := s.blocks[block.Type]
		switch {
		case ok && len(block.Labels) == len(want.labels):
			content.blocks = append(content.blocks, block.AsHCLBlock())
		case ok:
			diags = append(diags, wrongLabels(block, want))
		case !s.open:
			diags = append(diags, s.unknownBlock(block.Type, block.TypeRange))
		}
	}
	return content, diags
}

func headerRange(body *hclsyntax.Body) hcl.Range { return body.MissingItemRange() }

func (s *bodySpec) readOther(body hcl.Body) (*bodyContent, hcl.Diagnostics) {
	schema := &hcl.BodySchema{}
	for name := range s.attrs {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	for name, b := range s.blocks {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name, LabelNames: b.labels})
	}
	slices.SortFunc(schema.Blocks, func(a, b hcl.BlockHeaderSchema) int { return strings.Compare(a.Type, b.Type) })
	var got *hcl.BodyContent
	var diags hcl.Diagnostics
	if s.open {
		got, _, diags = body.PartialContent(schema)
	} else {
		got, diags = body.Content(schema)
	}
	content := &bodyContent{attrs: got.Attributes, blocks: got.Blocks, end: body.MissingItemRange()}
	if content.attrs == nil {
		content.attrs = map[string]*hcl.Attribute{}
	}
	return content, diags
}

func (s *bodySpec) checkMissing(content *bodyContent) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, name := range s.requiredNames() {
		if content.attrs[name] == nil {
			diags = append(diags, mistake(content.end, "Missing argument",
				"%s needs the argument %s.%s", upperFirst(s.where), quote(name), s.attrs[name].hint))
		}
	}
	return diags
}

func (s *bodySpec) requiredNames() []string {
	s.once.Do(func() {
		for name, attr := range s.attrs {
			if attr.required {
				s.required = append(s.required, name)
			}
		}
	})
	return s.required
}

func (s *bodySpec) checkSingle(content *bodyContent) hcl.Diagnostics {
	if len(content.blocks) < 2 {
		return nil
	}
	var diags hcl.Diagnostics
	seen := map[string]*hcl.Block{}
	for _, block := range content.blocks {
		if s.blocks[block.Type].many {
			continue
		}
		if first := seen[block.Type]; first != nil {
			diags = append(diags, mistake(block.DefRange, "Duplicate block",
				"%s has one %s block at most; the first is at %s.", upperFirst(s.where), block.Type, place(first.DefRange)))
			continue
		}
		seen[block.Type] = block
	}
	return diags
}

func (s *bodySpec) unknownArgument(name string, rng hcl.Range) *hcl.Diagnostic {
	if b, ok := s.blocks[name]; ok {
		return mistake(rng, "Block written as an argument",
			"In %s, %s is a block. Write it without an equals sign: %s { … }.", s.where, quote(name), blockHeader(name, b))
	}
	return mistake(rng, "Unsupported argument", "There is no argument %s in %s.%s%s", quote(name), s.where,
		didYouMeanOrList(name, s.attrNames(), "argument"), docSentence(s.docs[nearest(name, s.attrNames())]))
}

func (s *bodySpec) unknownBlock(name string, rng hcl.Range) *hcl.Diagnostic {
	if _, ok := s.attrs[name]; ok {
		return mistake(rng, "Argument written as a block",
			"In %s, %s is an argument. Write it with an equals sign: %s = ….", s.where, quote(name), name)
	}
	if hint := elsewhere(name); hint != "" {
		return mistake(rng, "Unsupported block", "There is no block %s in %s. %s", quote(name), s.where, hint)
	}
	return mistake(rng, "Unsupported block", "There is no block %s in %s.%s",
		quote(name), s.where, didYouMeanOrList(name, s.blockNames(), "block"))
}

// elsewhere says what takes the place of blocks that people know from Terraform.
func elsewhere(name string) string {
	return map[string]string{
		"terraform":          "Settings of the module stand in a cogplan block; providers need no list, each has a provider block with its source.",
		"required_providers": "Each provider has a provider block with its source.",
		"backend":            "Where state is kept is said in the cogplan block: state \"file\" {}.",
		"lifecycle":          "Write protect, ignore_changes, precondition and postcondition directly into the resource.",
		"provisioner":        "What has to be done is a resource of a provider; commands are not run on the side.",
		"connection":         "What a provider may connect to stands in the allow block of the provider.",
		"ephemeral":          "cogplan has no ephemeral values; mark them sensitive.",
	}[name]
}

func (s *bodySpec) attrNames() []string {
	names := make([]string, 0, len(s.attrs))
	for name := range s.attrs {
		names = append(names, name)
	}
	return names
}

func (s *bodySpec) blockNames() []string {
	names := make([]string, 0, len(s.blocks))
	for name := range s.blocks {
		names = append(names, name)
	}
	return names
}

func blockHeader(name string, b blockSpec) string {
	var sb strings.Builder
	sb.WriteString(name)
	for _, label := range b.labels {
		sb.WriteString(` "` + label + `"`)
	}
	return sb.String()
}

func wrongLabels(block *hclsyntax.Block, want blockSpec) *hcl.Diagnostic {
	header := blockHeader(block.Type, want)
	if len(block.Labels) < len(want.labels) {
		return mistake(block.DefRange(), "Missing label",
			"A %s block has a %s after its keyword. Write it as %s { … }.", block.Type, strings.Join(want.labels, " and a "), header)
	}
	rng := block.LabelRanges[len(want.labels)]
	return mistake(rng, "Extra label", "A %s block has %s. Write it as %s { … }.", block.Type, labelCount(len(want.labels)), header)
}

func labelCount(n int) string {
	switch n {
	case 0:
		return "no label"
	case 1:
		return "one label"
	default:
		return "two labels"
	}
}
