package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// localValues evaluates local values, each after those that it refers to.
type localValues struct {
	*evaluator
	attributes map[string]*hclsyntax.Attribute
	values     map[string]cty.Value
	path       []string // being evaluated
}

// locals puts local into scope.
func (e *evaluator) locals() {
	l := &localValues{evaluator: e, attributes: map[string]*hclsyntax.Attribute{}, values: map[string]cty.Value{}}
	for _, d := range e.declared.of("locals") {
		for _, block := range d.block.Body.Blocks {
			e.errorAt(block.DefRange(), problem{
				code: "unknown_block", summary: fmt.Sprintf("unknown block %q", block.Type),
				detail: "A locals block has attributes only: name = value.",
			})
		}
		for _, attribute := range d.block.Body.Attributes {
			l.add(attribute)
		}
	}
	l.publish()
	for _, name := range sortedKeys(l.attributes) {
		if !l.full() {
			l.settle(name)
		}
	}
	l.publish()
}

func (l *localValues) add(attribute *hclsyntax.Attribute) {
	if before := l.attributes[attribute.Name]; before != nil {
		l.errorAt(attribute.NameRange, problem{
			code: "duplicate_attribute", summary: fmt.Sprintf("duplicate local value %q", attribute.Name),
			detail: fmt.Sprintf("It is already set at %s.", place(before.NameRange)),
		})
		return
	}
	l.attributes[attribute.Name] = attribute
}

// publish puts what is known into scope; what is not yet, as unknown.
func (l *localValues) publish() {
	all := map[string]cty.Value{}
	for name := range l.attributes {
		all[name] = cty.DynamicVal
		if value, known := l.values[name]; known {
			all[name] = value
		}
	}
	l.scope.Variables["local"] = cty.ObjectVal(all)
}

func (l *localValues) settle(name string) {
	if _, done := l.values[name]; done {
		return
	}
	if at := slices.Index(l.path, name); at >= 0 {
		l.cycle(l.path[at:])
		return
	}
	l.path = append(l.path, name)
	expr := l.attributes[name].Expr
	needed := l.needs(expr)
	for _, next := range needed {
		l.settle(next)
	}
	l.path = l.path[:len(l.path)-1]
	if _, done := l.values[name]; done {
		return // part of a cycle
	}
	l.values[name] = l.evaluate(expr, needed)
}

// evaluate is value with the local values that an expression needs in scope.
// All names are in scope before, as unknown, so that references can be checked.
func (l *localValues) evaluate(expr hcl.Expression, needed []string) cty.Value {
	if !l.checkReferences(expr) {
		return cty.DynamicVal
	}
	locals := map[string]cty.Value{}
	for _, name := range needed {
		locals[name] = l.values[name]
	}
	scope := l.scope.NewChild()
	scope.Variables = map[string]cty.Value{"local": cty.ObjectVal(locals)}
	value, found := expr.Value(scope)
	l.addHCL("invalid_expression", found)
	if found.HasErrors() {
		return cty.DynamicVal
	}
	return value
}

// needs lists the local values that an expression refers to.
func (l *localValues) needs(expr hcl.Expression) []string {
	var names []string
	for _, t := range expr.Variables() {
		if t.RootName() != "local" {
			continue
		}
		if len(t) < 2 {
			return sortedKeys(l.attributes)
		}
		if name, static := stepName(t[1]); static && l.attributes[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// cycle reports local values that need one another, once.
func (l *localValues) cycle(names []string) {
	for _, name := range names {
		l.values[name] = cty.DynamicVal
	}
	steps := "local." + strings.Join(append(slices.Clone(names), names[0]), " → local.")
	l.errorAt(l.attributes[names[0]].Expr.Range(), problem{
		code: "cycle", summary: "local values refer to one another in a circle",
		detail: steps + ".",
	})
}
