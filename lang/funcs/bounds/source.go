package bounds

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// The limits on source text: the parser and the evaluator call themselves once
// for each level.
const (
	maxSource = 64 * mib
	maxDepth  = 1_000
)

// Source refuses the text of a file that would overflow the parser: too long,
// or too deep in brackets or in a chain of operators. Callers run it before
// they parse.
func Source(src []byte, filename string) hcl.Diagnostics {
	if diags := tooLong(src, filename); diags.HasErrors() {
		return diags
	}
	if shallow(src) {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	return nesting(tokens)
}

// Template is Source for the text of a template.
func Template(src []byte, filename string) hcl.Diagnostics {
	if diags := tooLong(src, filename); diags.HasErrors() {
		return diags
	}
	tokens, _ := hclsyntax.LexTemplate(src, filename, hcl.InitialPos)
	return nesting(tokens)
}

// Expression is Source for the text of one expression.
func Expression(src []byte, filename string) hcl.Diagnostics {
	if diags := tooLong(src, filename); diags.HasErrors() {
		return diags
	}
	tokens, _ := hclsyntax.LexExpression(src, filename, hcl.InitialPos)
	return nesting(tokens)
}

func tooLong(src []byte, filename string) hcl.Diagnostics {
	if len(src) <= maxSource {
		return nil
	}
	return hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  "Source too long",
		Detail:   fmt.Sprintf("The file has %s, more than the limit of %s. Split it into several files.", Size(int64(len(src))), Size(maxSource)),
		Subject:  &hcl.Range{Filename: filename, Start: hcl.InitialPos, End: hcl.InitialPos},
	}}
}

// nesting adds up, for each open bracket, how many operators stand in the
// expression around it: each is one more call of the parser to itself.
func nesting(tokens hclsyntax.Tokens) hcl.Diagnostics {
	n := nest{levels: []level{{}}}
	for i, tok := range tokens {
		if tok.Type == hclsyntax.TokenTemplateControl && i+1 < len(tokens) {
			n.directive(string(tokens[i+1].Bytes))
		}
		if tok.Type == hclsyntax.TokenComment && bytes.HasSuffix(tok.Bytes, []byte("\n")) {
			tok.Type = hclsyntax.TokenNewline // the comment took the line end in
		}
		n.token(tok.Type)
		if n.depth > maxDepth {
			return hcl.Diagnostics{{
				Severity: hcl.DiagError,
				Summary:  "Nesting too deep",
				Detail: fmt.Sprintf("Brackets and operators nest more than %d levels here. "+
					"Split the expression with local values, or use functions that take lists.", maxDepth),
				Subject: tok.Range.Ptr(),
			}}
		}
	}
	return nil
}

// nest is where a walk over tokens stands.
type nest struct {
	levels []level
	// depth is the sum over levels.
	depth int
}

// level is one open bracket and the operators since the last separator in it.
type level struct {
	open      hclsyntax.TokenType
	operators int
}

func (n *nest) token(t hclsyntax.TokenType) {
	top := &n.levels[len(n.levels)-1]
	switch {
	case opens(t):
		n.add(1)
		n.levels = append(n.levels, level{open: t})
	case closes(t) && len(n.levels) > 1:
		n.add(-top.operators)
		n.levels = n.levels[:len(n.levels)-1]
		if top.open == hclsyntax.TokenTemplateInterp || top.open == hclsyntax.TokenTemplateControl {
			n.add(-1) // the parts of a template stand beside each other
		}
	case t == hclsyntax.TokenComma, t == hclsyntax.TokenNewline && top.endsAtNewline():
		n.add(-top.operators)
	case operator(t):
		n.add(1)
	}
}

// directive counts "%{ if" and "%{ for" of templates until their ends.
func (n *nest) directive(word string) {
	switch word {
	case "if", "for":
		n.add(1)
	case "endif", "endfor":
		if n.levels[len(n.levels)-1].operators > 0 {
			n.add(-1)
		}
	}
}

func (n *nest) add(operators int) {
	n.levels[len(n.levels)-1].operators += operators
	n.depth += operators
}

func (l level) endsAtNewline() bool {
	return l.open == hclsyntax.TokenOBrace || l.open == 0
}

func opens(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote,
		hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
		return true
	default:
		return false
	}
}

func closes(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		return true
	default:
		return false
	}
}

func operator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
		hclsyntax.TokenBang, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenQuestion, hclsyntax.TokenColon,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq,
		hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq:
		return true
	default:
		return false
	}
}
