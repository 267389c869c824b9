package retention

import (
	"fmt"
	"slices"
	"strings"
)

// removal words why no rule keeps a version. It remembers the last answer: one
// old version mostly goes for the same reasons as the one before.
type removal struct {
	outcomes [ruleCount]outcome
	text     string
}

func (m *removal) detail(tallies []tally, outcomes [ruleCount]outcome) string {
	if m.text != "" && m.outcomes == outcomes {
		return m.text
	}
	var parts []string
	for i, tally := range tallies {
		if part := tally.rule.denial(outcomes[i]); !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	m.outcomes, m.text = outcomes, strings.Join(parts, ", ")
	return m.text
}

// denial words why this rule does not keep a version.
func (r rule) denial(o outcome) string {
	switch {
	case o == outside:
		return fmt.Sprintf("outside %s %s", r.name, r.span)
	case o == notNewest:
		return fmt.Sprintf("not the newest of its %s", r.period.noun())
	case r.period == single:
		return fmt.Sprintf("not among the last %d", r.limit)
	case r.limit == 1:
		return fmt.Sprintf("older than the 1 %s of %s", r.period.noun(), r.name)
	}
	return fmt.Sprintf("older than the %d %ss of %s", r.limit, r.period.noun(), r.name)
}
