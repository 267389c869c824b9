package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"github.com/bkplan/bkplan/internal/plan"
)

// driftKind is a kind of drift and what it means.
type driftKind struct {
	kind  plan.DriftKind
	means string
}

// driftKinds are the kinds that count, worst first.
var driftKinds = []driftKind{
	{plan.Unprotected, "no layer covers it, no exclusion explains it"},
	{plan.Missing, "its volume is not there"},
	{plan.Stale, "older than its policy allows"},
	{plan.Suspect, "a version that looks wrong"},
	{plan.UnknownKind, "could not be observed"},
	{plan.Orphaned, "left behind"},
	{plan.Foreign, "made by nobody that bkplan knows"},
}

// quietKinds are the kinds that do not count.
var quietKinds = []driftKind{
	{plan.Accepted, "knowingly below the policy"},
	{plan.Unmatched, "not matched by any source"},
}

// countingKinds are driftKinds and any other kind that counts, so that nothing
// stays out of sight.
func countingKinds(drift []plan.Drift) []driftKind {
	kinds := slices.Clone(driftKinds)
	for _, d := range drift {
		listed := func(k driftKind) bool { return k.kind == d.Kind }
		if d.Kind.Counts() && !slices.ContainsFunc(kinds, listed) {
			kinds = append(kinds, driftKind{d.Kind, "see each"})
		}
	}
	return kinds
}

// foldedDrift is how many differences of a kind are shown unless verbose.
const foldedDrift = 10

// Drift writes what differs from the policy for a terminal.
func Drift(w io.Writer, p plan.Plan, o Options) error {
	v := &planView{page: newPage(o), plan: p, zone: p.Timezone.Location(), heads: map[string]string{}}
	v.header("Drift")
	for _, k := range countingKinds(p.Drift) {
		v.driftKind(k.kind, k.means, driftOf(p.Drift, k.kind))
	}
	v.accepted(driftOf(p.Drift, plan.Accepted))
	v.unmatched(driftOf(p.Drift, plan.Unmatched))
	v.line("\n%s", v.bold.Render(DriftSummary(p)))
	return v.writeTo(w)
}

// DriftSummary is the last line of drift, and the first of its markdown.
func DriftSummary(p plan.Plan) string {
	text := driftCounts(p.Drift)
	if text == "" {
		return "No drift."
	}
	return "Drift: " + text + "."
}

// driftCounts counts the drift that counts; empty when there is none.
func driftCounts(drift []plan.Drift) string {
	var parts []string
	for _, k := range countingKinds(drift) {
		if n := len(driftOf(drift, k.kind)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k.kind))
		}
	}
	return strings.Join(parts, ", ")
}

func driftOf(drift []plan.Drift, kind plan.DriftKind) []plan.Drift {
	var found []plan.Drift
	for _, d := range drift {
		if d.Kind == kind {
			found = append(found, d)
		}
	}
	return found
}

func (v *planView) driftKind(kind plan.DriftKind, means string, list []plan.Drift) {
	if len(list) == 0 {
		return
	}
	title := strings.ToUpper(string(kind[:1])) + string(kind[1:])
	style := v.yellow
	if kind == plan.Unprotected || kind == plan.Missing {
		style = v.red
	}
	v.line("\n%s%s", style.Render(title), v.faint.Render(": "+means))
	shown := list
	if !v.Verbose && len(list) > foldedDrift {
		shown = list[:foldedDrift-1]
	}
	column := 0
	for _, d := range shown {
		column = max(column, min(widestName, lipgloss.Width(heading(d))))
	}
	for i, d := range shown {
		v.difference(d, column, i+1 == len(shown) || shown[i+1].Hint != d.Hint)
	}
	if len(shown) < len(list) {
		v.line("  … and %d more (-v)", len(list)-len(shown))
	}
}

// widestName is how wide a name may be and still move the column of details.
const widestName = 36

// heading names a difference, with the space behind it.
func heading(d plan.Drift) string {
	name := "  " + escape(d.Name)
	if d.Layer != "" {
		name += " in layer." + escape(d.Layer)
	}
	return name + "  "
}

// difference writes one difference, its detail from column on; withHint is
// false where the next one has the same hint.
func (v *planView) difference(d plan.Drift, column int, withHint bool) {
	v.hang(heading(d), column, sentence(d.Detail), lipgloss.NewStyle())
	if withHint && d.Hint != "" {
		v.hang(v.faint.Render("    hint: "), 0, sentence(d.Hint), v.faint)
	}
}

func (v *planView) accepted(list []plan.Drift) {
	if len(list) == 0 {
		return
	}
	v.line("")
	if v.Verbose {
		v.line("Accepted:")
		for _, d := range list {
			v.difference(d, 0, true)
		}
		return
	}
	v.folded(fmt.Sprintf("Accepted, below the policy: %s", count(len(list), "volume")), list)
}

// unmatched writes a line for each sort of thing that no source matches.
func (v *planView) unmatched(list []plan.Drift) {
	if len(list) == 0 {
		return
	}
	v.line("")
	for _, sort := range sorts(list) {
		head := "Not matched by any source: " + sort.text()
		if !v.Verbose {
			v.folded(head, sort.list)
			continue
		}
		v.line("%s", head)
		for _, d := range sort.list {
			v.line("  %s", escape(d.Name))
		}
	}
}

// folded writes a line with as many names behind it as fit, in parentheses.
func (v *planView) folded(head string, list []plan.Drift) {
	var names []string
	for _, d := range list {
		names = append(names, strings.ReplaceAll(escape(d.Name), " ", noBreak))
	}
	for shown := len(names); ; shown-- {
		text := head + " (" + strings.Join(names[:shown], ", ")
		if shown < len(names) {
			text += fmt.Sprintf(", … and %d more", len(names)-shown)
		}
		lines := wrap(text+")", v.Width)
		if len(lines) > 2 && shown > 1 {
			shown = min(shown, 12)
			continue
		}
		for _, line := range lines {
			v.line("%s", v.faint.Render(strings.ReplaceAll(line, noBreak, " ")))
		}
		return
	}
}

// unmatchedSort is things with the same detail.
type unmatchedSort struct {
	detail string
	list   []plan.Drift
}

// text counts the things: "4 logical volumes of pool pve/data".
func (s unmatchedSort) text() string {
	detail := sentence(s.detail)
	for _, noun := range []string{"logical volume", "claim"} {
		if rest, ok := strings.CutPrefix(detail, noun); ok {
			return count(len(s.list), noun) + rest
		}
	}
	return fmt.Sprintf("%d: %s", len(s.list), detail)
}

func sorts(list []plan.Drift) []unmatchedSort {
	var found []unmatchedSort
	for _, d := range list {
		i := slices.IndexFunc(found, func(s unmatchedSort) bool { return s.detail == d.Detail })
		if i < 0 {
			i, found = len(found), append(found, unmatchedSort{detail: d.Detail})
		}
		found[i].list = append(found[i].list, d)
	}
	return found
}
