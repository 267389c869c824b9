package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var zones = []string{
	"UTC", "Europe/Sofia", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza", "Europe/Dublin",
	"America/Sao_Paulo", "America/Havana", "Antarctica/Troll", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns",
}

// grammar draws expressions. Without open steps such as 5/17 it keeps to what
// systemd 252 answers alike wherever the search begins (see ourWay).
type grammar struct{ openSteps bool }

// terms draws a list for a field whose values go from least to most.
func (g grammar) terms(t *rapid.T, name string, least, most int) string {
	value := rapid.IntRange(least, most)
	one := rapid.Custom(func(t *rapid.T) string {
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return fmt.Sprintf("%d..%d", min(a, b), max(a, b))
		case 1:
			return fmt.Sprintf("%d..%d/%d", min(a, b), max(a, b), rapid.IntRange(1, most-least).Draw(t, "step"))
		case 2:
			if g.openSteps && a < most {
				return fmt.Sprintf("%d/%d", a, rapid.IntRange(1, most-a).Draw(t, "step"))
			}
		}
		return fmt.Sprint(a)
	})
	if rapid.Bool().Draw(t, name+" any") {
		return "*"
	}
	return strings.Join(rapid.SliceOfN(one, 1, 3).Draw(t, name), ",")
}

func (g grammar) expr(t *rapid.T) string {
	var words []string
	if rapid.Bool().Draw(t, "with weekdays") {
		days := rapid.SliceOfN(rapid.SampledFrom(weekdayShort), 1, 4).Draw(t, "weekdays")
		words = append(words, strings.Join(days, ","))
	}
	if rapid.Bool().Draw(t, "with date") {
		date := "*-" + g.terms(t, "months", 1, 12)
		if rapid.Bool().Draw(t, "from the end") {
			days := []string{"1", "2", "7", "1..7", "2..8/2", "*", "7/1", "9/3"}
			if !g.openSteps {
				days = days[:6]
			}
			date += "~" + rapid.SampledFrom(days).Draw(t, "days")
		} else {
			date += "-" + g.terms(t, "days", 1, 31)
		}
		words = append(words, date)
	}
	return strings.Join(append(words, g.terms(t, "hours", 0, 23)+":"+g.terms(t, "minutes", 0, 59)), " ")
}

func drawCalendar(t *rapid.T) Calendar {
	expr := grammar{openSteps: true}.expr(t)
	c, err := Parse(expr)
	if err != nil {
		t.Fatalf("Parse(%q): %v", expr, err)
	}
	return c
}

// drawInstant draws instants of which every other is near a clock change.
func drawInstant(t *rapid.T, loc *time.Location) time.Time {
	at := time.Unix(rapid.Int64Range(1_100_000_000, 1_900_000_000).Draw(t, "second"), 0).In(loc)
	if _, end := at.ZoneBounds(); rapid.Bool().Draw(t, "near a change") && !end.IsZero() {
		return end.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "minutes")) * time.Minute)
	}
	return at
}

func TestNextAndPrevAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		loc := mustLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		at := drawInstant(t, loc)
		for range 5 {
			next, ok := c.Next(at, loc)
			if !ok {
				return
			}
			if !next.After(at) {
				t.Fatalf("%s: Next(%s) = %s", c, at, next)
			}
			if prev, ok := c.Prev(next, loc); !ok || !prev.Equal(next) {
				t.Fatalf("%s: Prev(%s) = %s, %v, want the same", c, next, prev, ok)
			}
			if prev, ok := c.Prev(next.Add(-time.Nanosecond), loc); ok && prev.After(at) {
				t.Fatalf("%s: Prev finds %s between %s and %s", c, prev, at, next)
			}
			at = next
		}
	})
}

// TestSlotsAgainstBruteForce looks at every minute around an instant, and at
// the text of the expression alone.
func TestSlotsAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		loc := mustLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		at := drawInstant(t, loc)
		const reach = 36 * 60
		start := at.Add(-reach * time.Minute).Truncate(time.Minute)
		seen := map[string]bool{}
		var prev, next time.Time
		for i := range 2 * reach {
			now := start.Add(time.Duration(i) * time.Minute).In(loc)
			shown := now.Format("2006-01-02 15:04")
			if seen[shown] || !showsSlot(c.String(), now) {
				seen[shown] = true
				continue
			}
			seen[shown] = true
			if !now.After(at) {
				prev = now
			} else if next.IsZero() {
				next = now
			}
		}
		if got, ok := c.Next(at, loc); !next.IsZero() && (!ok || !got.Equal(next)) || next.IsZero() && ok && got.Before(start.Add(2*reach*time.Minute)) {
			t.Fatalf("%s: Next(%s) = %s, %v, want %s", c, at, got, ok, next)
		}
		if got, ok := c.Prev(at, loc); !prev.IsZero() && (!ok || !got.Equal(prev)) || prev.IsZero() && ok && got.After(start.Add(24*time.Hour)) {
			t.Fatalf("%s: Prev(%s) = %s, %v, want %s", c, at, got, ok, prev)
		}
	})
}

// showsSlot matches a clock against a normal form of minute granularity in the
// plainest way.
func showsSlot(normal string, now time.Time) bool {
	words := strings.Split(normal, " ")
	if len(words) == 3 {
		if !slices.ContainsFunc(strings.Split(words[0], ","), func(days string) bool {
			first, last, isRange := strings.Cut(days, "..")
			today := (int(now.Weekday()) + 6) % 7
			from := slices.Index(weekdayShort, first)
			return today == from || isRange && from <= today && today <= slices.Index(weekdayShort, last)
		}) {
			return false
		}
		words = words[1:]
	}
	date := strings.FieldsFunc(words[0], func(r rune) bool { return r == '-' || r == '~' })
	clock := strings.Split(words[1], ":")
	y, m, d := now.Date()
	length := time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
	matchesDay := listed(date[2], d, 31)
	if strings.Contains(words[0], "~") {
		matchesDay = listedFromEnd(date[2], d, length)
	}
	return matchesDay && listed(date[1], int(m), 12) && listed(clock[0], now.Hour(), 23) && listed(clock[1], now.Minute(), 59)
}

func listed(list string, v, most int) bool {
	return list == "*" || slices.ContainsFunc(strings.Split(list, ","), func(term string) bool {
		start, stop, step := numbers(term, most)
		return start <= v && v <= stop && (v-start)%step == 0
	})
}

func listedFromEnd(list string, d, length int) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(term string) bool {
		a, b, step := numbers(term, 0)
		first, last := length+1-a, length
		if strings.Contains(term, "..") {
			first, last = length+1-b, length+1-a
		} else if !strings.Contains(term, "/") {
			last = first
		}
		return first <= d && d <= last && (d-first)%step == 0
	})
}

// numbers reads start, stop and step of one term.
func numbers(term string, most int) (start, stop, step int) {
	if n, _ := fmt.Sscanf(term, "%d..%d/%d", &start, &stop, &step); n == 3 {
		return start, stop, step
	}
	if n, _ := fmt.Sscanf(term, "%d..%d", &start, &stop); n == 2 {
		return start, stop, 1
	}
	if n, _ := fmt.Sscanf(term, "%d/%d", &start, &step); n == 2 {
		return start, most, step
	}
	return start, start, 1
}

func TestStringRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q gives %q, %v", c, again, err)
		}
	})
}

// TestLiveRandom asks systemd about random expressions, in zones whose clock
// changes as systemd expects it, from a base outside of a second pass.
func TestLiveRandom(t *testing.T) {
	requireSystemd(t)
	rapid.Check(t, func(rt *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Sofia", "America/New_York", "Australia/Lord_Howe"}).Draw(rt, "zone")
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(rt, "second"), 0).UTC()
		q := question{"random", grammar{}.expr(rt), zone, at.Format(time.RFC3339), 4}
		if p := periodOf(at.In(q.location())); at.UnixMicro()+p.offset < p.from {
			rt.Skip("the base is in the second pass")
		}
		theirs := systemdAnswer(t, q)
		if theirs.Stuck {
			rt.Skip("systemd has no answer")
		}
		if diff := compare(theirs, ourAnswer(q)); diff != "" {
			rt.Fatalf("%+v differs from systemd (-want +got):\n%s", q, diff)
		}
	})
}
