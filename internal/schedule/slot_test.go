package schedule

import (
	"testing"
	"time"
)

func mustParse(t testing.TB, expr string) Calendar {
	t.Helper()
	c, err := Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPrev(t *testing.T) {
	for _, test := range []struct {
		name, expr, zone, at, want string
	}{
		{"the slot itself", "05:00", "UTC", "2026-11-24T05:00:00Z", "2026-11-24T05:00:00Z"},
		{"a nanosecond too early", "05:00", "UTC", "2026-11-24T04:59:59.999999999Z", "2026-11-23T05:00:00Z"},
		{"a nanosecond late", "05:00", "UTC", "2026-11-24T05:00:00.000000001Z", "2026-11-24T05:00:00Z"},
		{"over New Year", "Fri", "UTC", "2027-01-01T00:00:00+02:00", "2026-12-25T00:00:00Z"},
		{"leap day before 2100", "*-02-29", "UTC", "2103-12-01T00:00:00Z", "2096-02-29T00:00:00Z"},
		{"skipped on the day of the change", "03:30", "Europe/Sofia", "2026-03-29T12:00:00Z", "2026-03-28T01:30:00Z"},
		{"just after the gap", "03:30", "Europe/Sofia", "2026-03-29T01:00:00Z", "2026-03-28T01:30:00Z"},
		{"first pass", "03:30", "Europe/Sofia", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"},
		{"second pass gives the first", "03:30", "Europe/Sofia", "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z"},
		{"second pass, earlier than the slot of the first", "10-25 03:30", "Europe/Sofia", "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z"},
		{"half an hour repeated", "01:45", "Australia/Lord_Howe", "2026-04-04T15:20:00Z", "2026-04-04T14:45:00Z"},
		{"a day that a zone skipped", "*-12-30", "Pacific/Apia", "2012-01-05T00:00:00Z", "2010-12-30T10:00:00Z"},
		{"the last of all", "daily", "UTC", "2500-01-01T00:00:00Z", "2199-12-31T00:00:00Z"},
		{"the first of all", "daily", "UTC", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"none before 1970", "daily", "UTC", "1969-12-31T23:59:59Z", ""},
		{"none in the past", "2030-01-01", "UTC", "2026-12-31T23:59:59Z", ""},
		{"never", "*-02-30", "Europe/Sofia", "2026-12-31T23:59:59Z", ""},
		{"fractions", "*:*:0.25/0.5", "UTC", "2026-01-01T00:00:01.2Z", "2026-01-01T00:00:00.75Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, test.at)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if slot, ok := mustParse(t, test.expr).Prev(at, mustLocation(test.zone)); ok {
				got = slot.UTC().Format(time.RFC3339Nano)
			}
			if got != test.want {
				t.Errorf("Prev(%s) = %q, want %q", test.at, got, test.want)
			}
		})
	}
}

func TestNextFarAway(t *testing.T) {
	c := mustParse(t, "daily")
	first := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{{}, time.Unix(-1<<55, 0), first.Add(-1)} {
		if got, ok := c.Next(at, time.UTC); !ok || !got.Equal(first) {
			t.Errorf("Next(%v) = %v, %v, want %v", at, got, ok, first)
		}
	}
	for _, at := range []time.Time{time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC), time.Unix(1<<55, 0)} {
		if got, ok := c.Next(at, time.UTC); ok {
			t.Errorf("Next(%v) = %v, want none", at, got)
		}
	}
}

func TestZeroCalendarHasNoSlot(t *testing.T) {
	var c Calendar
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, ok := c.Next(now, nil); ok {
		t.Error("Next finds a slot")
	}
	if _, ok := c.Prev(now, nil); ok {
		t.Error("Prev finds a slot")
	}
	if !c.IsZero() || c.String() != "" {
		t.Errorf("IsZero() = %v, String() = %q", c.IsZero(), c)
	}
}

func TestSlotIsInTheZoneThatWins(t *testing.T) {
	sofia := mustLocation("Europe/Sofia")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for expr, want := range map[string]string{"05:00": "Europe/Sofia", "05:00 Asia/Tokyo": "Asia/Tokyo", "05:00 UTC": "UTC"} {
		next, _ := mustParse(t, expr).Next(now, sofia)
		prev, _ := mustParse(t, expr).Prev(now, sofia)
		if next.Location().String() != want || prev.Location().String() != want || next.Hour() != 5 || prev.Hour() != 5 {
			t.Errorf("%s: got %v and %v, want 05:00 in %s", expr, prev, next, want)
		}
	}
	if next, _ := mustParse(t, "05:00").Next(now, nil); next.Location() != time.UTC {
		t.Errorf("without a zone: got %v, want UTC", next)
	}
}

var hardest = []string{"daily", "Sun *-*-1..7 06:00", "*:0/5", "*:*:0/0.000001", "Mon *-02-29", "*-02-30", "*-03-29 03:30"}

func BenchmarkNext(b *testing.B) {
	benchmark(b, Calendar.Next)
}

func BenchmarkPrev(b *testing.B) {
	benchmark(b, Calendar.Prev)
}

func benchmark(b *testing.B, find func(Calendar, time.Time, *time.Location) (time.Time, bool)) {
	sofia := mustLocation("Europe/Sofia")
	now := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	for _, expr := range hardest {
		c := mustParse(b, expr)
		b.Run(expr, func(b *testing.B) {
			for b.Loop() {
				find(c, now, sofia)
			}
		})
	}
}
