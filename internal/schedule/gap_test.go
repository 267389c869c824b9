package schedule

import (
	"testing"
	"time"
)

func TestLongestGap(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"*-*-* 03:00":              day,
		"*-*-* 03:30 Europe/Sofia": day, // where there is none on one day in spring
		"*-*-* 00/6:00":            6 * time.Hour,
		"*-*-* 05,06:00":           23 * time.Hour,
		"hourly":                   time.Hour,
		"Sun *-*-* 01:00":          7 * day,
		"Mon..Fri *-*-* 03:00":     3 * day,
		"Sun *-*-1..7 06:00":       35 * day,
		"*-01-01 00:00":            366 * day,
		"*-02-29 00:00":            (3*365 + 366) * day,
		"*-*-01..07 *:0/5":         24*day + 5*time.Minute, // close together, and far apart
		"*-01..06-* *:00/10:00":    184*day + 10*time.Minute,
		"Sat,Sun *-*-* 01..05:0":   5*day + 20*time.Hour,
		"2026-11-24,25 00:00":      day,
		"2026..2027-*-* 03:00":     day,
		"2026-11-24 00:00":         0,
		"*-02-30 00:00":            0,
		"2020-*-* 00:00":           0, // over
	} {
		calendar, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		gap, known := calendar.LongestGap()
		if gap != want || known != (want > 0) {
			t.Errorf("%s: %v, %v, want %v", text, gap, known, want)
		}
	}
}

// TestLongestLag: a copy made at a slot holds what was there at the newest slot of
// what it copies.
func TestLongestLag(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		text, other string
		want        time.Duration
	}{
		{"*-*-* 05:00", "*-*-* 03:00", 2 * time.Hour},
		{"*-*-* 03:00", "*-*-* 03:00", 0},
		{"*-*-* 03:30 Europe/Sofia", "*-*-* 03:00 Europe/Sofia", 30 * time.Minute}, // neither is there on one day in spring
		{"*-*-* 02:00", "*-*-* 03:00", 23 * time.Hour},
		{"hourly", "*-*-* 03:00", 23 * time.Hour},
		{"*-*-* *:0/5", "Sun *-*-* 03:00", 7*day - 5*time.Minute},
		{"*-*-* 05:00", "Sun *-*-* 03:00", 6*day + 2*time.Hour},
		{"*-*-* 05:00", "*-*-01 03:00", 30*day + 2*time.Hour},
		{"Sun *-*-* 05:00", "hourly", 0},
		{"Sun *-*-* 05:30", "*-*-* 08..18:00", 11*time.Hour + 30*time.Minute},
		{"*-*-* 03:00", "*-*-* 03:00 Europe/Sofia", 26 * time.Hour}, // which is left out on one day in spring
		{"2020-*-* 00:00", "*-*-* 03:00", 0},
		{"*-*-* 03:00", "2026-11-24 00:00", 0}, // it has come once, and no copy of it is new
	} {
		calendar, err := Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Parse(c.other)
		if err != nil {
			t.Fatal(err)
		}
		if lag := calendar.LongestLag(other, nil); lag != c.want {
			t.Errorf("%s after %s: %v, want %v", c.text, c.other, lag, c.want)
		}
	}
}
