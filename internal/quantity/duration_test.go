package quantity

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]Duration{
		"7d":     {Days: 7},
		"26h":    {Hours: 26},
		"30m":    {Minutes: 30},
		"1m":     {Minutes: 1},
		"60m":    {Minutes: 60},
		"36500d": {Days: 36500},
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseDuration(%q) = %#v, %v; want %#v", text, got, err, want)
		}
	}
}

func TestParseDurationErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "write one positive whole number and one unit, d, h or m",
		"7":                     "such as 7d, 26h or 30m",
		"d":                     "is not a duration",
		"0d":                    "is zero: it must be at least 1m",
		"07d":                   "did you mean 7d?",
		"+7d":                   "is not a duration",
		"-1d":                   "did you mean 1d?",
		"7 d":                   "did you mean 7d?",
		" 7d":                   "did you mean 7d?",
		"7D":                    "did you mean 7d?",
		"7days":                 "did you mean 7d?",
		"1w":                    "did you mean 7d?",
		"2 weeks":               "did you mean 14d?",
		"1mo":                   "did you mean 30d?",
		"1y":                    "did you mean 365d?",
		"24 hours":              "did you mean 24h?",
		"1h30m":                 "did you mean 90m?",
		"1d12h":                 "did you mean 36h?",
		"1.5h":                  "did you mean 90m?",
		"0.5d":                  "did you mean 12h?",
		"90s":                   "is not a duration",
		"1M":                    "is not a duration",
		"36501d":                "is longer than the limit of 100 years: 36500d",
		"99999999999999999999d": "is longer than the limit",
		"52560001m":             "is longer than the limit",
		"876001h":               "is longer than the limit",
		"٧d":                    "is not a duration",
	} {
		got, err := ParseDuration(text)
		checkError(t, text, got, err, want)
	}
}

// checkError expects an error that holds want, ends in a hint only if want is
// one, and a zero value beside it.
func checkError[T comparable](t *testing.T, text string, got T, err error, want string) {
	t.Helper()
	var zero T
	switch {
	case err == nil || got != zero:
		t.Errorf("%q: got %v, error %v; want an error with %q", text, got, err, want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("%q: error %q, want %q in it", text, err, want)
	case strings.Contains(err.Error(), "did you mean") != strings.Contains(want, "did you mean"):
		t.Errorf("%q: error %q, want no hint", text, err)
	}
}

func TestDurationBefore(t *testing.T) {
	for _, c := range []struct{ name, zone, at, duration, want string }{
		{"hours", "UTC", "2026-11-21T03:00:00Z", "26h", "2026-11-20T01:00:00Z"},
		{"minutes", "UTC", "2026-11-21T03:00:00Z", "90m", "2026-11-21T01:30:00Z"},
		{"days", "UTC", "2026-11-21T03:00:00Z", "7d", "2026-11-14T03:00:00Z"},
		{"a day of 25 hours", "Europe/Sofia", "2026-10-26T03:00:00+02:00", "2d", "2026-10-24T03:00:00+03:00"},
		{"48 hours over it", "Europe/Sofia", "2026-10-26T03:00:00+02:00", "48h", "2026-10-24T04:00:00+03:00"},
		{"into the hour that does not exist", "Europe/Sofia", "2026-03-30T03:30:00+03:00", "1d", "2026-03-29T04:30:00+03:00"},
		{"hours from the hour that happens twice", "Europe/Sofia", "2026-10-25T03:30:00+03:00", "1h", "2026-10-25T02:30:00+03:00"},
		{"the zone decides what a day is", "Europe/Sofia", "2026-10-26T01:00:00Z", "2d", "2026-10-24T03:00:00+03:00"},
		{"leap day", "UTC", "2028-03-01T03:00:00Z", "1d", "2028-02-29T03:00:00Z"},
		{"into a day that a zone left out", "Pacific/Apia", "2011-12-31T10:00:00+14:00", "1d", "2011-12-29T10:00:00-10:00"},
		{"not set", "UTC", "2026-11-21T03:00:00Z", "", "2026-11-21T03:00:00Z"},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		var d Duration
		if err := d.UnmarshalText([]byte(c.duration)); err != nil {
			t.Fatal(err)
		}
		if got := d.Before(at, loc).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s before %s is %s, want %s", c.name, d, c.at, got, c.want)
		}
	}
}

func TestDurationApprox(t *testing.T) {
	got := Duration{Days: 7}.Approx() + Duration{Hours: 26}.Approx() + Duration{Minutes: 30}.Approx()
	if want := (7*24+26)*time.Hour + 30*time.Minute; got != want {
		t.Errorf("Approx sums to %s, want %s", got, want)
	}
	if got := (Duration{Days: maxMinutes / day}).Approx(); got <= 0 {
		t.Errorf("the longest duration overflows to %s", got)
	}
}
