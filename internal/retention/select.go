package retention

import (
	"cmp"
	"slices"
	"time"
)

// Version is one version of a volume, as far as retention is concerned. ID only
// orders versions of the same instant and is otherwise the caller's.
type Version struct {
	Time time.Time
	ID   string
}

// Reason says why a version stays or goes. Rule is the rule that keeps it, as
// the policy names it ("keep_daily"), "none" when there are no rules, and empty
// for a version that goes. Detail is a fragment for people ("daily 3 of 7:
// 2026-11-21"), not to be parsed.
type Reason struct {
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail"`
}

// Decision is what becomes of one version. Reasons is never empty: one for each
// rule that keeps the version, in the order of the fields of [Rules], or the one
// reason why none does.
type Decision struct {
	Version Version
	Keep    bool
	Reasons []Reason
}

// Select decides about all versions of one volume in one layer, newest first;
// those of the same instant by ID. It neither needs an order nor changes the
// slice it is given.
//
// Spans end at ref; a zero ref stands for the newest version's time, and then
// the newest version always stays. Give another ref only for what gets no new
// versions and has to age out. Buckets and days are those of loc, which must
// not be nil.
func Select(versions []Version, rules Rules, ref time.Time, loc *time.Location) []Decision {
	decisions := newestFirst(versions)
	var buffer [ruleCount]rule
	active := rules.appendTo(buffer[:0])
	if len(active) == 0 {
		keepAll(decisions)
		return decisions
	}
	if len(decisions) == 0 {
		return decisions
	}
	s := selection{
		spanEnd: "the newest version",
		tallies: make([]tally, 0, len(active)),
		reasons: make([]Reason, 0, len(decisions)+len(active)),
	}
	if ref.IsZero() {
		ref = decisions[0].Version.Time
	} else {
		s.spanEnd = ref.In(loc).Format("2006-01-02 15:04")
	}
	for _, rule := range active {
		s.tallies = append(s.tallies, tally{rule: rule, cutoff: rule.span.Before(ref, loc)})
	}
	for i := range decisions {
		d := &decisions[i]
		d.Keep, d.Reasons = s.judge(d.Version.Time.In(loc), i, i == len(decisions)-1)
	}
	return decisions
}

func newestFirst(versions []Version) []Decision {
	decisions := make([]Decision, len(versions))
	for i, v := range versions {
		decisions[i].Version = v
	}
	slices.SortStableFunc(decisions, func(a, b Decision) int {
		return cmp.Or(b.Version.Time.Compare(a.Version.Time), cmp.Compare(a.Version.ID, b.Version.ID))
	})
	return decisions
}

var noRules = []Reason{{Rule: "none", Detail: "no retention rule: everything is kept"}}

func keepAll(decisions []Decision) {
	for i := range decisions {
		decisions[i].Keep, decisions[i].Reasons = true, slices.Clone(noRules)
	}
}

// selection is the state of one run of Select over versions, newest first.
type selection struct {
	tallies []tally
	spanEnd string   // what spans end at, in words
	reasons []Reason // backs the reasons of all decisions
	removed removal
}

// judge asks every rule about the next version.
func (s *selection) judge(t time.Time, index int, oldest bool) (keep bool, reasons []Reason) {
	first := len(s.reasons)
	var outcomes [ruleCount]outcome
	for i := range s.tallies {
		tally := &s.tallies[i]
		outcomes[i] = tally.next(t, index, oldest)
		if outcomes[i].keeps() {
			detail := tally.detail(outcomes[i], t, s.spanEnd)
			s.reasons = append(s.reasons, Reason{Rule: tally.rule.name, Detail: detail})
		}
	}
	keep = len(s.reasons) > first
	if !keep {
		s.reasons = append(s.reasons, Reason{Detail: s.removed.detail(s.tallies, outcomes)})
	}
	return keep, s.reasons[first:len(s.reasons):len(s.reasons)]
}
