package policy

import (
	"fmt"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/bkplan/bkplan/internal/plan"
)

// declaration is a block that has a name.
type declaration struct {
	typ, kind, name string // kind is "" where the type has none
	block           *hclsyntax.Block
}

func (d declaration) ref() plan.Ref { return plan.Ref{Type: d.typ, Kind: d.kind, Name: d.name} }

// declarations are all blocks of a policy, in the order in which they stand.
type declarations struct {
	list   []declaration
	byType map[string][]declaration
	byName map[[2]string][]declaration // by type and name
}

func (ds *declarations) add(d declaration) {
	ds.list = append(ds.list, d)
	ds.byType[d.typ] = append(ds.byType[d.typ], d)
	key := [2]string{d.typ, d.name}
	ds.byName[key] = append(ds.byName[key], d)
}

// of returns the declarations of a block type.
func (ds declarations) of(typ string) []declaration { return ds.byType[typ] }

// named returns the declarations of a type and a name; only sources of
// different kinds can be several.
func (ds declarations) named(typ, name string) []declaration { return ds.byName[[2]string{typ, name}] }

// blockTypes are the top-level blocks with the number of their labels.
var blockTypes = map[string]int{
	"bkplan": 0, "variable": 1, "locals": 0, "policy": 1, "source": 2,
	"destination": 2, "exclude": 1, "layer": 2, "metrics": 0, "alerts": 0, "notify": 2,
}

// headers says how the header of a block is written.
var headers = [...]string{0: "%s { … }", 1: `%s "name" { … }`, 2: `%s "kind" "name" { … }`}

// declare lists the blocks of all files, and reports headers that are wrong and
// names that are taken.
func (r *report) declare(bodies []*hclsyntax.Body) declarations {
	all := declarations{byType: map[string][]declaration{}, byName: map[[2]string][]declaration{}}
	first := map[[3]string]hcl.Range{}
	for _, body := range bodies {
		r.refuseAttributes(body)
		for _, block := range body.Blocks {
			if r.full() {
				return all
			}
			d, ok := r.declaration(block)
			if !ok {
				continue
			}
			key := d.uniqueKey()
			if before, taken := first[key]; taken && d.typ != "locals" {
				r.duplicate(d, before)
				continue
			}
			first[key] = block.DefRange()
			all.add(d)
		}
	}
	return all
}

// uniqueKey is equal for two blocks that cannot stand together. Sources are
// unique per kind, as Terraform's resources are per type.
func (d declaration) uniqueKey() [3]string {
	if d.typ == "source" {
		return [3]string{d.typ, d.kind, d.name}
	}
	return [3]string{d.typ, "", d.name}
}

func (r *report) duplicate(d declaration, before hcl.Range) {
	p := problem{
		code:    "duplicate_block",
		summary: fmt.Sprintf("duplicate %s", d.describe()),
		detail:  fmt.Sprintf("It is already declared at %s. ", place(before)),
	}
	switch {
	case d.name == "":
		p.detail += fmt.Sprintf("A policy has one %s block.", d.typ)
	case d.typ == "source":
		p.detail += "Names are unique among the sources of a kind."
	default:
		p.detail += fmt.Sprintf("Names are unique among the %s blocks, whatever their kind.", d.typ)
	}
	r.errorAt(d.block.DefRange(), p)
}

func (d declaration) describe() string {
	if d.name == "" {
		return d.typ + " block"
	}
	return fmt.Sprintf("%s %q", d.typ, d.name)
}

func (r *report) refuseAttributes(body *hclsyntax.Body) {
	for _, attribute := range body.Attributes {
		r.errorAt(attribute.NameRange, problem{
			code:    "unknown_attribute",
			summary: fmt.Sprintf("attribute %q stands outside of a block", attribute.Name),
			detail:  "The top level of a policy holds blocks only.",
			hint:    fmt.Sprintf("to name a value, write locals { %s = … } and refer to it as local.%s", attribute.Name, attribute.Name),
		})
	}
}

// declaration reads a block's header.
func (r *report) declaration(block *hclsyntax.Block) (declaration, bool) {
	labels, known := blockTypes[block.Type]
	if !known {
		r.errorAt(block.TypeRange, problem{
			code:    "unknown_block",
			summary: fmt.Sprintf("unknown block %q", block.Type),
			detail:  "The blocks of a policy are " + andAll(sortedKeys(blockTypes)) + ".",
			hint:    didYouMean(block.Type, sortedKeys(blockTypes)),
		})
		return declaration{}, false
	}
	if len(block.Labels) != labels {
		r.errorAt(block.DefRange(), problem{
			code:    "wrong_labels",
			summary: fmt.Sprintf("a %s block has %s", block.Type, [...]string{"no labels", "one label", "two labels"}[labels]),
			detail:  fmt.Sprintf("Here it has %d.", len(block.Labels)),
			hint:    "write " + fmt.Sprintf(headers[labels], block.Type),
		})
		return declaration{}, false
	}
	d := declaration{typ: block.Type, block: block}
	if labels == 0 {
		return d, true
	}
	d.name = block.Labels[labels-1]
	if labels == 2 {
		d.kind = block.Labels[0]
	}
	return d, r.checkName(d)
}

func (r *report) checkName(d declaration) bool {
	if hclsyntax.ValidIdentifier(d.name) {
		return true
	}
	r.errorAt(d.block.LabelRanges[len(d.block.LabelRanges)-1], problem{
		code:    "invalid_name",
		summary: fmt.Sprintf("%q is not a name", d.name),
		detail:  "A name starts with a letter and goes on with letters, digits, _ and -, so that it can be referred to.",
	})
	return false
}

// referenceKey is the attribute of a block's value that makes it a reference.
const referenceKey = "reference"

var referenceType = cty.Capsule(referenceKey, reflect.TypeFor[[]declaration]())

// valueOf is what a reference evaluates to: several candidates where a short
// name fits sources of several kinds.
func valueOf(candidates []declaration) map[string]cty.Value {
	attributes := map[string]cty.Value{
		"name":       cty.StringVal(candidates[0].name),
		referenceKey: cty.CapsuleVal(referenceType, &candidates),
	}
	if len(candidates) == 1 {
		attributes["kind"] = cty.StringVal(candidates[0].kind)
	}
	return attributes
}

// objectOf is the object of all blocks of a type by name.
func (ds declarations) objectOf(typ string) cty.Value {
	blocks := map[string]cty.Value{}
	for _, d := range ds.of(typ) {
		blocks[d.name] = cty.ObjectVal(valueOf(ds.named(typ, d.name)))
	}
	return cty.ObjectVal(blocks)
}

// sourceValue is the object of all sources, by name and by kind:
// source.main and source.postgresql.main. A word that is both serves as both.
func (ds declarations) sourceValue() cty.Value {
	sources := ds.of("source")
	byWord := map[string]map[string]cty.Value{}
	for _, d := range sources {
		byWord[d.name] = valueOf(ds.named("source", d.name))
	}
	for _, d := range sources {
		if byWord[d.kind] == nil {
			byWord[d.kind] = map[string]cty.Value{}
		}
		if _, taken := byWord[d.kind][d.name]; !taken {
			byWord[d.kind][d.name] = cty.ObjectVal(valueOf([]declaration{d}))
		}
	}
	objects := map[string]cty.Value{}
	for word, attributes := range byWord {
		objects[word] = cty.ObjectVal(attributes)
	}
	return cty.ObjectVal(objects)
}
