package lang

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/cogplan/cogplan/lang/funcs/bounds"
)

// chunkBytes is how much of a file is parsed at a time. The parser keeps all
// tokens of its input in one growing list, which for a large file costs more
// than the parsing; and chunks are parsed on all cores.
const chunkBytes = 4 << 10

// chunk is a piece of a file that ends after a block.
type chunk struct {
	start hcl.Pos
	src   []byte
	body  *hclsyntax.Body
	diags hcl.Diagnostics
}

// parseNative parses a file in the native syntax. It cuts at lines that hold
// nothing but a closing brace. Where such a line does not end a block (inside a
// heredoc, a comment or a block that is not indented), the piece before it does
// not parse; then, as with every other mistake, the file is parsed as a whole.
func parseNative(src []byte, name string) (*hcl.File, hcl.Diagnostics) {
	chunks := cut(src, chunkBytes)
	if len(chunks) > 1 {
		parseChunks(chunks, name)
		if body := join(chunks); body != nil {
			return &hcl.File{Body: body, Bytes: src, Nav: navigation{body}}, nil
		}
	}
	if diags := bounds.Source(src, name); diags.HasErrors() {
		return nil, diags
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return syntaxErrors(src, name, file, diags)
	}
	return file, diags
}

// syntaxErrors finds the mistakes in all blocks of a file, and the blocks
// between them: the parser gives up a file at the first mistake, and what it
// says after it is noise.
func syntaxErrors(src []byte, name string, file *hcl.File, whole hcl.Diagnostics) (*hcl.File, hcl.Diagnostics) {
	first := whole[:1]
	if bytes.Contains(src, []byte("<<")) || bytes.Contains(src, []byte("/*")) {
		return file, first // a line with a brace may be text here
	}
	chunks := cut(src, 0)
	parseChunks(chunks, name)
	var diags hcl.Diagnostics
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: file.Body.MissingItemRange(), EndRange: file.Body.MissingItemRange()}
	for _, c := range chunks {
		if c.diags.HasErrors() {
			diags = append(diags, c.diags[0])
		}
		if c.body != nil {
			body.Blocks = append(body.Blocks, c.body.Blocks...)
		}
	}
	if len(diags) == 0 {
		return file, first
	}
	return &hcl.File{Body: body, Bytes: src, Nav: navigation{body}}, diags
}

func cut(src []byte, least int) []*chunk {
	var chunks []*chunk
	pos := hcl.InitialPos
	for len(src) > 0 {
		size := len(src)
		if size > least {
			if at := bytes.Index(src[least:], []byte("\n}\n")); at >= 0 {
				size = least + at + len("\n}\n")
			}
		}
		c := &chunk{start: pos, src: src[:size]}
		chunks = append(chunks, c)
		pos.Byte += size
		pos.Line += bytes.Count(c.src, []byte("\n"))
		src = src[size:]
	}
	return chunks
}

func parseChunks(chunks []*chunk, name string) {
	next := make(chan *chunk)
	var wg sync.WaitGroup
	for range min(len(chunks), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for c := range next {
				c.parse(name)
			}
		})
	}
	for _, c := range chunks {
		next <- c
	}
	close(next)
	wg.Wait()
}

func (c *chunk) parse(name string) {
	if mayNest(c.src) {
		if c.diags = bounds.Source(c.src, name); c.diags.HasErrors() {
			return
		}
	}
	var file *hcl.File
	file, c.diags = hclsyntax.ParseConfig(c.src, name, c.start)
	c.body, _ = file.Body.(*hclsyntax.Body)
}

// mayNest reports whether a text has so many brackets and operators that it is
// worth looking how deep they nest; most pieces have few.
func mayNest(src []byte) bool {
	const few = 900
	n, quotes := 0, 0
	for _, c := range src {
		switch c {
		case '"':
			quotes++
		case '(', '[', '{', '<', '>', '+', '-', '*', '/', '%', '!', '&', '|', '?', ':':
			n++
		}
	}
	return n+bytes.Count(src, []byte("=="))+quotes/2 > few
}

// join puts the bodies of the chunks together; nil where one has a mistake or
// two set the same argument.
func join(chunks []*chunk) *hclsyntax.Body {
	whole := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}
	for _, c := range chunks {
		if len(c.diags) > 0 || c.body == nil {
			return nil
		}
		for key, attr := range c.body.Attributes {
			if whole.Attributes[key] != nil {
				return nil
			}
			whole.Attributes[key] = attr
		}
		whole.Blocks = append(whole.Blocks, c.body.Blocks...)
	}
	whole.SrcRange = hcl.RangeBetween(chunks[0].body.SrcRange, chunks[len(chunks)-1].body.SrcRange)
	whole.EndRange = chunks[len(chunks)-1].body.EndRange
	return whole
}

// navigation tells the writer of diagnostics which block a place is in.
type navigation struct{ body *hclsyntax.Body }

// ContextString names the block at a byte offset.
func (n navigation) ContextString(offset int) string {
	blocks := n.body.Blocks
	i, found := slices.BinarySearchFunc(blocks, offset, func(b *hclsyntax.Block, offset int) int {
		return b.Range().Start.Byte - offset
	})
	if !found {
		i--
	}
	if i < 0 || i >= len(blocks) || !blocks[i].Body.SrcRange.ContainsPos(hcl.Pos{Byte: offset}) && !blocks[i].DefRange().ContainsPos(hcl.Pos{Byte: offset}) {
		return ""
	}
	return strings.Join(append([]string{blocks[i].Type}, quotedEach(blocks[i].Labels)...), " ")
}
