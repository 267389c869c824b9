// Package schedule answers when a layer is due: it reads systemd calendar
// expressions ("daily", "Sun *-*-1..7 06:00", "*-*~1 03:00 Europe/Sofia"; see
// "CALENDAR EVENTS" in systemd.time(7)) and finds the slots around an instant.
//
// Start with [Parse]; then ask the [Calendar] for [Calendar.Next] and
// [Calendar.Prev]. Accepted expressions, their normal form and their slots are
// those of systemd 252, but for what is said below; the tests compare them case
// by case.
//
// An expression names wall clock times; a slot is the instant at which a clock
// in the zone shows one of them. So that slots form one well defined set, each
// wall clock time gives at most one slot:
//
//   - a time that the clock skips (spring) gives no slot: neither earlier nor
//     later on that day;
//   - a time that the clock shows twice (autumn) gives a slot the first time.
//
// An open step (5/17) begins anew in each minute, hour, day, month or year, and
// every time that matches and that a clock shows has its slot.
//
// That is what systemd documents and, nearly always, what it does. Version 252
// loses slots after some changes of the clock and of the year, and gives others
// only when it is asked from within a repeated hour. bkplan never does, because
// a slot must not depend on who asks and when; the tests list these cases, each
// with systemd's answer and ours (ourWay in questions_test.go).
//
// The files: parse*.go and weekday.go read text, term.go and bitset.go hold what
// a field may be, wall.go and clock.go search wall clock times without any zone,
// slot.go maps them to instants.
package schedule

import (
	"fmt"
	"strings"
	"time"
)

// minYear and maxYear bound every calendar, as in systemd; no slot lies
// outside of them.
const (
	minYear = 1970
	maxYear = 2199
)

// Calendar is a parsed calendar expression: a set of wall clock times, with or
// without a time zone of its own. The zero value has no slot at all. A Calendar
// is immutable and safe for concurrent use.
type Calendar struct {
	text     string
	zone     *time.Location
	years    yearSet
	months   bitset
	days     bitset
	fromEnd  bool
	weekdays bitset
	clock    clock
}

// String returns the normal form, as `systemd-analyze calendar` prints it, for
// example "Sun *-*-01..07 06:00:00". Two calendars with the same String have
// the same slots, and parsing it gives the same Calendar again. The zero value
// gives "".
func (c Calendar) String() string { return c.text }

// IsZero reports whether c is the zero value, which has no slot.
func (c Calendar) IsZero() bool { return c.text == "" }

// Equal reports whether both calendars have the same normal form.
func (c Calendar) Equal(other Calendar) bool { return c.text == other.text }

// MarshalText returns the normal form; the zero value gives no text.
func (c Calendar) MarshalText() ([]byte, error) { return []byte(c.text), nil }

// UnmarshalText parses text as [Parse] does; no text gives the zero value.
func (c *Calendar) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Calendar{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// terms are the parsed parts of an expression, sorted and without duplicates.
// No terms for a field means that it may have any value.
type terms struct {
	weekdays             bitset
	year, month, day     []term
	fromEnd              bool
	hour, minute, second []term
	zone                 *time.Location
}

func (t terms) calendar() Calendar {
	return Calendar{
		text:     t.String(),
		zone:     t.zone,
		years:    yearSetOf(t.year),
		months:   bitsetOf(t.month, monthField, false),
		days:     bitsetOf(t.day, dayField, t.fromEnd),
		fromEnd:  t.fromEnd,
		weekdays: t.weekdays,
		clock: clock{
			hours:   bitsetOf(t.hour, hourField, false),
			minutes: bitsetOf(t.minute, minuteField, false),
			seconds: t.second,
		},
	}
}

func (t terms) String() string {
	var b strings.Builder
	if t.weekdays != allWeekdays {
		b.WriteString(formatWeekdays(t.weekdays))
		b.WriteByte(' ')
	}
	dayMark := "-"
	if t.fromEnd {
		dayMark = "~"
	}
	fmt.Fprintf(&b, "%s-%s%s%s %s:%s:%s",
		formatTerms(t.year, yearField), formatTerms(t.month, monthField), dayMark, formatTerms(t.day, dayField),
		formatTerms(t.hour, hourField), formatTerms(t.minute, minuteField), formatTerms(t.second, secondField))
	if t.zone != nil {
		b.WriteByte(' ')
		b.WriteString(t.zone.String())
	}
	return b.String()
}
