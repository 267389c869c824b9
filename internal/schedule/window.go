package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Window is a part of every day, such as "07:00-23:00", by the clock on the wall:
// from the first minute on, up to the second and without it. "22:00-06:00" spans
// midnight. The zero value is no part of any day.
type Window struct{ from, to int } // minutes of the day

var windowForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)$`)

const minutesADay = 24 * 60

// ParseWindow reads a window.
func ParseWindow(text string) (Window, error) {
	found := windowForm.FindStringSubmatch(text)
	if found == nil {
		return Window{}, fmt.Errorf("%q is no part of a day: it is written as 07:00-23:00", text)
	}
	w := Window{from: minuteOf(found[1], found[2]), to: minutesADay}
	if found[3] != "" {
		w.to = minuteOf(found[3], found[4])
	}
	if w.from == w.to {
		return Window{}, fmt.Errorf("%q ends where it begins", text)
	}
	return w, nil
}

func minuteOf(hours, minutes string) int {
	h, _ := strconv.Atoi(hours) // the form has been checked
	m, _ := strconv.Atoi(minutes)
	return h*60 + m
}

func (w Window) String() string {
	if w == (Window{}) {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.from/60, w.from%60, w.to/60, w.to%60)
}

// MarshalText writes the window as ParseWindow reads it.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Window) UnmarshalText(text []byte) error {
	parsed, err := ParseWindow(string(text))
	*w = parsed
	return err
}

// Contains says whether an instant lies in the window, in a time zone.
func (w Window) Contains(t time.Time, zone *time.Location) bool {
	t = t.In(zone)
	now := t.Hour()*60 + t.Minute()
	if w.from < w.to {
		return w.from <= now && now < w.to
	}
	return w != (Window{}) && (w.from <= now || now < w.to)
}

// Next is the first beginning of the window after an instant. Where the clock is
// put forward over it, it is the instant of that.
func (w Window) Next(t time.Time, zone *time.Location) time.Time {
	local := t.In(zone)
	for days := 0; ; days++ {
		next := time.Date(local.Year(), local.Month(), local.Day()+days, w.from/60, w.from%60, 0, 0, zone)
		if next.After(t) {
			return next
		}
	}
}
