package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/quantity"
)

// group is actions of a layer that are alike: the same kind for the same kind
// of reason, or blocked for the same kind of cause.
type group struct {
	layer   string
	kind    plan.ActionKind
	code    string // of the reason, or of the block
	actions []plan.Action
}

// blocked says whether the actions of the group are not carried out.
func (g group) blocked() bool { return g.actions[0].Blocked != nil }

// fold groups actions, in the order in which each group first appears.
func fold(actions []plan.Action) []group {
	type key struct {
		layer   string
		kind    plan.ActionKind
		code    string
		blocked bool
	}
	var groups []group
	index := map[key]int{}
	for _, a := range actions {
		k := key{a.Layer, a.Kind, a.Reason.Code, a.Blocked != nil}
		if k.blocked {
			k.code = a.Blocked.Code
		}
		i, found := index[k]
		if !found {
			i = len(groups)
			index[k] = i
			groups = append(groups, group{layer: a.Layer, kind: a.Kind, code: k.code})
		}
		groups[i].actions = append(groups[i].actions, a)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return rank(a.kind) - rank(b.kind) })
	return groups
}

var kinds = []plan.ActionKind{plan.Create, plan.Refresh, plan.Sync, plan.Trigger, plan.Relink, plan.Prune, plan.Clean}

func rank(k plan.ActionKind) int { return slices.Index(kinds, k) }

// volumes are the names of the volumes of the group, each once, in order.
func (g group) volumes() []string {
	var names []string
	seen := map[string]bool{}
	for _, a := range g.actions {
		if !seen[a.Volume] {
			seen[a.Volume] = true
			names = append(names, a.Volume)
		}
	}
	return names
}

// reason is one text for the whole group.
func (g group) reason(slot time.Time, zone *time.Location) string {
	return g.why(slot, zone) + g.amount()
}

func (g group) why(slot time.Time, zone *time.Location) string {
	first := g.actions[0].Reason
	same := !slices.ContainsFunc(g.actions, func(a plan.Action) bool { return a.Reason.Detail != first.Detail })
	switch {
	case same:
		return sentence(first.Detail)
	case g.code == plan.ReasonDue:
		return "the newest is older than the slot " + clock(slot, zone)
	case g.kind.Destructive():
		return "no rule of the retention keeps them"
	}
	return sentence(first.Detail) + ", and likewise"
}

// block is one text for what blocks the whole group, and one for what would
// unblock it.
func (g group) block() (why, unblock string) {
	first := g.actions[0].Blocked
	why = sentence(first.Detail)
	if slices.ContainsFunc(g.actions, func(a plan.Action) bool { return a.Blocked.Detail != first.Detail }) {
		why += ", and likewise"
	}
	return why, sentence(first.Unblock)
}

// span is when the versions of the group were made.
func (g group) span(zone *time.Location) string {
	first, last := g.actions[0].VersionTime, g.actions[0].VersionTime
	for _, a := range g.actions {
		if a.VersionTime.Before(first) {
			first = a.VersionTime
		}
		if a.VersionTime.After(last) {
			last = a.VersionTime
		}
	}
	if clock(first, zone) == clock(last, zone) {
		return "made " + clock(first, zone)
	}
	return "made " + clock(first, zone) + " to " + clock(last, zone)
}

// clock is a time as people read it.
func clock(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "never"
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

// noun is what the actions of the group are about, in a layer of the kind.
func (g group) noun(layerKind string) string {
	switch g.kind {
	case plan.Clean:
		return "leftover"
	case plan.Sync:
		return "tree"
	}
	return noun(layerKind)
}

// versionText says which version an action is about: a copy by its name, which one of
// a week keeps while it is made anew, a snapshot by its time.
func versionText(a plan.Action, zone *time.Location) string {
	if a.Copy != nil && a.Version != "" {
		return a.Version
	}
	return clock(a.VersionTime, zone)
}

// roomText says what a destination has room for, before and after the plan.
func roomText(c plan.Capacity, zone *time.Location) string {
	text := fmt.Sprintf("%s free of %s", quantity.Size(c.Free).Human(), quantity.Size(c.Size).Human())
	var changes []string
	if c.Adds > 0 {
		changes = append(changes, quantity.Size(c.Adds).Human()+" more")
	}
	if c.Frees > 0 {
		changes = append(changes, quantity.Size(c.Frees).Human()+" less")
	}
	if len(changes) > 0 {
		text += fmt.Sprintf("; %s expected, so %s free after", strings.Join(changes, " and "), quantity.Size(c.FreeAfter).Human())
	}
	text += inodesText(c)
	if c.AtMost > 0 {
		text += fmt.Sprintf("; changed trees add at most %s", quantity.Size(c.AtMost).Human())
	}
	if c.Unknown > 0 {
		text += fmt.Sprintf("; what %s will add is known at apply", count(c.Unknown, "action"))
	}
	if !c.Full.IsZero() {
		text += fmt.Sprintf("; it fills by %s a day, and is full on %s at that rate", quantity.Size(c.PerDay).Human(), c.Full.In(zone).Format(time.DateOnly))
	}
	return text + snapshotsText(c)
}

// fewInodes is the share of the inodes, one of so many, below which they are told
// also where the plan changes nothing about them.
const fewInodes = 10

// inodesText says how many inodes are left, where the file system has a fixed number of
// them.
func inodesText(c plan.Capacity) string {
	changes := c.AddsInodes != 0 || c.FreesInodes != 0
	if c.Inodes == 0 || !changes && c.InodesFree >= c.Inodes/fewInodes {
		return ""
	}
	now, after := rounded(c.InodesFree), rounded(c.InodesFreeAfter)
	text := fmt.Sprintf("; %s of %s inodes free", now, rounded(c.Inodes))
	switch {
	case changes && now == after:
		text += " after"
	case changes:
		text += ", " + after + " after"
	}
	return text
}

// rounded is a number as people say it: 71.2M.
func rounded(n int64) string {
	switch {
	case n >= 999_950:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1e6), ".0") + "M"
	case n >= 10_000:
		return fmt.Sprintf("%.0fk", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}

// snapshotsText says how long a Synology keeps its own snapshots of what is there,
// beside what the policy declares.
func snapshotsText(c plan.Capacity) string {
	s := c.ShareSnapshots
	switch {
	case s == nil:
		return ""
	case s.Detail != "":
		return fmt.Sprintf("; how long its own snapshots of the share %q stay cannot be told: %s", s.Share, s.Detail)
	}
	return fmt.Sprintf("; its own snapshots of the share %q stay by %q, and what is pruned takes up room until they go (the policy has %s)",
		s.Share, s.Retention, strings.Join(c.Declared, ", "))
}

// noun is what a layer of the kind calls its versions.
func noun(layerKind string) string {
	switch layerKind {
	case plan.LayerSnapshot:
		return "snapshot"
	case plan.LayerDump:
		return "dump"
	}
	return "version"
}
