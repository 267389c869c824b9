package quantity

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Duration is a length of time as a policy writes it: so many calendar days,
// or hours, or minutes. At most one field is set, and none is negative; the
// zero value means "not set". Days are not 24 hours: see [Duration.Before].
type Duration struct {
	Days, Hours, Minutes int
}

const (
	day = 24 * 60 // minutes

	// maxMinutes bounds a duration, so that [Duration.Approx] never overflows.
	maxMinutes = 100 * 365 * day
)

var unitMinutes = map[string]int{"d": day, "h": 60, "m": 1}

var durationForm = regexp.MustCompile(`^(0|[1-9][0-9]*)([dhm])$`)

// ParseDuration reads one positive whole number and one unit, d, h or m,
// without a space, sign or leading zero. Its longest value is 100 years of 365
// days.
func ParseDuration(s string) (Duration, error) {
	found := durationForm.FindStringSubmatch(s)
	if found == nil {
		return Duration{}, malformedDuration(s)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil || n > maxMinutes/unitMinutes[found[2]] {
		return Duration{}, fmt.Errorf("duration %q is longer than the limit of 100 years: %s", s, Duration{Days: maxMinutes / day})
	}
	if n == 0 {
		return Duration{}, fmt.Errorf("duration %q is zero: it must be at least 1m", s)
	}
	switch found[2] {
	case "d":
		return Duration{Days: n}, nil
	case "h":
		return Duration{Hours: n}, nil
	}
	return Duration{Minutes: n}, nil
}

// IsZero reports whether d is not set.
func (d Duration) IsZero() bool { return d == Duration{} }

// String returns the text that [ParseDuration] reads; "" when d is not set.
func (d Duration) String() string {
	s := ""
	if d.Days != 0 {
		s += strconv.Itoa(d.Days) + "d"
	}
	if d.Hours != 0 {
		s += strconv.Itoa(d.Hours) + "h"
	}
	if d.Minutes != 0 {
		s += strconv.Itoa(d.Minutes) + "m"
	}
	return s
}

// MarshalText returns [Duration.String]. It is an error when d breaks the
// invariants of its type, since nothing could read the text back.
func (d Duration) MarshalText() ([]byte, error) {
	if back, err := ParseDuration(d.String()); !d.IsZero() && (err != nil || back != d) {
		return nil, fmt.Errorf("encode duration %q: not one positive number and one unit", d)
	}
	return []byte(d.String()), nil
}

// UnmarshalText is [ParseDuration], except that the empty text gives the zero
// value.
func (d *Duration) UnmarshalText(text []byte) error {
	return unmarshal(d, text, ParseDuration)
}

// Before returns the instant d before t. Days are calendar days in loc: the
// same wall clock on an earlier date, so 23 or 25 hours across a change of the
// clock. Hours and minutes are absolute. The result is earlier than t whenever
// d is set, even where a zone left out a whole day (Pacific/Apia, 2011).
func (d Duration) Before(t time.Time, loc *time.Location) time.Time {
	t = t.In(loc)
	if d.Days != 0 {
		earlier := t.AddDate(0, 0, -d.Days)
		if !earlier.Before(t) {
			earlier = t.Add(-time.Duration(d.Days) * 24 * time.Hour)
		}
		t = earlier
	}
	return t.Add(-time.Duration(d.Hours)*time.Hour - time.Duration(d.Minutes)*time.Minute)
}

// Approx returns d with every day counted as 24 hours: good for comparing and
// for ages, not for calendar arithmetic.
func (d Duration) Approx() time.Duration {
	return time.Duration(d.Days)*24*time.Hour +
		time.Duration(d.Hours)*time.Hour +
		time.Duration(d.Minutes)*time.Minute
}
