package retention

import (
	"fmt"
	"strings"

	"github.com/bkplan/bkplan/internal/quantity"
)

// Rules is a retention block of a policy. Counts are numbers of versions or of
// buckets that hold data; spans end at the newest version. What is not positive
// is absent.
type Rules struct {
	Last    int `json:"keep_last,omitempty"`
	Hourly  int `json:"keep_hourly,omitempty"`
	Daily   int `json:"keep_daily,omitempty"`
	Weekly  int `json:"keep_weekly,omitempty"`
	Monthly int `json:"keep_monthly,omitempty"`
	Yearly  int `json:"keep_yearly,omitempty"`

	Within        quantity.Duration `json:"keep_within,omitzero"`
	WithinHourly  quantity.Duration `json:"keep_within_hourly,omitzero"`
	WithinDaily   quantity.Duration `json:"keep_within_daily,omitzero"`
	WithinWeekly  quantity.Duration `json:"keep_within_weekly,omitzero"`
	WithinMonthly quantity.Duration `json:"keep_within_monthly,omitzero"`
	WithinYearly  quantity.Duration `json:"keep_within_yearly,omitzero"`
}

// IsZero reports whether no rule is in force, and so everything is kept.
func (r Rules) IsZero() bool {
	var buffer [ruleCount]rule
	return len(r.appendTo(buffer[:0])) == 0
}

// String returns the rules in force as a policy writes them, in their fixed
// order: "keep_last = 4, keep_within = 7d"; "keep everything" when there are
// none.
func (r Rules) String() string {
	var parts []string
	for _, rule := range r.appendTo(nil) {
		parts = append(parts, rule.String())
	}
	if len(parts) == 0 {
		return "keep everything"
	}
	return strings.Join(parts, ", ")
}

// ruleCount is how many rules a Rules has.
const ruleCount = 12

// rule is one rule in force: the newest version of each bucket, for at most
// limit buckets, or for those younger than span.
type rule struct {
	name   string
	period period
	limit  int               // 0 when span is set
	span   quantity.Duration // zero when limit is set
}

func (r rule) String() string {
	if r.limit > 0 {
		return fmt.Sprintf("%s = %d", r.name, r.limit)
	}
	return fmt.Sprintf("%s = %s", r.name, r.span)
}

// appendTo appends the rules in force to list, in the order in which reasons
// are given.
func (r Rules) appendTo(list []rule) []rule {
	for _, c := range [...]rule{
		{"keep_last", single, r.Last, quantity.Duration{}},
		{"keep_hourly", hourly, r.Hourly, quantity.Duration{}},
		{"keep_daily", daily, r.Daily, quantity.Duration{}},
		{"keep_weekly", weekly, r.Weekly, quantity.Duration{}},
		{"keep_monthly", monthly, r.Monthly, quantity.Duration{}},
		{"keep_yearly", yearly, r.Yearly, quantity.Duration{}},
		{"keep_within", single, 0, r.Within},
		{"keep_within_hourly", hourly, 0, r.WithinHourly},
		{"keep_within_daily", daily, 0, r.WithinDaily},
		{"keep_within_weekly", weekly, 0, r.WithinWeekly},
		{"keep_within_monthly", monthly, 0, r.WithinMonthly},
		{"keep_within_yearly", yearly, 0, r.WithinYearly},
	} {
		if c.limit > 0 || c.span.Approx() > 0 {
			list = append(list, c)
		}
	}
	return list
}
