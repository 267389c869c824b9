package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// evaluator evaluates expressions in the scope built so far.
type evaluator struct {
	*report
	declared declarations
	scope    *hcl.EvalContext
}

// newEvaluator returns an evaluator that knows functions and references to
// blocks; var and local follow.
func newEvaluator(r *report, declared declarations) *evaluator {
	return &evaluator{report: r, declared: declared, scope: &hcl.EvalContext{
		Functions: functions,
		Variables: map[string]cty.Value{
			"source":      declared.sourceValue(),
			"destination": declared.objectOf("destination"),
			"layer":       declared.objectOf("layer"),
			"var":         cty.EmptyObjectVal,
			"local":       cty.EmptyObjectVal,
		},
	}}
}

// value evaluates an expression. It is false when the value is not to be had:
// what is wrong has been reported, here or where it began.
func (e *evaluator) value(expr hcl.Expression) (cty.Value, bool) {
	if !e.checkReferences(expr) {
		return cty.DynamicVal, false
	}
	value, found := expr.Value(e.scope)
	if found.HasErrors() {
		e.addHCL("invalid_expression", found)
		return cty.DynamicVal, false
	}
	value, _ = value.UnmarkDeep()
	return value, value.IsWhollyKnown()
}

// checkReferences reports every reference of an expression that leads nowhere,
// with what was probably meant.
func (e *evaluator) checkReferences(expr hcl.Expression) bool {
	ok := true
	for _, traversal := range expr.Variables() {
		if p, at := e.dangling(traversal); p.code != "" {
			e.errorAt(at, p)
			ok = false
		}
	}
	return ok
}

// dangling returns what is wrong with a reference; a zero problem when nothing
// is.
func (e *evaluator) dangling(t hcl.Traversal) (problem, hcl.Range) {
	root := t.RootName()
	object, known := e.scope.Variables[root]
	if !known {
		return e.unknownRoot(root), t[0].SourceRange()
	}
	for i, step := range t[1:] {
		name, static := stepName(step)
		if !static || !object.Type().IsObjectType() {
			break
		}
		if !object.Type().HasAttribute(name) {
			at := hcl.RangeBetween(t[0].SourceRange(), step.SourceRange())
			return e.unknownName(root, t[1:i+1], name, object), at
		}
		if root == "var" || root == "local" {
			break // what is inside of a value is HCL's to check
		}
		object = object.GetAttr(name)
	}
	return problem{}, hcl.Range{}
}

// stepName returns the name that a step of a reference selects, if it says one:
// a.b and a["b"] do.
func stepName(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// unknownRoot is about the first word of a reference: most often a string
// without its quotes.
func (e *evaluator) unknownRoot(root string) problem {
	p := problem{
		code:    "unknown_reference",
		summary: fmt.Sprintf("unknown name %q", root),
		detail:  "A reference starts with source, destination, layer, var or local; a string stands in quotes.",
		hint:    fmt.Sprintf("write it in quotes if it is a string: %q", root),
	}
	if e.scope.Variables == nil {
		p.detail, p.hint = "The default and the value of a variable stand on their own, and refer to nothing.", ""
		return p
	}
	for _, typ := range []string{"source", "destination", "layer"} {
		if len(e.declared.named(typ, root)) > 0 {
			p.hint = fmt.Sprintf("did you mean %s.%s?", typ, root)
			return p
		}
	}
	if meant := nearest(root, slices.Collect(maps.Keys(e.scope.Variables))); meant != "" {
		p.hint = fmt.Sprintf("did you mean %s?", meant)
	}
	return p
}

// unknownName is about a later word of a reference.
func (e *evaluator) unknownName(root string, before hcl.Traversal, name string, object cty.Value) problem {
	path := root
	for _, step := range before {
		known, _ := stepName(step)
		path += "." + known
	}
	what := map[string]string{"var": "variable", "local": "local value"}[root]
	if what == "" {
		what = root
	}
	p := problem{
		code:    "unknown_reference",
		summary: fmt.Sprintf("unknown %s %q", what, name),
		detail:  fmt.Sprintf("No %s of this name is declared.", what),
	}
	if len(before) > 0 {
		p.summary = fmt.Sprintf("%s has nothing named %q", path, name)
		p.detail = "A reference to a block has the attributes name and kind, no others."
	}
	if len(object.Type().AttributeTypes()) > maxCandidates {
		return p
	}
	names := slices.Sorted(maps.Keys(object.Type().AttributeTypes()))
	names = slices.DeleteFunc(names, func(n string) bool { return n == referenceKey })
	if meant := nearest(name, names); meant != "" {
		p.hint = fmt.Sprintf("did you mean %s.%s?", path, meant)
	} else if len(names) > 0 && len(names) <= 8 && len(before) == 0 {
		p.detail += fmt.Sprintf(" There is: %s.", strings.Join(names, ", "))
	}
	return p
}

// literal returns the text between the quotes of a plain string and its range,
// if the source is written exactly as the value: no escapes, no templates, one
// line.
func literal(expr hcl.Expression, value string) (hcl.Range, bool) {
	template, ok := expr.(*hclsyntax.TemplateExpr)
	if !ok || len(template.Parts) != 1 {
		return hcl.Range{}, false
	}
	part, ok := template.Parts[0].(*hclsyntax.LiteralValueExpr)
	if !ok {
		return hcl.Range{}, false
	}
	at := part.SrcRange
	return at, at.End.Byte-at.Start.Byte == len(value) && at.Start.Line == at.End.Line
}
