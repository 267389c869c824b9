package policy

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// body reads the inside of one block. It remembers what it was asked for: what
// is left when done is called is unknown. Its getters return the zero value for
// what is absent, null or wrong; the last has been reported by then.
type body struct {
	*evaluator
	what               string // "snapshot layer", for messages
	header             hcl.Range
	syntax             *hclsyntax.Body
	attributes, blocks []string // asked for
	required           []string
	nulls              []string // read, and null
}

func (e *evaluator) body(what string, block *hclsyntax.Block) *body {
	return &body{evaluator: e, what: what, header: block.DefRange(), syntax: block.Body}
}

// has reports whether an attribute is written. One that was read and is null is
// not: null means absent, as in Terraform.
func (b *body) has(name string) bool {
	return b.syntax.Attributes[name] != nil && !slices.Contains(b.nulls, name)
}

// rangeOf is the place of an attribute's value, or the block's header.
func (b *body) rangeOf(name string) hcl.Range {
	if attribute := b.syntax.Attributes[name]; attribute != nil {
		return attribute.Expr.Range()
	}
	return b.header
}

// require says which attributes must be written; done reports them.
func (b *body) require(names ...string) { b.required = append(b.required, names...) }

// get evaluates an attribute and converts it; false when there is nothing to
// use.
func (b *body) get(name string, want cty.Type) (cty.Value, bool) {
	b.attributes = append(b.attributes, name)
	attribute := b.syntax.Attributes[name]
	if attribute == nil {
		return cty.NilVal, false
	}
	value, ok := b.value(attribute.Expr)
	if !ok {
		return cty.NilVal, false
	}
	if value.IsNull() {
		b.nulls = append(b.nulls, name)
		return cty.NilVal, false
	}
	converted, err := convertStrictly(value, want)
	if err != nil {
		b.errorAt(attribute.Expr.Range(), problem{
			code:    "wrong_type",
			summary: fmt.Sprintf("%s must be %s", name, nameOfType(want)),
			detail:  fmt.Sprintf("This is %s.", nameOfType(value.Type())),
			hint:    typeHint(value, want),
		})
		return cty.NilVal, false
	}
	return converted, true
}

// convertStrictly converts between collections, never between strings, numbers
// and booleans: keep_last = "4" is a mistake that a later reader pays for.
func convertStrictly(value cty.Value, want cty.Type) (cty.Value, error) {
	switch {
	case want.IsPrimitiveType() && value.Type() != want:
		return cty.NilVal, fmt.Errorf("want %s", want.FriendlyName())
	case want.Equals(cty.List(cty.String)) && !listOfStrings(value):
		return cty.NilVal, fmt.Errorf("want %s", want.FriendlyName())
	case want.Equals(cty.Map(cty.String)) && !mapOfStrings(value):
		return cty.NilVal, fmt.Errorf("want %s", want.FriendlyName())
	}
	return convert.Convert(value, want)
}

func listOfStrings(value cty.Value) bool {
	return value.CanIterateElements() && !value.Type().IsObjectType() && !value.Type().IsMapType() && allStrings(value)
}

func mapOfStrings(value cty.Value) bool {
	return value.CanIterateElements() && (value.Type().IsObjectType() || value.Type().IsMapType()) && allStrings(value)
}

func allStrings(value cty.Value) bool {
	for _, element := range value.Elements() {
		if element.IsNull() || element.Type() != cty.String {
			return false
		}
	}
	return true
}

// nameOfType is a type for a sentence, with its article.
func nameOfType(t cty.Type) string {
	switch {
	case t == cty.Bool:
		return "true or false"
	case t.Equals(cty.List(cty.String)):
		return "a list of strings"
	case t.Equals(cty.Map(cty.String)):
		return "a map of strings"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list"
	case t.IsObjectType() && t.HasAttribute(referenceKey):
		return "a reference"
	case t.IsObjectType() || t.IsMapType():
		return "a map"
	}
	return aOrAn(t.FriendlyName())
}

func typeHint(value cty.Value, want cty.Type) string {
	switch {
	case want == cty.String && value.Type().IsPrimitiveType(), want == cty.Bool && value.Type() == cty.String,
		want == cty.Number && value.Type() == cty.String:
		if text, err := convert.Convert(value, cty.String); err == nil {
			return quotesHint(text.AsString(), want)
		}
	case want.Equals(cty.List(cty.String)) && value.Type() == cty.String:
		return fmt.Sprintf("write [%q]", shorten(value.AsString()))
	}
	return ""
}

func quotesHint(text string, want cty.Type) string {
	if want == cty.String {
		return fmt.Sprintf("write %q", shorten(text))
	}
	if _, err := convert.Convert(cty.StringVal(text), want); err != nil {
		return ""
	}
	return fmt.Sprintf("write %s, without the quotes", text)
}

// text reads a string.
func (b *body) text(name string) string {
	value, ok := b.get(name, cty.String)
	if !ok {
		return ""
	}
	if value.AsString() == "" {
		b.errorAt(b.rangeOf(name), problem{
			code: "empty_text", summary: fmt.Sprintf("%s is empty", name),
			detail: "An attribute that is not wanted is left out, or null.",
		})
	}
	return value.AsString()
}

// flag reads a boolean.
func (b *body) flag(name string) bool {
	value, ok := b.get(name, cty.Bool)
	return ok && value.True()
}

// maxCount bounds a count: more is a slip of the finger.
const maxCount = 100_000

// count reads a whole number, 0 to maxCount.
func (b *body) count(name string) int {
	value, ok := b.get(name, cty.Number)
	if !ok {
		return 0
	}
	n, _ := value.AsBigFloat().Int64()
	if !value.AsBigFloat().IsInt() || n < 0 || n > maxCount {
		b.errorAt(b.rangeOf(name), problem{
			code: "invalid_count", summary: fmt.Sprintf("%s must be a whole number from 0 to %d", name, maxCount),
			detail: fmt.Sprintf("This is %s.", value.AsBigFloat().Text('g', 12)),
		})
		return 0
	}
	return int(n)
}

// texts reads a list of strings, none of them empty or twice.
func (b *body) texts(name string) []string {
	value, ok := b.get(name, cty.List(cty.String))
	if !ok {
		return nil
	}
	places, _ := hcl.ExprList(b.syntax.Attributes[name].Expr)
	var list []string
	for i, element := range value.AsValueSlice() {
		text := element.AsString()
		p := problem{code: "invalid_list", summary: fmt.Sprintf("%s has %q twice", name, shorten(text))}
		if text == "" {
			p.summary = fmt.Sprintf("%s has an empty string in it", name)
		}
		if text == "" || slices.Contains(list, text) {
			at := b.rangeOf(name)
			if i < len(places) {
				at = places[i].Range()
			}
			b.errorAt(at, p)
			continue
		}
		list = append(list, text)
	}
	return list
}

// within reads the nested block of a name, if there is one.
func (b *body) within(name, what string, read func(*body)) {
	b.blocks = append(b.blocks, name)
	var first *hclsyntax.Block
	for _, block := range b.syntax.Blocks {
		switch {
		case block.Type != name:
		case len(block.Labels) > 0:
			b.errorAt(block.LabelRanges[0], problem{
				code: "wrong_labels", summary: fmt.Sprintf("a %s block has no labels", name),
				hint: fmt.Sprintf("write %s { … }", name),
			})
		case first != nil:
			b.errorAt(block.DefRange(), problem{
				code: "duplicate_block", summary: fmt.Sprintf("a second %s block", name),
				detail: fmt.Sprintf("%s has one, and it is at line %d.", upperFirst(aOrAn(b.what)), first.DefRange().Start.Line),
			})
		default:
			first = block
			inner := b.body(what, block)
			read(inner)
			inner.done()
		}
	}
}

// done reports the attributes and blocks that nothing asked for, and then those
// that are missing, unless one of the unknown ones is likely to be them.
func (b *body) done() {
	var meant []string
	for _, name := range sortedKeys(b.syntax.Attributes) {
		if !slices.Contains(b.attributes, name) && !b.full() {
			b.unknownAttribute(name)
			meant = append(meant, nearest(name, b.attributes))
		}
	}
	for _, block := range b.syntax.Blocks {
		if !slices.Contains(b.blocks, block.Type) && !b.full() {
			b.unknownBlock(block)
			meant = append(meant, block.Type)
		}
	}
	b.missing(slices.DeleteFunc(b.required, func(name string) bool { return b.has(name) || slices.Contains(meant, name) }))
}

func (b *body) unknownAttribute(name string) {
	p := problem{
		code:    "unknown_attribute",
		summary: fmt.Sprintf("unknown attribute %q", name),
		detail:  fmt.Sprintf("%s has no attribute of this name.", upperFirst(aOrAn(b.what))),
		hint:    didYouMean(name, b.attributes),
	}
	if slices.Contains(b.blocks, name) {
		p.hint = fmt.Sprintf("it is a block: write %s { … }, without =", name)
	}
	b.errorAt(b.syntax.Attributes[name].NameRange, p)
}

func (b *body) unknownBlock(block *hclsyntax.Block) {
	p := problem{
		code:    "unknown_block",
		summary: fmt.Sprintf("unknown block %q", block.Type),
		detail:  fmt.Sprintf("%s has no block of this name.", upperFirst(aOrAn(b.what))),
		hint:    didYouMean(block.Type, b.blocks),
	}
	if slices.Contains(b.attributes, block.Type) {
		p.hint = fmt.Sprintf("it is an attribute: write %s = …", block.Type)
	}
	b.errorAt(block.TypeRange, p)
}

func (b *body) missing(names []string) {
	if len(names) == 0 {
		return
	}
	p := problem{
		code:    "missing_attribute",
		summary: fmt.Sprintf("missing attribute %q", names[0]),
		detail:  fmt.Sprintf("%s needs it.", upperFirst(aOrAn(b.what))),
	}
	if len(names) > 1 {
		p.summary = "missing attributes " + andAll(quoted(names))
		p.detail = fmt.Sprintf("%s needs them.", upperFirst(aOrAn(b.what)))
	}
	b.errorAt(b.header, p)
}

// isEmptyList reports whether an attribute is written as a list of nothing.
func (b *body) isEmptyList(name string) bool {
	value, found := b.syntax.Attributes[name].Expr.Value(b.scope)
	return !found.HasErrors() && !value.IsNull() && value.IsKnown() && value.CanIterateElements() && value.LengthInt() == 0
}

// refuseEmpty reports a list that is written, and empty: absent would mean
// something else.
func (b *body) refuseEmpty(name, hint string) {
	if b.has(name) && b.isEmptyList(name) {
		b.errorAt(b.rangeOf(name), problem{
			code: "empty_list", summary: fmt.Sprintf("%s is empty", name),
			detail: "An empty list selects nothing, which is hardly what is meant.", hint: hint,
		})
	}
}
