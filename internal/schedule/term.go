package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// field is one place of an expression and the values it may have. Values are
// counted in units: one for most, microseconds for seconds.
type field struct {
	name     string
	min, max int
	unit     int
	width    int
}

const second = 1_000_000

var (
	yearField   = field{"year", minYear, maxYear, 1, 4}
	monthField  = field{"month", 1, 12, 1, 2}
	dayField    = field{"day", 1, 31, 1, 2}
	hourField   = field{"hour", 0, 23, 1, 2}
	minuteField = field{"minute", 0, 59, 1, 2}
	secondField = field{"second", 0, 60*second - 1, second, 2}

	// lastDayField counts days from the end of the month (~). It ends at 28 so
	// that every month has the day.
	lastDayField = field{"day", 1, 28, 1, 2}
)

// none is the stop of a term that is not a range.
const none = -1

// term is one element of a comma-separated list: a value (step 0), a value
// repeated to the end of the field (stop none), or a range with a step.
type term struct {
	start, stop, step int
}

func single(value int) []term { return []term{{value, none, 0}} }

// everySecond is how systemd reads a star in place of the seconds: whole
// seconds, not every microsecond.
var everySecond = []term{{0, none, second}}

func compareTerms(a, b term) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.stop, b.stop), cmp.Compare(a.step, b.step))
}

func sortTerms(list []term) []term {
	slices.SortFunc(list, compareTerms)
	return slices.Compact(list)
}

// normal cuts the range to what its step reaches; a range of one value is that
// value.
func (t term) normal() term {
	if t.stop > t.start && t.step > 0 {
		t.stop -= (t.stop - t.start) % t.step
	}
	if t.stop == t.start {
		return term{t.start, none, 0}
	}
	return t
}

// last returns the greatest value up to limit that t has when counted upwards.
// It must not be called with a limit below t.start.
func (t term) last(limit int) int {
	if t.step == 0 {
		return t.start
	}
	if t.stop != none {
		limit = min(limit, t.stop)
	}
	return limit - (limit-t.start)%t.step
}

// next returns the least value from low on, up to max, and whether there is one.
func (t term) next(low, max int) (int, bool) {
	if low <= t.start {
		return t.start, true
	}
	if t.step == 0 {
		return 0, false
	}
	v := t.start + (low-t.start+t.step-1)/t.step*t.step
	return v, v <= t.last(max)
}

func formatTerms(list []term, f field) string {
	if len(list) == 0 || f == secondField && slices.Equal(list, everySecond) {
		return "*"
	}
	parts := make([]string, len(list))
	for i, t := range list {
		parts[i] = t.format(f)
	}
	return strings.Join(parts, ",")
}

func (t term) format(f field) string {
	text := f.format(t.start, f.width)
	if t.stop != none {
		text += ".." + f.format(t.stop, f.width)
	}
	if t.step > 0 && (t.stop == none || t.step != f.unit) {
		text += "/" + f.format(t.step, 1)
	}
	return text
}

// format writes v with at least width digits before the point.
func (f field) format(v, width int) string {
	text := fmt.Sprintf("%0*d", width, v/f.unit)
	if fraction := v % f.unit; fraction != 0 {
		text += fmt.Sprintf(".%06d", fraction)
	}
	return text
}
