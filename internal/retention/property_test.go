package retention

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/quantity"
)

// zones have the usual changes of the clock, one just after midnight, one of
// half an hour, and one that left out a whole day.
var zones = []*time.Location{
	sofia, time.UTC, location("America/St_Johns"), location("Australia/Lord_Howe"), location("Pacific/Apia"),
}

func drawVersions(t *rapid.T) []Version {
	start := rapid.SampledFrom([]time.Time{
		time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC),
		time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC),
		time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC),
		time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC),
		time.Date(2012, 1, 2, 10, 0, 0, 0, time.UTC),
		time.Date(2010, 11, 7, 4, 0, 0, 0, time.UTC),
	}).Draw(t, "start")
	step := rapid.SampledFrom([]time.Duration{
		0, time.Minute, 20 * time.Minute, time.Hour, 12 * time.Hour, 24 * time.Hour, 35 * 24 * time.Hour,
	})
	at := start
	versions := make([]Version, rapid.IntRange(0, 30).Draw(t, "versions"))
	for i := range versions {
		versions[i] = Version{Time: at, ID: fmt.Sprintf("v%02d", i)}
		at = at.Add(-step.Draw(t, "step"))
	}
	return versions
}

func drawRules(t *rapid.T) Rules {
	count := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5, 40})
	span := rapid.SampledFrom([]quantity.Duration{{}, {}, {}, {Minutes: 30}, {Hours: 5}, {Days: 1}, {Days: 7}, {Days: 400}})
	var r Rules
	fields := reflect.ValueOf(&r).Elem()
	for i := range fields.NumField() {
		if field := fields.Field(i); field.Kind() == reflect.Int {
			field.SetInt(int64(count.Draw(t, "count")))
		} else {
			field.Set(reflect.ValueOf(span.Draw(t, "span")))
		}
	}
	return r
}

func drawRef(t *rapid.T, versions []Version) time.Time {
	if len(versions) == 0 || rapid.Bool().Draw(t, "zero ref") {
		return time.Time{}
	}
	age := rapid.IntRange(-48, 1000).Draw(t, "ref, hours after the newest")
	return versions[0].Time.Add(time.Duration(age) * time.Hour)
}

func drawZone(t *rapid.T) *time.Location {
	return zones[rapid.IntRange(0, len(zones)-1).Draw(t, "zone")]
}

func kept(decisions []Decision) []Version {
	var versions []Version
	for _, d := range decisions {
		if d.Keep {
			versions = append(versions, d.Version)
		}
	}
	return versions
}

func TestEveryVersionIsDecidedOnceWithReasons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions, rules := drawVersions(t), drawRules(t)
		decisions := Select(versions, rules, drawRef(t, versions), drawZone(t))
		checkDecisions(t, versions, rules, decisions)
	})
}

type failer interface {
	Fatalf(format string, args ...any)
}

func checkDecisions(t failer, versions []Version, rules Rules, decisions []Decision) {
	seen := map[Version]int{}
	for _, v := range versions {
		seen[v]++
	}
	for i, d := range decisions {
		seen[d.Version]--
		if i > 0 && d.Version.Time.After(decisions[i-1].Version.Time) {
			t.Fatalf("%v after %v: not newest first", d.Version, decisions[i-1].Version)
		}
		if len(d.Reasons) == 0 || !d.Keep && len(d.Reasons) != 1 {
			t.Fatalf("%v: %d reasons", d.Version, len(d.Reasons))
		}
		for _, r := range d.Reasons {
			if (r.Rule != "") != d.Keep || r.Detail == "" {
				t.Fatalf("%v: kept %t, reason %+v", d.Version, d.Keep, r)
			}
		}
		if rules.IsZero() && !d.Keep {
			t.Fatalf("%v removed without rules", d.Version)
		}
	}
	for v, n := range seen {
		if n != 0 {
			t.Fatalf("%v decided %d times too few", v, n)
		}
	}
}

func TestNewestStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := drawVersions(t)
		decisions := Select(versions, drawRules(t), time.Time{}, drawZone(t))
		if len(decisions) > 0 && !decisions[0].Keep {
			t.Fatalf("the newest version goes: %v", decisions[0])
		}
	})
}

func TestSelectAgainKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions, rules, zone := drawVersions(t), drawRules(t), drawZone(t)
		ref := drawRef(t, versions)
		once := kept(Select(versions, rules, ref, zone))
		if twice := kept(Select(once, rules, ref, zone)); !slices.Equal(once, twice) {
			t.Fatalf("%s kept %v, then only %v", rules, once, twice)
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions, rules, zone := drawVersions(t), drawRules(t), drawZone(t)
		ref := drawRef(t, versions)
		want := Select(versions, rules, ref, zone)
		seed := rapid.Uint64().Draw(t, "seed")
		shuffled := slices.Clone(versions)
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(shuffled), func(i, j int) {
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		})
		if got := Select(shuffled, rules, ref, zone); !reflect.DeepEqual(want, got) {
			t.Fatalf("%v, shuffled %v", want, got)
		}
	})
}

// raise returns rules of which one is added or longer.
func raise(t *rapid.T, rules Rules) Rules {
	fields := reflect.ValueOf(&rules).Elem()
	field := fields.Field(rapid.IntRange(0, fields.NumField()-1).Draw(t, "raised field"))
	by := rapid.IntRange(1, 10).Draw(t, "raised by")
	if field.Kind() == reflect.Int {
		field.SetInt(field.Int() + int64(by))
		return rules
	}
	span := field.Interface().(quantity.Duration)
	switch {
	case span.Hours > 0:
		span.Hours += by
	case span.Minutes > 0:
		span.Minutes += by
	default:
		span.Days += by
	}
	field.Set(reflect.ValueOf(span))
	return rules
}

func TestMoreRulesNeverRemoveMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions, zone := drawVersions(t), drawZone(t)
		ref, rules := drawRef(t, versions), drawRules(t)
		if rules.IsZero() {
			rules.Last = 1
		}
		raised := raise(t, rules)
		more := kept(Select(versions, raised, ref, zone))
		for _, v := range kept(Select(versions, rules, ref, zone)) {
			if !slices.Contains(more, v) {
				t.Fatalf("%s keeps %v, %s does not", rules, v, raised)
			}
		}
	})
}

// labelled is the definition of a bucket rule, in terms of the printed date and
// without any counting along the way.
func labelled(versions []Version, layout string, limit int, zone *time.Location) map[string]bool {
	ids, labels := map[string]bool{}, map[string]bool{}
	for _, v := range versions {
		label := v.Time.In(zone).Format(layout)
		if len(labels) < limit && !labels[label] {
			labels[label], ids[v.ID] = true, true
		}
	}
	if len(versions) > 0 && len(labels) < limit {
		ids[versions[len(versions)-1].ID] = true
	}
	return ids
}

func TestBucketsFollowTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := drawVersions(t)
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		for layout, rules := range map[string]Rules{
			"2006-01-02 15": {Hourly: limit}, "2006-01-02": {Daily: limit},
			"2006-01": {Monthly: limit}, "2006": {Yearly: limit},
		} {
			want := labelled(versions, layout, limit, sofia)
			for _, d := range Select(versions, rules, time.Time{}, sofia) {
				if d.Keep != want[d.Version.ID] {
					t.Fatalf("%s: %v kept %t, want %t", rules, d.Version, d.Keep, want[d.Version.ID])
				}
			}
		}
	})
}

func FuzzSelect(f *testing.F) {
	f.Add([]byte{0, 10, 200, 3}, int64(1792891800), 2, 3, 1, 7, 0)
	f.Add([]byte{}, int64(0), 0, 0, 0, 0, 0)
	f.Add([]byte{255, 255}, int64(-62135596800), -1, 1, 1<<30, 36500, 2)
	f.Fuzz(func(t *testing.T, gaps []byte, newest int64, last, daily, weekly, within, zone int) {
		at := time.Unix(newest%(1<<36), 0)
		var versions []Version
		for i, gap := range gaps {
			versions = append(versions, Version{at, fmt.Sprint(i)})
			at = at.Add(-time.Duration(gap) * 17 * time.Minute)
		}
		rules := Rules{Last: last, Daily: daily, Weekly: weekly, WithinHourly: hours(within % 40000), Within: days(within % 36500)}
		loc := zones[uint(zone)%uint(len(zones))]
		decisions := Select(versions, rules, time.Time{}, loc)
		checkDecisions(t, versions, rules, decisions)
		if len(decisions) > 0 && !decisions[0].Keep {
			t.Fatalf("%s: the newest version goes", rules)
		}
	})
}
