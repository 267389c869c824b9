package plan

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const gib = int64(1) << 30

// looks are taken once a day up to yesterday, with so much free.
func looks(now time.Time, free ...int64) []Room {
	var list []Room
	for i, f := range free {
		list = append(list, Room{"nas", now.Add(-days(len(free) - i)), 1000 * gib, f * gib})
	}
	return list
}

func TestForecast(t *testing.T) {
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	fs := FileSystem{Size: 1000 * gib, Free: 100 * gib}
	for _, test := range []struct {
		name    string
		history []Room
		perDay  int64
		full    string
	}{
		{"ten a day", looks(now, 180, 170, 160, 150, 140, 130, 120, 110), 10 * gib, "2026-12-04"},
		{"too few looks", looks(now, 180, 170), 0, ""},
		{"too short a time", looks(now, 130, 120, 110), 0, ""},
		{"it empties", looks(now, 20, 30, 40, 50, 60, 70, 80, 90), -10 * gib, ""},
		{"it does not change", looks(now, 100, 100, 100, 100, 100, 100, 100, 100), 0, ""},
		{"another disk now", []Room{{"nas", now.Add(-days(9)), gib, gib}, {"nas", now.Add(-days(8)), gib, gib}, {"nas", now.Add(-days(7)), gib, gib}}, 0, ""},
		{"another place", []Room{{"usb", now.Add(-days(9)), 1000 * gib, gib}, {"usb", now.Add(-days(8)), 1000 * gib, gib}, {"usb", now.Add(-days(7)), 1000 * gib, gib}}, 0, ""},
		{"centuries", looks(now, 101, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100), 0, "-"},
	} {
		perDay, full := forecast(test.history, fs, "nas", now)
		day := ""
		if !full.IsZero() {
			day = full.Format(time.DateOnly)
		}
		if test.full == "-" {
			if !full.IsZero() {
				t.Errorf("%s: full on %s", test.name, day)
			}
			continue
		}
		if perDay != test.perDay || day != test.full {
			t.Errorf("%s: %d a day, full on %q; want %d, %q", test.name, perDay, day, test.perDay, test.full)
		}
	}
}

// A forecast lies in the future, and only a destination that fills has one.
func TestForecastLiesInTheFuture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "now"), 0)
		var history []Room
		for range rapid.IntRange(0, 12).Draw(t, "looks") {
			at := now.Add(-time.Duration(rapid.IntRange(-100, 5000).Draw(t, "hours ago")) * time.Hour)
			history = append(history, Room{"nas", at, 1000 * gib, rapid.Int64Range(0, 1000*gib).Draw(t, "free")})
		}
		perDay, full := forecast(history, FileSystem{Size: 1000 * gib, Free: rapid.Int64Range(0, 1000*gib).Draw(t, "free now")}, "nas", now)
		if !full.IsZero() && (full.Before(now.Truncate(time.Hour)) || perDay <= 0) {
			t.Fatalf("%d bytes a day, full on %s, and it is %s", perDay, full, now)
		}
	})
}
