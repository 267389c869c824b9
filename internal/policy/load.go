package policy

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/bkplan/bkplan/internal/plan"
)

// Options is what a policy is evaluated with, besides itself.
type Options struct {
	// Version is bkplan's own, such as "0.1.0"; required_version is checked
	// against it. Empty is a development build, which any constraint accepts.
	Version string
	// Vars are the -var flags: values as they are typed. The text of a variable
	// that is not a string, number or bool is an HCL expression.
	Vars map[string]string
	// VarFiles are the -var-file flags; a later file wins over an earlier one.
	VarFiles []string
	// Environ is os.Environ: BKPLAN_VAR_name sets a variable.
	Environ []string
}

// Load reads a policy from a file, or from all *.hcl of a folder. When the
// diagnostics have errors the policy is not to be used; it may come with
// warnings.
func Load(path string, opts Options) (plan.Policy, Diagnostics) {
	r := newReport()
	files := r.readPolicy(path)
	var varFiles []file
	for _, f := range opts.VarFiles {
		varFiles = append(varFiles, r.readAll([]string{f})...)
	}
	if r.failed() {
		return plan.Policy{}, r.diagnostics()
	}
	return r.load(path, files, varFiles, opts)
}

// load evaluates files that have been read; it touches nothing outside.
func (r *report) load(path string, files, varFiles []file, opts Options) (plan.Policy, Diagnostics) {
	bodies := r.parse(files)
	assignments := r.parse(varFiles)
	if r.failed() {
		return plan.Policy{}, r.diagnostics()
	}
	declared := r.declare(bodies)
	e := newEvaluator(r, declared)
	e.variables(assignments, opts)
	e.locals()
	p := e.policy(opts.Version)
	e.check(p)
	if len(declared.of("layer")) == 0 && !r.failed() {
		r.errorAt(hcl.Range{Filename: path}, noLayers)
	}
	if r.failed() {
		return plan.Policy{}, r.diagnostics()
	}
	p.Digest = digest(p)
	return p, r.diagnostics()
}

var noLayers = problem{
	code:    "empty_policy",
	summary: "the policy has no layers",
	detail:  "A layer is a rule that keeps versions of volumes somewhere; without one there is nothing to plan.",
	hint:    "begin with a source block and a layer block; examples/homelab.hcl shows a whole policy",
}

// parse parses files; it goes on after one that is wrong, to find what is wrong
// in the others.
func (r *report) parse(files []file) []*hclsyntax.Body {
	var bodies []*hclsyntax.Body
	for _, f := range files {
		text, ok := r.accept(f)
		if !ok || !r.checkNesting(f.name, text) {
			continue
		}
		parsed, found := hclsyntax.ParseConfig(text, f.name, hcl.InitialPos)
		r.addHCL("syntax_error", found)
		if body, ok := parsed.Body.(*hclsyntax.Body); ok && !found.HasErrors() {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// policy decodes all blocks.
func (e *evaluator) policy(version string) plan.Policy {
	p := plan.Policy{StateDir: defaultStateDir}
	for _, d := range e.declared.list {
		if e.full() {
			break
		}
		switch d.typ {
		case "bkplan":
			e.settings(d, version, &p)
		case "policy":
			p.Protections = append(p.Protections, e.protection(d))
		case "source":
			p.Sources = append(p.Sources, e.source(d))
		case "destination":
			p.Destinations = append(p.Destinations, e.destination(d))
		case "exclude":
			p.Excludes = append(p.Excludes, e.exclude(d))
		case "layer":
			p.Layers = append(p.Layers, e.layer(d))
		case "metrics":
			p.Metrics = e.metrics(d)
		case "notify":
			p.Notifications = append(p.Notifications, e.notification(d))
		case "alerts":
			p.Alerts = e.alerts(d)
		}
	}
	return p
}

// at returns the header of the block that a reference leads to.
func (ds declarations) at(ref plan.Ref) hcl.Range {
	for _, d := range ds.named(ref.Type, ref.Name) {
		if d.ref() == ref {
			return d.block.DefRange()
		}
	}
	return hcl.Range{}
}
