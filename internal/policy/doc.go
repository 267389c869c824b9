// Package policy reads the policy language: HCL in, a [plan.Policy] out.
//
// Start with [Load]: it reads a file or a folder of *.hcl, evaluates variables,
// locals and references, decodes every block, and checks all that can be
// checked without looking at the world. What is wrong comes back as
// [Diagnostics], all of it in one go; [Diagnostic.Text] shows one to a person.
// [Format] is the layout of `bkplan fmt`.
//
// The way through: readFiles, declare (blocks by name, see declaration.go),
// variables, locals, then one decoder a block type (source.go, layer.go, …),
// each reading its attributes through a [body], which knows afterwards what was
// never asked for and so is unknown. check.go looks across blocks.
//
// No other package imports hcl or cty: ranges, expressions and values end here.
package policy
