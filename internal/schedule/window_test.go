package schedule

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseWindow(t *testing.T) {
	for _, text := range []string{"07:00-23:00", "22:00-06:30", "00:00-24:00", "23:59-24:00"} {
		w, err := ParseWindow(text)
		if err != nil || w.String() != text {
			t.Errorf("%q: %v, %v", text, w, err)
		}
	}
	for text, want := range map[string]string{
		"":            `"" is no part of a day: it is written as 07:00-23:00`,
		"7:00-23:00":  `"7:00-23:00" is no part of a day: it is written as 07:00-23:00`,
		"07:00-24:01": `"07:00-24:01" is no part of a day: it is written as 07:00-23:00`,
		"24:00-07:00": `"24:00-07:00" is no part of a day: it is written as 07:00-23:00`,
		"07:00-07:00": `"07:00-07:00" ends where it begins`,
	} {
		if w, err := ParseWindow(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v", text, w, err)
		}
	}
}

func TestWindowContains(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 24, hour, minute, 59, 0, time.UTC) }
	for _, test := range []struct {
		window string
		time   time.Time
		want   bool
	}{
		{"07:00-23:00", at(6, 59), false}, {"07:00-23:00", at(7, 0), true},
		{"07:00-23:00", at(22, 59), true}, {"07:00-23:00", at(23, 0), false},
		{"22:00-06:00", at(21, 59), false}, {"22:00-06:00", at(22, 0), true},
		{"22:00-06:00", at(5, 59), true}, {"22:00-06:00", at(6, 0), false},
		{"00:00-24:00", at(23, 59), true}, {"00:00-24:00", at(0, 0), true},
	} {
		w, err := ParseWindow(test.window)
		if err != nil || w.Contains(test.time, time.UTC) != test.want {
			t.Errorf("%s, %s: %v, %v", test.window, test.time, !test.want, err)
		}
	}
	if (Window{}).Contains(at(0, 0), time.UTC) {
		t.Error("the zero window contains something")
	}
}

// The clock on the wall goes by the zone, and the next beginning is in the window,
// unless the day has no such time.
func TestNextWindowBegins(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Sofia")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		w := Window{from: rapid.IntRange(0, minutesADay-1).Draw(t, "from")}
		w.to = (w.from + rapid.IntRange(1, minutesADay-1).Draw(t, "length")) % minutesADay
		now := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "now"), 0)
		next := w.Next(now, zone)
		if !next.After(now) || next.Sub(now) > 25*time.Hour {
			t.Fatalf("%s after %s: %s", w, now.In(zone), next)
		}
		if back := next.Add(-time.Minute); !w.Contains(next, zone) && back.In(zone).Day() == next.Day() && next.In(zone).Month() != time.March {
			t.Fatalf("%s does not begin at %s", w, next)
		}
	})
}
