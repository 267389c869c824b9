package policy

import (
	"fmt"

	"github.com/bkplan/bkplan/internal/plan"
)

// checkMedium warns of copies that fail together with what they were made from:
// they lie on the same medium, and no layer takes them from there to another.
// Dumps are left to those who write them.
func (e *evaluator) checkMedium(p plan.Policy, t territory, read readers) {
	media := mediaOf(p, t.layer.To)
	if t.layer.Kind == plan.LayerDump || media == "" || media != mediaOf(p, t.layer.From) {
		return
	}
	_, onward := read.of(p, t, func(l plan.Layer) bool {
		next := mediaOf(p, l.To)
		return next != "" && next != media
	})
	if onward {
		return
	}
	e.warnAt(e.layerPlace(t.layer, "to"), problem{
		code:    "no_second_medium",
		summary: fmt.Sprintf("layer.%s copies to the medium that it copies from", t.layer.Name),
		detail:  fmt.Sprintf("Both are on %q, which fails as one, and no layer takes the copies from there to another medium.", media),
		hint:    "copy to a destination on another medium, or correct media if these are two",
	})
}

// mediaOf is the medium of a source or a destination, for a layer that of its
// source; empty where the policy names none.
func mediaOf(p plan.Policy, ref plan.Ref) string {
	switch ref.Type {
	case "source":
		for _, s := range p.Sources {
			if s.Kind == ref.Kind && s.Name == ref.Name {
				return s.Media
			}
		}
	case "destination":
		for _, d := range p.Destinations {
			if d.Name == ref.Name {
				return d.Media
			}
		}
	case "layer":
		if l, ok := p.Layer(ref.Name); ok && l.From.Type == "source" {
			return mediaOf(p, l.From)
		}
	}
	return ""
}
