package view

import (
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// amount says how much the versions that are sent have, and what they add over there;
// of a tree whose changes are known, how much they can be. It is empty for other actions.
func (g group) amount() string { return amount(g.kind, g.actions) }

func amount(kind plan.ActionKind, actions []plan.Action) string {
	var sum plan.Estimate
	unknown, about, most := 0, "", ""
	if kind == plan.Sync {
		return treesAmount(actions)
	}
	for _, a := range actions {
		switch c := a.Copy; {
		case c == nil || c.Remote == nil || a.Version == "" || kind == plan.Prune:
			return ""
		case c.Estimate == nil:
			unknown++
		default:
			if c.From != nil && c.From.Version != nil && c.From.Version.Digest == "" { // this plan makes it
				about = "about "
			}
			sum.Files, sum.Size, sum.Bytes = sum.Files+c.Estimate.Files, sum.Size+c.Estimate.Size, sum.Bytes+c.Estimate.Bytes
		}
	}
	var text string
	switch {
	case kind == plan.Relink:
		return fmt.Sprintf("; %s, which frees up to %s if their contents are the same", count(int(sum.Files), "file"), quantity.Size(sum.Bytes).Human())
	case kind == plan.Refresh && !slices.ContainsFunc(actions, func(a plan.Action) bool { return !a.Copy.Full }):
		return "; what is there as it should be is not sent again"
	case sum == plan.Estimate{} && kind == plan.Refresh && unknown == 0:
		return "; only the receipt is sent"
	case unknown < len(actions):
		if kind == plan.Refresh && sum.Bytes > 0 { // some of what was new may be gone
			most = "at most "
		}
		text = fmt.Sprintf("; %s%s with %s, of which %s%s are new there", about, count(int(sum.Files), "file"), quantity.Size(sum.Size).Human(), most, quantity.Size(sum.Bytes).Human())
	}
	if unknown > 0 {
		text += fmt.Sprintf("; what %s will add is known at apply", count(unknown, "version"))
	}
	return text
}

// treesAmount says how much can be sent of trees whose changes are known.
func treesAmount(actions []plan.Action) string {
	var sum plan.Estimate
	known := false
	for _, a := range actions {
		switch c := a.Copy; {
		case c == nil || c.Since == nil:
		case c.Estimate == nil:
			return "; how much is sent is known at apply"
		default:
			known = true
			sum.Files, sum.Size = sum.Files+c.Estimate.Files, sum.Size+c.Estimate.Size
		}
	}
	switch {
	case !known:
		return ""
	case sum.Files == 0:
		return "; no file is among them now"
	}
	return fmt.Sprintf("; as they are now at most %s with %s to send", count(int(sum.Files), "file"), quantity.Size(sum.Size).Human())
}

// volumeAmount says of one action what amount says of a group, and of a copy on a disk
// of this machine what it is expected to add, as far as that is known without making it.
func volumeAmount(a plan.Action) string {
	switch c := a.Copy; {
	case c == nil || c.Remote != nil || a.Version == "" || a.Kind != plan.Create && a.Kind != plan.Refresh:
		return amount(a.Kind, []plan.Action{a})
	case c.Estimate == nil:
		return "; what it adds is known at apply"
	case a.Reason.Code == plan.ReasonUnchanged:
		return "; unchanged"
	default:
		return "; expected to add " + quantity.Size(c.Estimate.Bytes).Human()
	}
}
