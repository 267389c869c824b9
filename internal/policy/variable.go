package policy

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// environPrefix starts the names of environment variables that set variables.
const environPrefix = "BKPLAN_VAR_"

// assignment is a value that one of the ways of setting a variable gives.
type assignment struct {
	expr hcl.Expression // of a variables file
	text string         // of the environment or the command line
	from string         // for messages
	at   hcl.Range
}

// variables puts var into scope. A later way of setting one wins: the default,
// the environment, the files, the command line, as in Terraform.
func (e *evaluator) variables(files []*hclsyntax.Body, opts Options) {
	given := fromEnviron(opts.Environ)
	names := namesOf(e.declared.of("variable"))
	e.fromFiles(files, names, given)
	e.fromFlags(opts.Vars, names, given)

	values := map[string]cty.Value{}
	validations := []func(){}
	for _, d := range e.declared.of("variable") {
		a, set := given[d.name]
		value, validate := e.variable(d, a, set)
		values[d.name] = value
		validations = append(validations, validate)
	}
	e.scope.Variables["var"] = cty.ObjectVal(values)
	for _, validate := range validations {
		validate()
	}
}

func namesOf(list []declaration) []string {
	var names []string
	for _, d := range list {
		names = append(names, d.name)
	}
	return names
}

func fromEnviron(environ []string) map[string]assignment {
	given := map[string]assignment{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if name, ok := strings.CutPrefix(name, environPrefix); ok {
			given[name] = assignment{text: text, from: environPrefix + name}
		}
	}
	return given
}

func (e *evaluator) fromFiles(files []*hclsyntax.Body, names []string, given map[string]assignment) {
	for _, body := range files {
		for _, block := range body.Blocks {
			e.errorAt(block.DefRange(), problem{
				code: "unknown_block", summary: fmt.Sprintf("a variables file has no blocks such as %q", block.Type),
				detail: "It sets values of variables, one a line: name = value.",
			})
		}
		for _, attribute := range body.Attributes {
			if known := e.declared.named("variable", attribute.Name); len(known) == 0 {
				e.errorAt(attribute.NameRange, unknownVariable(attribute.Name, names))
				continue
			}
			given[attribute.Name] = assignment{expr: attribute.Expr, from: attribute.SrcRange.Filename, at: attribute.Expr.Range()}
		}
	}
}

func (e *evaluator) fromFlags(vars map[string]string, names []string, given map[string]assignment) {
	for _, name := range sortedKeys(vars) {
		if len(e.declared.named("variable", name)) == 0 {
			e.errorAt(hcl.Range{}, unknownVariable(name, names))
			continue
		}
		given[name] = assignment{text: vars[name], from: "-var " + name}
	}
}

func unknownVariable(name string, names []string) problem {
	return problem{
		code:    "unknown_variable",
		summary: fmt.Sprintf("the policy has no variable %q", name),
		detail:  "A value is given to a variable that no variable block declares.",
		hint:    didYouMean(name, names),
	}
}

// variable decodes a variable block and settles its value; an unknown value
// stands for one that is wrong, so that nothing is reported twice. The returned
// function checks the validation block, once all variables have values.
func (e *evaluator) variable(d declaration, a assignment, set bool) (cty.Value, func()) {
	b := e.constants().body("variable block", d.block)
	want, typed := b.typeConstraint()
	b.text("description")
	b.attributes = append(b.attributes, "default")

	value, at := cty.UnknownVal(want), d.block.DefRange()
	switch {
	case !typed:
	case set:
		value, at = e.assigned(d.name, a, want), a.at
	case b.has("default"):
		value, at = b.defaultValue(want), b.rangeOf("default")
	default:
		e.errorAt(at, problem{
			code:    "missing_variable",
			summary: fmt.Sprintf("the variable %q has no value", d.name),
			detail:  "It has no default, so that a value must be given.",
			hint:    fmt.Sprintf("run with -var %s=…, name a file with -var-file, or set %s%s", d.name, environPrefix, d.name),
		})
	}
	return value, func() { e.validateVariable(d, b, value, at) }
}

// constants evaluates without any names: types, defaults, values.
func (e *evaluator) constants() *evaluator {
	return &evaluator{report: e.report, declared: e.declared, scope: &hcl.EvalContext{Functions: functions}}
}

func (b *body) typeConstraint() (cty.Type, bool) {
	b.attributes = append(b.attributes, "type")
	attribute := b.syntax.Attributes["type"]
	if attribute == nil {
		return cty.DynamicPseudoType, true
	}
	want, found := typeexpr.TypeConstraint(attribute.Expr)
	if !found.HasErrors() {
		return want, true
	}
	b.errorAt(attribute.Expr.Range(), problem{
		code: "invalid_type", summary: "this is not a type",
		detail: "A type is string, number, bool, any, list(…), set(…), map(…), tuple([…]) or object({…}), without quotes.",
		hint:   didYouMean(strings.Trim(b.sourceOf(attribute.Expr.Range()), `"`), []string{"string", "number", "bool", "any", "list(string)"}),
	})
	return cty.DynamicPseudoType, false
}

// sourceOf is the text of a range.
func (r *report) sourceOf(at hcl.Range) string { return string(at.SliceBytes(r.sources[at.Filename])) }

func (b *body) defaultValue(want cty.Type) cty.Value {
	value, ok := b.value(b.syntax.Attributes["default"].Expr)
	if !ok {
		return cty.UnknownVal(want)
	}
	return b.converted(value, want, b.rangeOf("default"), "the default")
}

// assigned settles the value that was given to a variable from outside.
func (e *evaluator) assigned(name string, a assignment, want cty.Type) cty.Value {
	expr := a.expr
	if expr == nil && (want.IsPrimitiveType() || want == cty.DynamicPseudoType) {
		return e.converted(cty.StringVal(a.text), want, a.at, a.from)
	}
	if expr == nil {
		var found hcl.Diagnostics
		expr, found = hclsyntax.ParseExpression([]byte(a.text), a.from, hcl.InitialPos)
		if found.HasErrors() {
			e.errorAt(a.at, problem{
				code: "invalid_variable", summary: fmt.Sprintf("%s is not %s", a.from, aOrAn(want.FriendlyNameForConstraint())),
				detail: fmt.Sprintf("The value of %s is an HCL expression, such as [\"a\", \"b\"]. This is %q.", name, shorten(a.text)),
			})
			return cty.UnknownVal(want)
		}
	}
	value, ok := e.constants().value(expr)
	if !ok {
		return cty.UnknownVal(want)
	}
	return e.converted(value, want, a.at, a.from)
}

func (e *evaluator) converted(value cty.Value, want cty.Type, at hcl.Range, what string) cty.Value {
	result, err := convert.Convert(value, want)
	if err != nil {
		e.errorAt(at, problem{
			code: "wrong_type", summary: fmt.Sprintf("%s is not %s", what, aOrAn(want.FriendlyNameForConstraint())),
			detail: upperFirst(err.Error()) + ".",
		})
		return cty.UnknownVal(want)
	}
	return result
}

// validateVariable reads the validation block: a condition over var, and what
// to say where it is false.
func (e *evaluator) validateVariable(d declaration, b *body, value cty.Value, at hcl.Range) {
	b.evaluator = e
	b.within("validation", "validation block", func(v *body) {
		v.require("condition", "error_message")
		condition, ok := v.get("condition", cty.Bool)
		message := v.text("error_message")
		if !ok || condition.True() || !value.IsWhollyKnown() {
			return
		}
		v.errorAt(at, problem{
			code: "invalid_variable", summary: fmt.Sprintf("the value of variable %q is not valid", d.name),
			detail: message,
		})
	})
	b.done()
}
