package view

import (
	"fmt"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
)

// Summary is the last line of a plan, and the first of its markdown.
func Summary(p plan.Plan) string {
	s := p.Summary()
	switch {
	case s.Changes() > 0:
		return changes(s) + aside(s)
	case s.Blocked > 0:
		return fmt.Sprintf("No changes can be made: %d blocked.", s.Blocked) + aside(withoutBlocked(s))
	case unknown(p) > 0:
		return fmt.Sprintf("No changes are known: %d could not be observed.", unknown(p)) + aside(s)
	}
	return "No changes." + assurance(p) + aside(s)
}

func changes(s plan.Summary) string {
	parts := []string{
		fmt.Sprintf("%d to create", s.Create),
		fmt.Sprintf("%d to prune", s.Prune),
		fmt.Sprintf("%d to sync", s.Sync),
	}
	for _, rare := range []struct {
		n    int
		kind plan.ActionKind
	}{{s.Refresh, plan.Refresh}, {s.Trigger, plan.Trigger}, {s.Clean, plan.Clean}, {s.Relink, plan.Relink}} {
		if rare.n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", rare.n, rare.kind))
		}
	}
	return "Plan: " + strings.Join(parts, ", ") + "."
}

// aside is what the plan leaves out; empty when that is nothing, unless there
// are changes beside which to say so.
func aside(s plan.Summary) string {
	if s.Changes() == 0 && s.Excluded+s.Unprotected+s.Blocked == 0 {
		return ""
	}
	text := fmt.Sprintf(" %d excluded, %d unprotected", s.Excluded, s.Unprotected)
	if s.Blocked > 0 {
		text += fmt.Sprintf(", %d blocked", s.Blocked)
	}
	return text + "."
}

func withoutBlocked(s plan.Summary) plan.Summary {
	s.Blocked = 0
	return s
}

// assurance says how far "no changes" reaches. It is empty when drift says
// otherwise.
func assurance(p plan.Plan) string {
	for _, d := range p.Drift {
		if d.Kind.Counts() {
			return ""
		}
	}
	switch {
	case !p.Filter.IsZero():
		return " What was selected is as the policy says."
	case len(notCarriedOut(p)) > 0:
		return " What this version carries out is as the policy says."
	}
	return " Everything is as the policy says."
}

func notCarriedOut(p plan.Plan) []plan.LayerStatus {
	var layers []plan.LayerStatus
	for _, l := range p.Layers {
		if !l.CarriedOut {
			layers = append(layers, l)
		}
	}
	return layers
}

func unknown(p plan.Plan) int {
	n := 0
	for _, d := range p.Drift {
		if d.Kind == plan.UnknownKind {
			n++
		}
	}
	return n
}
