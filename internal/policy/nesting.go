package policy

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// HCL parses and evaluates by recursion, and a stack that overflows cannot be
// recovered from. No policy comes near these limits.
const (
	maxNesting = 100    // brackets within brackets
	maxWords   = 10_000 // of one expression, between its commas
)

var opening = map[hclsyntax.TokenType]bool{
	hclsyntax.TokenOBrace: true, hclsyntax.TokenOBrack: true, hclsyntax.TokenOParen: true,
	hclsyntax.TokenTemplateInterp: true, hclsyntax.TokenTemplateControl: true,
}

var closing = map[hclsyntax.TokenType]bool{
	hclsyntax.TokenCBrace: true, hclsyntax.TokenCBrack: true, hclsyntax.TokenCParen: true,
	hclsyntax.TokenTemplateSeqEnd: true,
}

// checkNesting reports a text that HCL cannot be trusted to parse.
func (r *report) checkNesting(name string, text []byte) bool {
	tokens, _ := hclsyntax.LexConfig(text, name, hcl.InitialPos)
	var open []hclsyntax.TokenType
	words := 0
	for _, t := range tokens {
		switch {
		case opening[t.Type]:
			open = append(open, t.Type)
			words++
		case closing[t.Type]:
			open = open[:max(0, len(open)-1)]
			words++
		case t.Type == hclsyntax.TokenComma, t.Type == hclsyntax.TokenNewline && endsExpression(open):
			words = 0
		case t.Type == hclsyntax.TokenStringLit, t.Type == hclsyntax.TokenQuotedLit, t.Type == hclsyntax.TokenComment, t.Type == hclsyntax.TokenNewline:
		default:
			words++
		}
		if len(open) > maxNesting || words > maxWords {
			r.errorAt(t.Range, problem{
				code: "too_complex", summary: "the policy is nested too deeply, or an expression is too long",
				detail: "Nothing is read beyond this place. Is this the right file?",
			})
			return false
		}
	}
	return true
}

// endsExpression reports whether a line's end is also an expression's end.
func endsExpression(open []hclsyntax.TokenType) bool {
	return len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace
}
