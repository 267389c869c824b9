package policy

import (
	"fmt"
	"regexp"

	"github.com/bkplan/bkplan/internal/plan"
)

// protection decodes a policy block.
func (e *evaluator) protection(d declaration) plan.Protection {
	b := e.body("policy block", d.block)
	p := plan.Protection{
		Name:       d.name,
		Namespaces: parsedList(b, "namespaces", "namespace", namespaceName),
		Volumes:    b.globs("volumes"),
		Copies:     b.count("copies"),
		Media:      b.count("media"),
		Offsite:    b.count("offsite"),
		MaxAge:     b.duration("max_age"),
	}
	for _, ref := range b.references("sources", accepted{"source"}) {
		p.Sources = append(p.Sources, ref.Name)
	}
	for _, name := range []string{"sources", "namespaces", "volumes"} {
		b.refuseEmpty(name, "leave it out to select everything")
	}
	b.withinCopies(p)
	b.done()
	return p
}

// withinCopies refuses a policy that no number of copies can meet.
func (b *body) withinCopies(p plan.Protection) {
	for _, c := range []struct {
		name  string
		count int
	}{{"media", p.Media}, {"offsite", p.Offsite}} {
		if c.count > p.Copies && b.has("copies") {
			b.errorAt(b.rangeOf(c.name), problem{
				code: "impossible_policy", summary: fmt.Sprintf("%s is more than copies", c.name),
				detail: fmt.Sprintf("Of %d copies, no more than %d can count.", p.Copies, p.Copies),
			})
		}
	}
}

// exclude decodes an exclude block.
func (e *evaluator) exclude(d declaration) plan.Exclude {
	b := e.body("exclude block", d.block)
	b.require("reason")
	x := plan.Exclude{
		Name:       d.name,
		Namespaces: parsedList(b, "namespaces", "namespace", namespaceName),
		Volumes:    b.globs("volumes"),
		Reason:     b.text("reason"),
		Accept:     b.flag("accept"),
	}
	for _, ref := range b.references("layers", accepted{"layer"}) {
		x.Layers = append(x.Layers, ref.Name)
	}
	b.refuseEmpty("layers", "leave it out to exclude from all layers")
	b.refuseEmpty("namespaces", "")
	b.refuseEmpty("volumes", "")
	if !b.has("namespaces") && !b.has("volumes") {
		b.errorAt(b.header, problem{
			code: "missing_selector", summary: "the exclude block selects nothing",
			detail: "An exclude block says which volumes are left out: by namespaces, by volumes, or by both.",
			hint:   `write namespaces = ["…"] or volumes = ["namespace/claim"]`,
		})
	}
	b.done()
	return x
}

var namespaceForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func namespaceName(text string) (string, *flaw) {
	if !namespaceForm.MatchString(text) {
		return "", &flaw{detail: "Namespaces are matched exactly: by lower-case letters, digits and -, without wildcards."}
	}
	return text, nil
}
