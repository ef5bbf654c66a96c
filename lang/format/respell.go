package format

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// edit replaces the source between two byte offsets.
type edit struct {
	from, to int
	text     string
}

// respell changes old spellings to today's.
func respell(src []byte, body *hclsyntax.Body) []byte {
	edits := bodyEdits(src, body, "")
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(src[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(src[at:])
	return out.Bytes()
}

func bodyEdits(src []byte, body *hclsyntax.Body, block string) []edit {
	var edits []edit
	for _, attr := range body.Attributes {
		from, to := attr.Expr.Range().Start.Byte, attr.Expr.Range().End.Byte
		text := string(src[from:to])
		if block == "variable" && attr.Name == "type" {
			if now, ok := todaysTypes(text); ok {
				edits = append(edits, edit{from, to, now})
			}
			continue
		}
		if inner, ok := unwrapped(attr.Expr, text); ok {
			edits = append(edits, edit{from, to, inner})
		}
	}
	for _, b := range body.Blocks {
		for i, r := range b.LabelRanges {
			if src[r.Start.Byte] != '"' {
				edits = append(edits, edit{r.Start.Byte, r.End.Byte, strconv.Quote(b.Labels[i])})
			}
		}
		inside := b.Type
		if block != "" {
			inside = block + "." + b.Type // only a block of the file itself is a variable
		}
		edits = append(edits, bodyEdits(src, b.Body, inside)...)
	}
	return edits
}

func todaysTypes(text string) (string, bool) {
	switch text {
	case `"string"`:
		return "string", true
	case `"list"`:
		return "list(string)", true
	case `"map"`:
		return "map(string)", true
	case "list", "map", "set":
		return text + "(any)", true
	default:
		return "", false
	}
}

// unwrapped is the expression inside a template that is one interpolation and
// nothing else. An interpolation ignores line ends that would end the value
// outside of it, so such an expression gets parentheses. One that holds a
// heredoc or a comment to the end of a line stays.
func unwrapped(expr hclsyntax.Expression, text string) (string, bool) {
	_, ok := expr.(*hclsyntax.TemplateWrapExpr)
	inner, opened := strings.CutPrefix(text, `"${`)
	inner, closed := strings.CutSuffix(inner, `}"`)
	if !ok || !opened || !closed {
		return "", false
	}
	// The markers that strip white space have none to strip here.
	inner = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(inner, "~"), "~"))
	tokens, diags := hclsyntax.LexExpression([]byte(inner), "", hcl.InitialPos)
	if diags.HasErrors() {
		return "", false
	}
	depth, lines := 0, false
	for _, tok := range tokens {
		switch tok.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			depth--
		case hclsyntax.TokenOHeredoc:
			return "", false
		case hclsyntax.TokenComment:
			if !bytes.HasPrefix(tok.Bytes, []byte("/*")) {
				return "", false
			}
		case hclsyntax.TokenNewline:
			lines = lines || depth == 0
		}
	}
	if lines {
		return "(" + inner + ")", true
	}
	return inner, true
}
