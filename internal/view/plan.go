package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/bkplan/bkplan/internal/plan"
)

// Plan writes a plan for a terminal: folded so that the plan of a whole
// homelab fits on a screen, or in full when verbose.
func Plan(w io.Writer, p plan.Plan, o Options) error {
	v := &planView{page: newPage(o), plan: p, zone: p.Timezone.Location(), heads: map[string]string{}}
	v.header("Plan")
	groups := fold(p.Actions)
	for _, l := range p.Layers {
		if l.CarriedOut {
			v.layer(l, groups)
		}
	}
	v.blocked(groups)
	v.capacity()
	v.excluded()
	v.notCarriedOut()
	v.warnings()
	v.drift()
	v.line("\n%s", v.bold.Render(Summary(p)))
	return v.writeTo(w)
}

// planView is the page of a plan, or of its drift.
type planView struct {
	*page
	plan  plan.Plan
	zone  *time.Location
	heads map[string]string // symbol and verb of a kind, styled once
}

func (v *planView) header(title string) {
	at := fmt.Sprintf("%s for %s at %s (%s)", title, escape(v.plan.Host), clock(v.plan.Time, v.zone), v.plan.Timezone)
	v.line("%s%s", v.bold.Render(at), v.observedAge())
	if f := v.plan.Filter; !f.IsZero() {
		text := "Narrowed to " + escape(filterText(f)) + ": this is no proof that the rest is as it should be."
		v.hang("", 0, text, v.yellow)
	}
}

// observedAge says how old the observation is, when that matters.
func (v *planView) observedAge() string {
	age := v.plan.Time.Sub(v.plan.Observed)
	switch {
	case age < 0:
		return ", observed " + clock(v.plan.Observed, v.zone)
	case age < time.Minute:
		return ""
	case age > time.Hour:
		return v.yellow.Render(", observed " + plan.Age(age) + " earlier")
	}
	return ", observed " + plan.Age(age) + " earlier"
}

// filterText is not escaped.
func filterText(f plan.Filter) string {
	var parts []string
	for _, list := range []struct {
		noun  string
		globs []string
	}{{"layers", f.Layers}, {"volumes", f.Volumes}} {
		if len(list.globs) > 0 {
			parts = append(parts, list.noun+" "+strings.Join(list.globs, ", "))
		}
	}
	return strings.Join(parts, " and ")
}

func (v *planView) layer(l plan.LayerStatus, groups []group) {
	facts := held(l)
	if !l.NextSlot.IsZero() {
		facts += ", next slot " + clock(l.NextSlot, v.zone)
	}
	name := "layer." + escape(l.Name)
	v.line("")
	v.hang(v.bold.Render(name)+"  ", 0, facts, v.faint)
	shown := 0
	for _, g := range groups {
		if g.layer == l.Name && !g.blocked() {
			v.group(g, l)
			shown++
		}
	}
	switch {
	case shown > 0:
	case l.Blocked != nil || v.hasBlocked(l.Name):
		v.line("  nothing can be done, see below")
	default:
		v.line("  nothing to do")
	}
}

// held is how many volumes and versions a layer has; a number that is not known is
// not shown as none.
func held(l plan.LayerStatus) string {
	volumes, versions := count(l.Volumes, "volume"), count(l.Versions, noun(l.Kind))
	switch {
	case l.VolumesUnknown && l.VersionsUnknown:
		return fmt.Sprintf("volumes and %ss not known", noun(l.Kind))
	case l.VolumesUnknown:
		return "volumes not known, " + versions
	}
	return volumes + ", " + versions
}

func (v *planView) hasBlocked(layer string) bool {
	for _, a := range v.plan.Actions {
		if a.Layer == layer && a.Blocked != nil {
			return true
		}
	}
	return false
}

// verbWidth is the width of a symbol, a verb and the spaces around them.
const verbWidth = len("  + trigger  ")

// fewVolumes is how many volumes a folded prune still names.
const fewVolumes = 8

func (v *planView) group(g group, l plan.LayerStatus) {
	if v.Verbose {
		v.each(g, func(a plan.Action) string { return a.Reason.Detail + volumeAmount(a) })
		return
	}
	head := v.verb(g.kind) + count(len(g.actions), g.noun(l.Kind)) + "  "
	v.hang(head, 0, g.reason(l.Slot, v.zone), lipgloss.NewStyle())
	volumes := g.volumes()
	if g.kind == plan.Prune {
		v.hang("", verbWidth, g.span(v.zone), v.faint)
		if len(volumes) > fewVolumes {
			return
		}
	}
	v.names(volumes, 2, verbWidth)
}

// each writes every action of a group on a line of its own, unwrapped.
func (v *planView) each(g group, why func(plan.Action) string) {
	widest := 0
	for _, a := range g.actions {
		widest = max(widest, min(40, lipgloss.Width(escape(a.Volume))))
	}
	head := v.verb(g.kind)
	for _, a := range g.actions {
		v.line("%s%s  %s  %s", head, pad(escape(a.Volume), widest), escape(versionText(a, v.zone)), sentence(why(a)))
	}
}

// verb is the symbol and the verb of a kind of action, padded to verbWidth.
func (v *planView) verb(k plan.ActionKind) string {
	symbol, style := "~", v.yellow
	switch k {
	case plan.Create:
		symbol, style = "+", v.green
	case plan.Prune, plan.Clean:
		symbol, style = "-", v.red
	case plan.Trigger:
		symbol, style = ">", v.cyan
	}
	return v.marked(symbol, string(k), style)
}

func (v *planView) marked(symbol, word string, style lipgloss.Style) string {
	key := symbol + word
	if v.heads[key] == "" {
		text := fmt.Sprintf("%s %s", symbol, word)
		v.heads[key] = "  " + style.Render(text) + strings.Repeat(" ", verbWidth-2-len(text))
	}
	return v.heads[key]
}

func (v *planView) blocked(groups []group) {
	if v.plan.Summary().Blocked == 0 {
		return
	}
	v.line("\n%s", v.red.Render("Blocked"))
	for _, l := range v.plan.Layers {
		if l.Blocked != nil {
			v.block("all", "of layer."+escape(l.Name), sentence(l.Blocked.Detail), sentence(l.Blocked.Unblock))
		}
	}
	kinds := map[string]string{}
	for _, l := range v.plan.Layers {
		kinds[l.Name] = l.Kind
	}
	for _, g := range groups {
		if !g.blocked() {
			continue
		}
		why, unblock := g.block()
		v.block(string(g.kind), count(len(g.actions), g.noun(kinds[g.layer]))+" of layer."+escape(g.layer), why, unblock)
		if v.Verbose {
			v.each(g, func(a plan.Action) string { return a.Blocked.Detail })
		} else {
			v.names(g.volumes(), 1, verbWidth)
		}
	}
}

func (v *planView) block(verb, what, why, unblock string) {
	head := v.marked("!", verb, v.red)
	v.hang(head, verbWidth, what+": "+why, lipgloss.NewStyle())
	if unblock != "" {
		v.hang("", verbWidth, "to unblock: "+unblock, v.yellow)
	}
}

// capacity says for each destination what the plan leaves free.
func (v *planView) capacity() {
	for _, c := range v.plan.Capacity {
		if c.Adds == 0 && c.Frees == 0 && c.AtMost == 0 && c.Unknown == 0 && !v.Verbose {
			continue
		}
		head := v.bold.Render("destination."+escape(c.Destination)) + "  "
		v.line("")
		v.hang(head, 0, roomText(c, v.zone), lipgloss.NewStyle())
	}
}

func (v *planView) notCarriedOut() {
	var names []string
	for _, l := range notCarriedOut(v.plan) {
		names = append(names, fmt.Sprintf("layer.%s"+noBreak+"(%s)", escape(l.Name), escape(l.Kind)))
	}
	if len(names) == 0 {
		return
	}
	v.line("")
	for _, line := range wrap("Not carried out by this version: "+strings.Join(names, ", "), v.Width) {
		v.line("%s", v.faint.Render(strings.ReplaceAll(line, noBreak, " ")))
	}
}

func (v *planView) warnings() {
	if len(v.plan.Warnings) > 0 {
		v.line("")
	}
	for _, warning := range v.plan.Warnings {
		v.hang(v.yellow.Render("Warning: "), 0, sentence(warning.Detail), lipgloss.NewStyle())
		if warning.Hint != "" {
			v.hang("", len("Warning: "), sentence(warning.Hint), v.faint)
		}
	}
}

// drift says in short what `bkplan drift` says in full.
func (v *planView) drift() {
	text := driftCounts(v.plan.Drift)
	if text == "" {
		return
	}
	v.line("")
	v.hang(v.yellow.Render("Drift: "), 0, text+"; `bkplan drift` says more", lipgloss.NewStyle())
	var names []string
	for _, d := range v.plan.Drift {
		if d.Kind == plan.Unprotected {
			names = append(names, d.Name)
		}
	}
	if len(names) > 0 {
		v.names(names, 1, len("Drift: "))
	}
}
