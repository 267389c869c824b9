package stamp

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// formats name days or less, weeks, months and years, and more than one of
// these.
var formats = []string{
	"%Y-%m-%d", "%Y%m%d", "%Y-%m-%d_%H%M", "%Y-%m-%d_%H%M%S", "%Y%j%H%M", "%Y-%j_%H", "%H.%d.%m.%Y", "%G-W%V_%Y%m%d%H",
	"%Y-%W", "%Y-%U", "%G-W%V", "%G%V", "week %W of %Y", "%V%G-%Y", "%Y-%m_%W", "%Y-%U-%W-%G-%V", "1%Y%m2", "%Y", "%Y%Y",
}

// zones whose clocks went by halves of an hour, over midnight, over a whole day
// in both directions, or with seconds.
var zones = []string{
	"UTC", "Europe/Sofia", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo",
	"America/St_Johns", "America/Juneau", "Asia/Manila", "Pacific/Apia", "Pacific/Kwajalein", "Africa/Monrovia",
	"Europe/Dublin", "Antarctica/Troll", "Asia/Gaza",
}

func mustZone(t interface{ Fatal(...any) }, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// instant draws a time, more often than not near a change of the clock, the end
// of a year, or that of a week.
func instant(t *rapid.T, zone *time.Location, name string) time.Time {
	year := rapid.IntRange(1800, 2100).Draw(t, name+" year")
	at := time.Date(year, 1, rapid.IntRange(-5, 370).Draw(t, name+" day"), 0, 0, 0, 0, zone)
	switch rapid.IntRange(0, 3).Draw(t, name+" near") {
	case 0:
		at = time.Date(year, 1, rapid.IntRange(-7, 8).Draw(t, name+" new year"), 0, 0, 0, 0, zone)
	case 1, 2:
		if _, until := at.ZoneBounds(); !until.IsZero() {
			at = until
		}
	}
	return at.Add(time.Duration(rapid.Int64Range(-100_000, 100_000).Draw(t, name+" seconds")) * time.Second)
}

func TestParseIsTheInverseOfFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		format := rapid.SampledFrom(formats).Draw(t, "format")
		at := instant(t, zone, "at")
		name := Format(format, at)
		start, ok := Parse(format, name, zone)
		if !ok {
			t.Fatalf("%q of %v is not read", name, at)
		}
		if start.After(at) || start.Location() != zone {
			t.Fatalf("%q of %v starts at %v", name, at, start)
		}
		if again := Format(format, start); again != name {
			t.Fatalf("%q starts at %v, which is %q", name, start, again)
		}
		if before := start.Add(-time.Nanosecond); Format(format, before) == name {
			t.Fatalf("%q was the name at %v, before its start %v", name, before, start)
		}
	})
}

// TestStartIsTheFirstInstant walks back by minutes: the wall's clock may have
// shown a period before, and gone back to it.
func TestStartIsTheFirstInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		format := rapid.SampledFrom([]string{"%Y-%m-%d_%H%M", "%Y%j%H", "%Y-%m-%d", "%Y-%W"}).Draw(t, "format")
		name := Format(format, instant(t, zone, "at"))
		start, _ := Parse(format, name, zone)
		for m := range 30 * 60 {
			if before := start.Add(-time.Second - time.Duration(m)*time.Minute); Format(format, before) == name {
				t.Fatalf("%q was the name at %v, before its start %v", name, before, start)
			}
		}
	})
}

func TestOnlyNamesOfFormatAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		format := rapid.SampledFrom(formats).Draw(t, "format")
		name := []byte(Format(format, instant(t, zone, "at")))
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			i := rapid.IntRange(0, len(name)-1).Draw(t, "where")
			c := rapid.SampledFrom([]byte("0123456789-_ W.\x00\n\xff")).Draw(t, "byte")
			switch rapid.IntRange(0, 4).Draw(t, "change") {
			case 0:
				name = append(name, c)
			case 1:
				name = append(name[:i:i], name[i+1:]...)
			default:
				name[i] = c
			}
			if len(name) == 0 {
				return
			}
		}
		if start, ok := Parse(format, string(name), zone); ok && Format(format, start) != string(name) {
			t.Fatalf("%q is read as %v, which is %q", name, start, Format(format, start))
		}
	})
}

// setBack says whether the clock of from's zone went back in between.
func setBack(from, to time.Time) bool {
	for at := from; ; {
		until := zoneEnd(at)
		if until.IsZero() || until.After(to) {
			return false
		}
		_, before := until.Add(-time.Nanosecond).Zone()
		if _, after := until.Zone(); after < before {
			return true
		}
		at = until
	}
}

func TestLaterNamesStartLater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		format := rapid.SampledFrom(formats).Draw(t, "format")
		earlier := instant(t, zone, "earlier")
		later := earlier.Add(time.Duration(rapid.Int64Range(1, 400*24*3600).Draw(t, "far")) * time.Second)
		if rapid.Bool().Draw(t, "near") {
			later = earlier.Add(time.Duration(rapid.Int64Range(1, 48*3600).Draw(t, "hours")) * time.Second)
		}
		name1, name2 := Format(format, earlier), Format(format, later)
		start1, _ := Parse(format, name1, zone)
		start2, _ := Parse(format, name2, zone)
		switch {
		case name1 == name2 && !start1.Equal(start2):
			t.Fatalf("%q starts at %v and %v", name1, start1, start2)
		case name1 != name2 && !start1.Before(start2) && !setBack(start2, later):
			t.Fatalf("%q of %v starts at %v, %q of %v at %v", name1, earlier, start1, name2, later, start2)
		}
	})
}

func TestStarts(t *testing.T) {
	for _, test := range []struct{ zone, format, name, want string }{
		{"Europe/Sofia", "%Y-%W", "2026-46", "2026-11-16 00:00 EET"},
		{"Europe/Sofia", "%Y-%W", "2026-52", "2026-12-28 00:00 EET"},
		{"Europe/Sofia", "%Y-%W", "2027-00", "2027-01-01 00:00 EET"}, // the same week
		{"Europe/Sofia", "%Y-%W", "2027-01", "2027-01-04 00:00 EET"},
		{"Europe/Sofia", "%Y-%W", "2024-00", ""}, // January 1 is a Monday
		{"Europe/Sofia", "%Y-%W", "2024-01", "2024-01-01 00:00 EET"},
		{"Europe/Sofia", "%Y-%W", "2024-53", "2024-12-30 00:00 EET"},
		{"Europe/Sofia", "%Y-%W", "2026-53", ""},
		{"Europe/Sofia", "%Y-%U", "2023-01", "2023-01-01 00:00 EET"}, // a Sunday
		{"Europe/Sofia", "%Y-%U", "2026-00", "2026-01-01 00:00 EET"},
		{"Europe/Sofia", "%G-W%V", "2026-W53", "2026-12-28 00:00 EET"},
		{"Europe/Sofia", "%G-W%V", "2027-W53", ""},
		{"Europe/Sofia", "%G-W%V", "2025-W01", "2024-12-30 00:00 EET"},
		{"Europe/Sofia", "%G-W%V", "2025-W00", ""},
		{"UTC", "%Y-%m-%d", "2024-02-29", "2024-02-29 00:00 UTC"},
		{"UTC", "%Y-%m-%d", "2026-02-29", ""},
		{"UTC", "%Y-%m-%d", "2026-00-10", ""},
		{"UTC", "%Y-%m-%d", "2026-13-10", ""},
		{"UTC", "%Y-%m-%d", "2026-10-00", ""},
		{"UTC", "%Y-%m-%d", "2026-1-10", ""},
		{"UTC", "%Y-%m-%d", "2026-10-1x", ""},
		{"UTC", "%Y-%m-%d", "+026-10-10", ""},
		{"UTC", "%Y-%m-%d", "0999-10-10", ""},
		{"UTC", "%Y-%m-%d", "9999-12-31", "9999-12-31 00:00 UTC"},
		{"UTC", "%Y-%j", "2024-366", "2024-12-31 00:00 UTC"},
		{"UTC", "%Y-%j", "2026-366", ""},
		{"UTC", "%Y-%j", "2026-000", ""},
		{"UTC", "%Y%m%d%H%M", "202611242360", ""},
		{"UTC", "%Y%m%d%H%M", "202611242400", ""},
		{"UTC", "%Y%m%d%H%M", "202611242359", "2026-11-24 23:59 UTC"},
		{"UTC", "%Y-%m-%d of %G-%V", "2027-01-01 of 2026-53", "2027-01-01 00:00 UTC"},
		{"UTC", "%Y-%m-%d of %G-%V", "2027-01-01 of 2027-01", ""},
		{"UTC", "%Y %W %m", "2026 44 11", "2026-11-02 00:00 UTC"},
		{"UTC", "%Y %W %m", "2026 43 11", "2026-11-01 00:00 UTC"}, // Sunday
		{"UTC", "%Y-%Y", "2026-2027", ""},
		// Clocks that go forward, back, over midnight, over a whole day.
		{"Europe/Berlin", "%Y-%m-%d_%H%M", "2026-03-29_0230", ""},
		{"Europe/Berlin", "%Y-%m-%d_%H%M", "2026-10-25_0230", "2026-10-25 02:30 CEST"},
		{"America/Sao_Paulo", "%Y-%m-%d", "2018-11-04", "2018-11-04 01:00 -02"},
		{"Australia/Lord_Howe", "%Y-%m-%d_%H", "2026-10-04_02", "2026-10-04 02:30 +11"},
		{"America/St_Johns", "%Y-%m-%d", "2010-11-07", "2010-11-07 00:00 NDT"}, // back at 00:01
		{"Pacific/Apia", "%Y-%m-%d", "2011-12-30", ""},
		{"Pacific/Apia", "%Y-%j", "2011-364", ""},
		// Formats that package policy refuses.
		{"UTC", "", "", ""}, {"UTC", "now", "now", ""}, {"UTC", "%", "%", ""}, {"UTC", "%Y%", "2026%", ""},
		{"UTC", "%Y-%y", "2026-26", ""}, {"UTC", "%Y-%V", "2026-10", ""}, {"UTC", "%m-%d", "10-10", ""}, {"UTC", "%Y-%d", "2026-10", ""},
		{"UTC", "%Y-%H", "2026-10", ""}, {"UTC", "%G", "2026", ""}, {"UTC", "%W", "10", ""},
	} {
		start, ok := Parse(test.format, test.name, mustZone(t, test.zone))
		got := ""
		if ok {
			got = start.Format("2006-01-02 15:04 MST")
		}
		if got != test.want {
			t.Errorf("%q by %q in %s starts at %q, want %q", test.name, test.format, test.zone, got, test.want)
		}
	}
}

func TestFormatKeepsWhatIsNoDirective(t *testing.T) {
	at := time.Date(2026, 11, 24, 5, 7, 0, 0, time.UTC)
	for format, want := range map[string]string{
		"": "", "%": "%", "a%q%Y": "a%q2026", "ä %Y\x00%m": "ä 2026\x0011", "%Y%": "2026%", "7%j7%H%M": "732870507",
	} {
		if got := Format(format, at); got != want {
			t.Errorf("%q gives %q, want %q", format, got, want)
		}
	}
}

// TestFormatIsStrftime compares with the C library, by way of date.
func TestFormatIsStrftime(t *testing.T) {
	if version, err := exec.Command("date", "--version").Output(); err != nil || !bytes.Contains(version, []byte("GNU coreutils")) {
		t.Skip("date is not that of GNU coreutils")
	}
	const format = "%Y %m %d %j %U %W %G %V %H %M %S"
	for _, name := range []string{"UTC", "Europe/Sofia", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"} {
		zone := mustZone(t, name)
		var questions strings.Builder
		var want []string
		// Every 7 hours and a bit for over 40 years, then more coarsely.
		for at := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2400; {
			fmt.Fprintf(&questions, "@%d\n", at.Unix())
			want = append(want, Format(format, at.In(zone)))
			step := 7*time.Hour + 13*time.Minute + time.Second
			if at.Year() >= 2037 {
				step *= 11
			}
			at = at.Add(step)
		}
		date := exec.Command("date", "-f", "-", "+"+format)
		date.Stdin = strings.NewReader(questions.String())
		date.Env = append(os.Environ(), "LC_ALL=C", "TZ="+name)
		answer, err := date.Output()
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(answer), "\n"), "\n")
		if len(got) != len(want) {
			t.Fatalf("%s: %d answers to %d questions", name, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s: date says %q, Format %q", name, got[i], want[i])
			}
		}
		t.Logf("%s: %d times", name, len(want))
	}
}
