package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/bkplan/bkplan/internal/plan"
)

// accepted are the blocks that a reference may lead to: types, or types with a
// kind, such as "destination" and "source.lvm_thin".
type accepted []string

func (a accepted) fits(d declaration) bool {
	return slices.Contains(a, d.typ) || slices.Contains(a, d.typ+"."+d.kind)
}

// String lists the blocks for a sentence.
func (a accepted) String() string {
	var words []string
	for _, word := range a {
		typ, kind, found := strings.Cut(word, ".")
		if !found {
			words = append(words, aOrAn(typ))
			continue
		}
		words = append(words, aOrAn(kind+" "+typ))
	}
	return oneOf(words)
}

// reference reads an attribute that names one block.
func (b *body) reference(name string, want accepted) (plan.Ref, bool) {
	value, ok := b.get(name, cty.DynamicPseudoType)
	if !ok {
		return plan.Ref{}, false
	}
	return b.resolve(name, value, b.rangeOf(name), want)
}

// references reads an attribute that lists blocks.
func (b *body) references(name string, want accepted) []plan.Ref {
	value, ok := b.get(name, cty.DynamicPseudoType)
	if !ok {
		return nil
	}
	if !value.CanIterateElements() || value.Type().IsObjectType() || value.Type().IsMapType() {
		b.notReference(name, value, b.rangeOf(name), want, "list of references")
		return nil
	}
	places, _ := hcl.ExprList(b.syntax.Attributes[name].Expr)
	var refs []plan.Ref
	for i, element := range value.AsValueSlice() {
		at := b.rangeOf(name)
		if i < len(places) {
			at = places[i].Range()
		}
		ref, ok := b.resolve(fmt.Sprintf("%s[%d]", name, i), element, at, want)
		if ok && slices.Contains(refs, ref) {
			b.errorAt(at, problem{code: "invalid_list", summary: fmt.Sprintf("%s has %s twice", name, ref)})
		} else if ok {
			refs = append(refs, ref)
		}
	}
	return refs
}

// resolve picks the one candidate of a reference that fits.
func (b *body) resolve(name string, value cty.Value, at hcl.Range, want accepted) (plan.Ref, bool) {
	candidates, ok := candidatesOf(value)
	if !ok {
		b.notReference(name, value, at, want, "reference")
		return plan.Ref{}, false
	}
	var fitting []declaration
	for _, c := range candidates {
		if want.fits(c) {
			fitting = append(fitting, c)
		}
	}
	if len(fitting) == 1 {
		return fitting[0].ref(), true
	}
	if len(fitting) == 0 {
		b.wrongKind(name, candidates[0], at, want)
		return plan.Ref{}, false
	}
	b.ambiguous(fitting, at)
	return plan.Ref{}, false
}

func candidatesOf(value cty.Value) ([]declaration, bool) {
	if value.IsNull() || !value.Type().IsObjectType() || !value.Type().HasAttribute(referenceKey) {
		return nil, false
	}
	inner := value.GetAttr(referenceKey)
	if inner.Type() != referenceType {
		return nil, false
	}
	return *inner.EncapsulatedValue().(*[]declaration), true
}

func (b *body) notReference(name string, value cty.Value, at hcl.Range, want accepted, form string) {
	p := problem{
		code:    "wrong_type",
		summary: fmt.Sprintf("%s must be a %s", name, form),
		detail:  fmt.Sprintf("This is %s. Here stands a reference to %s.", nameOfType(value.Type()), want),
	}
	if form != "reference" {
		p.detail = fmt.Sprintf("This is %s. The list holds references, each to %s.", nameOfType(value.Type()), want)
	}
	if form != "reference" && value.Type().IsObjectType() {
		p.hint = "put it in [ ]"
	}
	if d, ok := b.declared.meant(value, want); ok {
		p.hint = fmt.Sprintf("did you mean %s, without quotes?", d.ref())
	}
	b.errorAt(at, p)
}

// meant finds the block whose name or address was written as a text.
func (ds declarations) meant(value cty.Value, want accepted) (declaration, bool) {
	if value.IsNull() || value.Type() != cty.String {
		return declaration{}, false
	}
	text := value.AsString()
	for _, d := range ds.list {
		if want.fits(d) && (d.name == text || d.ref().String() == text) {
			return d, true
		}
	}
	return declaration{}, false
}

func (b *body) wrongKind(name string, got declaration, at hcl.Range, want accepted) {
	p := problem{
		code:    "wrong_kind",
		summary: fmt.Sprintf("%s cannot be %s", name, got.ref()),
		detail: fmt.Sprintf("It is %s; %s wants %s here.",
			aOrAn(got.kind+" "+got.typ), aOrAn(b.what), want),
	}
	var fitting []declaration
	for _, d := range b.declared.list {
		if want.fits(d) {
			fitting = append(fitting, d)
		}
	}
	if len(fitting) == 1 {
		p.hint = fmt.Sprintf("did you mean %s?", fitting[0].ref())
	}
	b.errorAt(at, p)
}

func (b *body) ambiguous(fitting []declaration, at hcl.Range) {
	var full []string
	for _, d := range fitting {
		full = append(full, fmt.Sprintf("%s.%s.%s", d.typ, d.kind, d.name))
	}
	b.errorAt(at, problem{
		code:    "ambiguous_reference",
		summary: fmt.Sprintf("%s is ambiguous", fitting[0].ref()),
		detail:  fmt.Sprintf("%d sources of this name fit here.", len(fitting)),
		hint:    "write " + oneOf(full),
	})
}
