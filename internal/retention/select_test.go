package retention

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/quantity"
)

func TestReasons(t *testing.T) {
	at := func(text, id string) Version { return Version{instant(t, text), id} }
	versions := []Version{
		at("2026-11-21 15:00", "new"), at("2026-11-21 03:00", "same day"),
		at("2026-11-08 15:00", "weeks old"), at("2026-11-02 15:00", "oldest"),
	}
	rules := Rules{Last: 1, Hourly: 1, Daily: 2, Weekly: 3, Monthly: 2, Yearly: 2, Within: days(7), WithinDaily: days(30)}
	want := map[string][]Reason{
		"new": {
			{"keep_last", "last 1 of 1"},
			{"keep_hourly", "hourly 1 of 1: 2026-11-21 15:00"},
			{"keep_daily", "daily 1 of 2: 2026-11-21"},
			{"keep_weekly", "weekly 1 of 3: 2026-W47"},
			{"keep_monthly", "monthly 1 of 2: 2026-11"},
			{"keep_yearly", "yearly 1 of 2: 2026"},
			{"keep_within", "within 7d of the newest version"},
			{"keep_within_daily", "daily within 30d of the newest version: 2026-11-21"},
		},
		"same day": {{"keep_within", "within 7d of the newest version"}},
		"weeks old": {
			{"keep_daily", "daily 2 of 2: 2026-11-08"},
			{"keep_weekly", "weekly 2 of 3: 2026-W45"},
			{"keep_within_daily", "daily within 30d of the newest version: 2026-11-08"},
		},
		"oldest": {
			{"keep_weekly", "oldest, weekly 3 of 3: 2026-W45"},
			{"keep_monthly", "oldest, monthly 2 of 2: 2026-11"},
			{"keep_yearly", "oldest, yearly 2 of 2: 2026"},
			{"keep_within_daily", "daily within 30d of the newest version: 2026-11-02"},
		},
	}
	got := map[string][]Reason{}
	for _, d := range Select(versions, rules, time.Time{}, sofia) {
		got[d.Version.ID] = d.Reasons
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestReasonsOfRemoved(t *testing.T) {
	versions := []Version{
		{instant(t, "2026-11-21 15:00"), ""}, {instant(t, "2026-11-20 15:00"), ""},
		{instant(t, "2026-11-20 03:00"), ""}, {instant(t, "2026-11-19 03:00"), ""},
		{instant(t, "2026-01-01 03:00"), ""},
	}
	for _, c := range []struct {
		rules Rules
		index int
		want  string
	}{
		{Rules{Daily: 3, Within: hours(24)}, 2, "not the newest of its day, outside keep_within 24h"},
		{Rules{Daily: 3, WithinDaily: days(7), Last: 1}, 2, "not among the last 1, not the newest of its day"},
		{Rules{Daily: 1}, 3, "older than the 1 day of keep_daily"},
		{Rules{Daily: 3, Weekly: 1}, 4, "older than the 3 days of keep_daily, older than the 1 week of keep_weekly"},
		{Rules{Within: days(7)}, 4, "outside keep_within 7d"},
	} {
		got := Select(versions, c.rules, time.Time{}, sofia)[c.index]
		if diff := cmp.Diff([]Reason{{"", c.want}}, got.Reasons); got.Keep || diff != "" {
			t.Errorf("%s: version %d kept %t (-want +got):\n%s", c.rules, c.index, got.Keep, diff)
		}
	}
}

func TestReasonNamesReference(t *testing.T) {
	versions := []Version{{instant(t, "2026-11-20 15:00"), ""}}
	got := Select(versions, Rules{Within: days(7)}, instant(t, "2026-11-21T01:00:00Z"), sofia)
	if want := "within 7d of 2026-11-21 03:00"; got[0].Reasons[0].Detail != want {
		t.Errorf("detail %q, want %q", got[0].Reasons[0].Detail, want)
	}
}

func TestSelectLeavesInputAlone(t *testing.T) {
	versions := []Version{
		{instant(t, "2026-11-19 03:00"), "c"},
		{instant(t, "2026-11-21 03:00"), "b"},
		{instant(t, "2026-11-21 03:00"), "a"},
	}
	before := append([]Version(nil), versions...)
	decisions := Select(versions, Rules{Last: 1}, time.Time{}, sofia)
	if diff := cmp.Diff(before, versions); diff != "" {
		t.Errorf("input changed (-before +after):\n%s", diff)
	}
	order := decisions[0].Version.ID + decisions[1].Version.ID + decisions[2].Version.ID
	if order != "abc" {
		t.Errorf("order %q, want newest first, ties by ID: abc", order)
	}
	decisions[0].Reasons = append(decisions[0].Reasons, Reason{Detail: "appended"})
	if decisions[1].Reasons[0].Detail == "appended" {
		t.Error("appending to the reasons of one version changed those of another")
	}
}

func TestRulesText(t *testing.T) {
	rules := Rules{Last: 4, Weekly: 2, Within: days(7), WithinMonthly: quantity.Duration{Days: 365}}
	if got, want := rules.String(), "keep_last = 4, keep_weekly = 2, keep_within = 7d, keep_within_monthly = 365d"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	encoded, err := json.Marshal(rules)
	if want := `{"keep_last":4,"keep_weekly":2,"keep_within":"7d","keep_within_monthly":"365d"}`; err != nil || string(encoded) != want {
		t.Errorf("JSON %s (%v), want %s", encoded, err, want)
	}
	var back Rules
	if err := json.Unmarshal(encoded, &back); err != nil || back != rules {
		t.Errorf("decoded %v (%v), want %v", back, err, rules)
	}
}

func TestRulesIsZero(t *testing.T) {
	for _, r := range []Rules{{}, {Last: -1}, {Within: quantity.Duration{Days: -7}}} {
		if !r.IsZero() || r.String() != "keep everything" {
			t.Errorf("%#v: IsZero %t, %q; want no rule in force", r, r.IsZero(), r)
		}
	}
	for _, r := range []Rules{{Last: 1}, {Yearly: 1}, {Within: hours(1)}, {WithinYearly: days(1)}} {
		if r.IsZero() {
			t.Errorf("%s: IsZero, want a rule in force", r)
		}
	}
}

// BenchmarkSelect is one plan of a large homelab: 10,000 volumes of 8 versions.
func BenchmarkSelect(b *testing.B) {
	var versions []Version
	newest := instant(b, "2026-11-21 03:00")
	for i := range 8 {
		versions = append(versions, Version{newest.AddDate(0, 0, -i), "vm-9999-pvc-0_snap"})
	}
	for _, c := range []struct {
		name  string
		rules Rules
	}{
		{"within", Rules{Within: days(7)}},
		{"mixed", Rules{Last: 2, Daily: 4, Weekly: 4, Monthly: 6}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for range 10_000 {
					Select(versions, c.rules, time.Time{}, sofia)
				}
			}
		})
	}
}
