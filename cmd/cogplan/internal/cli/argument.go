package cli

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// argument finds the argument that a path leads to, inside the block with that
// header. It goes as far as the source does: what is computed inside an
// expression is blamed on the argument.
func (s *session) argument(header hcl.Range, path []any) (hcl.Range, bool) {
	file := s.sources()[header.Filename]
	if file == nil {
		return hcl.Range{}, false
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return hcl.Range{}, false // JSON has no blocks to look into
	}
	i := slices.IndexFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.DefRange() == header })
	if i < 0 {
		return hcl.Range{}, false
	}
	return follow(body.Blocks[i].Body, path)
}

// follow goes down a body. A step is the name of an argument or a block, the
// label of a block, or a position.
func follow(body *hclsyntax.Body, path []any) (hcl.Range, bool) {
	if len(path) == 0 {
		return hcl.Range{}, false
	}
	name, ok := path[0].(string)
	if !ok {
		return hcl.Range{}, false
	}
	if attribute, ok := body.Attributes[name]; ok {
		return attribute.SrcRange, true
	}
	var blocks []*hclsyntax.Block
	for _, block := range body.Blocks {
		if block.Type == name {
			blocks = append(blocks, block)
		}
	}
	block, rest := pick(blocks, path[1:])
	if block == nil {
		return hcl.Range{}, false
	}
	if deeper, ok := follow(block.Body, rest); ok {
		return deeper, true
	}
	return block.DefRange(), true
}

// pick takes the block that the next step names by label or position, or the
// only one.
func pick(blocks []*hclsyntax.Block, path []any) (*hclsyntax.Block, []any) {
	if len(blocks) == 0 {
		return nil, nil
	}
	if len(path) == 0 {
		return blocks[0], nil
	}
	switch step := path[0].(type) {
	case string:
		for _, block := range blocks {
			if slices.Contains(block.Labels, step) {
				return block, path[1:]
			}
		}
	case int64:
		if step >= 0 && step < int64(len(blocks)) {
			return blocks[step], path[1:]
		}
		return nil, nil
	}
	return blocks[0], path
}
