package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// PlanMarkdown writes a plan as a comment on a pull request: the summary, what
// is blocked and the warnings in sight, the rest folded, a section a layer. It
// is cut to what GitHub takes.
func PlanMarkdown(w io.Writer, p plan.Plan) error {
	m := &markdown{plan: p, zone: p.Timezone.Location()}
	m.head(Summary(p))
	groups := fold(p.Actions)
	m.blocked(groups)
	m.warnings()
	for _, l := range p.Layers {
		m.layer(l, groups)
	}
	m.capacity()
	m.excluded()
	m.drift(false)
	m.notCarriedOut()
	_, err := io.WriteString(w, m.end("bkplan plan -v"))
	return err
}

// DriftMarkdown writes what differs from the policy as a comment.
func DriftMarkdown(w io.Writer, p plan.Plan) error {
	m := &markdown{plan: p, zone: p.Timezone.Location()}
	m.head(DriftSummary(p))
	m.drift(true)
	_, err := io.WriteString(w, m.end("bkplan drift -v"))
	return err
}

type markdown struct {
	comment
	plan plan.Plan
	zone *time.Location
}

func (m *markdown) head(summary string) {
	m.add("**%s**\n", summary)
	line := fmt.Sprintf("%s at %s (%s)", codeSpan(m.plan.Host), clock(m.plan.Time, m.zone), m.plan.Timezone)
	if age := m.plan.Time.Sub(m.plan.Observed); age >= time.Minute {
		line += ", observed " + plan.Age(age) + " earlier"
	}
	if f := m.plan.Filter; !f.IsZero() {
		line += ", **narrowed** to " + codeSpan(filterText(f))
	}
	m.add("%s\n", line)
}

func (m *markdown) blocked(groups []group) {
	if m.plan.Summary().Blocked == 0 {
		return
	}
	m.add("> [!CAUTION]")
	for _, l := range m.plan.Layers {
		if l.Blocked != nil {
			m.add("> - all of %s is **blocked**: %s.%s", codeSpan("layer."+l.Name), markdownText(l.Blocked.Detail), toUnblock(l.Blocked.Unblock))
		}
	}
	for _, g := range groups {
		if g.blocked() {
			why, unblock := g.block()
			m.add("> - %d to %s of %s **blocked**: %s.%s", len(g.actions), g.kind, codeSpan("layer."+g.layer), markdownText(why), toUnblock(unblock))
		}
	}
	m.add("")
}

func toUnblock(text string) string {
	if text == "" {
		return ""
	}
	return " To unblock: " + markdownText(text) + "."
}

func (m *markdown) warnings() {
	if len(m.plan.Warnings) == 0 {
		return
	}
	m.add("> [!WARNING]")
	for _, w := range m.plan.Warnings {
		line := markdownText(w.Detail)
		if w.Hint != "" {
			line += " (" + markdownText(w.Hint) + ")"
		}
		m.add("> - %s", line)
	}
	m.add("")
}

func (m *markdown) layer(l plan.LayerStatus, groups []group) {
	own := slices.DeleteFunc(slices.Clone(groups), func(g group) bool { return g.layer != l.Name })
	if len(own) == 0 {
		return
	}
	summary := htmlCode("layer."+l.Name) + ": " + strings.Join(countActions(own), ", ")
	m.section(summary, []string{"Action", "Volume", "Version of", "Why"}, func(row func(...string)) {
		for _, g := range own {
			for _, a := range g.actions {
				m.action(a, row)
			}
		}
	})
}

// countActions counts what groups do, whatever their reasons: "61 to create, 4
// to create (blocked)".
func countActions(groups []group) []string {
	var words []string
	counts := map[string]int{}
	for _, g := range groups {
		word := "to " + string(g.kind)
		if g.blocked() {
			word += " (blocked)"
		}
		if counts[word] == 0 {
			words = append(words, word)
		}
		counts[word] += len(g.actions)
	}
	for i, word := range words {
		words[i] = fmt.Sprintf("%d %s", counts[word], word)
	}
	return words
}

func (m *markdown) action(a plan.Action, row func(...string)) {
	kind, why := string(a.Kind), a.Reason.Detail+volumeAmount(a)
	if a.Blocked != nil {
		kind, why = kind+", blocked", a.Blocked.Detail
	}
	row(kind, codeSpan(a.Volume), markdownText(versionText(a, m.zone)), markdownText(why))
}

// capacity says in a line for each destination what the plan leaves free.
func (m *markdown) capacity() {
	for _, c := range m.plan.Capacity {
		if c.Adds != 0 || c.Frees != 0 || c.AtMost != 0 || c.Unknown != 0 {
			m.add("%s: %s.\n", codeSpan("destination."+c.Destination), roomText(c, m.zone))
		}
	}
}

func (m *markdown) excluded() {
	blocks := foldExcluded(m.plan.Excluded)
	if len(blocks) == 0 {
		return
	}
	m.section(fmt.Sprintf("%d excluded", m.plan.Summary().Excluded), []string{"Volume", "Layer", "Exclude", "Why"}, func(row func(...string)) {
		for _, e := range blocks {
			for _, s := range e.skipped {
				row(codeSpan(s.Volume), codeSpan("layer."+s.Layer), codeSpan("exclude."+e.name), markdownText(e.text()))
			}
		}
	})
}

// drift writes a section for each kind of drift; all means those too that do
// not count.
func (m *markdown) drift(all bool) {
	kinds := countingKinds(m.plan.Drift)
	if all {
		kinds = append(kinds, quietKinds...)
	}
	for _, k := range kinds {
		list := driftOf(m.plan.Drift, k.kind)
		if len(list) == 0 {
			continue
		}
		m.section(fmt.Sprintf("%d %s: %s", len(list), k.kind, k.means), []string{"Name", "Layer", "What", "How to mend it"}, func(row func(...string)) {
			for _, d := range list {
				m.difference(d, row)
			}
		})
	}
}

func (m *markdown) difference(d plan.Drift, row func(...string)) {
	layer := ""
	if d.Layer != "" {
		layer = codeSpan("layer." + d.Layer)
	}
	row(codeSpan(d.Name), layer, markdownText(d.Detail), markdownText(d.Hint))
}

func (m *markdown) notCarriedOut() {
	var names []string
	for _, l := range notCarriedOut(m.plan) {
		names = append(names, fmt.Sprintf("%s (%s)", codeSpan("layer."+l.Name), markdownText(l.Kind)))
	}
	if len(names) > 0 {
		m.add("Not carried out by this version: %s.", strings.Join(names, ", "))
	}
}
