package view

import (
	"fmt"

	"github.com/charmbracelet/lipgloss"

	"github.com/bkplan/bkplan/internal/plan"
)

// exclusion is what one exclude block leaves out.
type exclusion struct {
	name, reason string
	accept       bool
	volumes      map[string]bool
	skipped      []plan.Skipped
}

func (e exclusion) text() string {
	if e.accept {
		return sentence(e.reason) + " (accepted)"
	}
	return sentence(e.reason)
}

func foldExcluded(list []plan.Skipped) []exclusion {
	var blocks []exclusion
	index := map[string]int{}
	for _, s := range list {
		i, found := index[s.Exclude]
		if !found {
			i = len(blocks)
			index[s.Exclude] = i
			blocks = append(blocks, exclusion{name: s.Exclude, reason: s.Reason, accept: s.Accept, volumes: map[string]bool{}})
		}
		blocks[i].volumes[s.Volume] = true
		blocks[i].skipped = append(blocks[i].skipped, s)
	}
	return blocks
}

func (v *planView) excluded() {
	blocks := foldExcluded(v.plan.Excluded)
	if len(blocks) == 0 {
		return
	}
	v.line("\n%s", v.bold.Render("Excluded"))
	widest := 0
	for _, e := range blocks {
		widest = max(widest, min(20, lipgloss.Width(escape(e.name))))
	}
	for _, e := range blocks {
		head := fmt.Sprintf("  %s  %s  ", pad(escape(e.name), widest), pad(count(len(e.volumes), "volume"), len("10 volumes")))
		v.hang(head, 0, e.text(), lipgloss.NewStyle())
		if v.Verbose {
			v.excludedEach(e)
		}
	}
}

func (v *planView) excludedEach(e exclusion) {
	for _, s := range e.skipped {
		v.line("    %s", v.faint.Render(escape(s.Volume)+" from layer."+escape(s.Layer)))
	}
}
