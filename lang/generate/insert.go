package generate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Insert puts the text of a [Body] behind the last line of a block, and returns the
// whole file and the block alone. The block is the one whose header begins at the range, as [lang.Evaluation.Range]
// tells it. The rest of the file stays byte for byte as it is.
func Insert(src []byte, header hcl.Range, text string) (file, block []byte, err error) {
	parsed, diags := hclsyntax.ParseConfig(src, header.Filename, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return nil, nil, errors.New("it is no HCL in the native syntax")
	}
	for _, b := range body.Blocks {
		if b.TypeRange.Start.Byte == header.Start.Byte {
			return insertInto(src, b, text)
		}
	}
	return nil, nil, fmt.Errorf("there is no block at line %d", header.Start.Line)
}

func insertInto(src []byte, b *hclsyntax.Block, text string) (file, block []byte, err error) {
	open, end := b.OpenBraceRange.End.Byte, b.CloseBraceRange.Start.Byte
	inner := src[open:end]
	var out bytes.Buffer
	out.Write(src[:open])
	switch {
	case text == "":
		out.Write(inner)
	case !bytes.Contains(inner, []byte("\n")): // a block on one line
		out.WriteByte('\n')
		if one := strings.TrimSpace(string(inner)); one != "" {
			out.WriteString("  " + one + "\n")
		}
		out.WriteString(text)
	default:
		// What stands before the brace on its line is indentation.
		out.Write(bytes.TrimRight(inner, " \t"))
		out.WriteString(text)
	}
	start, tail := b.TypeRange.Start.Byte, src[end:]
	out.Write(tail)
	file = out.Bytes()
	if err := readable(file, b.TypeRange.Filename); err != nil {
		return nil, nil, fmt.Errorf("what would be written cannot be read back: %w", err)
	}
	return file, file[start : len(file)-len(tail)+(b.CloseBraceRange.End.Byte-end)], nil
}
