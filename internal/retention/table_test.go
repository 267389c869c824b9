package retention

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/quantity"
)

// sofia is two hours ahead of UTC, three from 2026-03-29 03:00 to 2026-10-25
// 04:00.
var sofia = location("Europe/Sofia")

func location(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// instant reads a wall clock time of Sofia, or RFC 3339 where the wall clock
// leaves a choice.
func instant(t testing.TB, text string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, sofia); err == nil {
			return at
		}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatalf("instant %q: %v", text, err)
	}
	return at
}

func days(n int) quantity.Duration  { return quantity.Duration{Days: n} }
func hours(n int) quantity.Duration { return quantity.Duration{Hours: n} }

// verdict is a version of a table and the rules expected to keep it, separated
// by spaces; "" when it goes. An asterisk marks the oldest version, kept because
// the rule has room.
type verdict struct{ at, rules string }

func render(decisions []Decision, names []string) []verdict {
	var got []verdict
	for i, d := range decisions {
		var rules []string
		for _, r := range d.Reasons {
			switch {
			case !d.Keep && r.Rule == "":
			case strings.HasPrefix(r.Detail, "oldest, "):
				rules = append(rules, r.Rule+"*")
			default:
				rules = append(rules, r.Rule)
			}
		}
		got = append(got, verdict{names[i], strings.Join(rules, " ")})
	}
	return got
}

type tableCase struct {
	name  string
	rules Rules
	ref   string    // "" for the newest version
	want  []verdict // newest first
}

func runTable(t *testing.T, table []tableCase) {
	t.Helper()
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			var versions []Version
			var names []string
			for i, w := range c.want {
				versions = append(versions, Version{instant(t, w.at), string(rune('a' + i))})
				names = append(names, w.at)
			}
			slices.Reverse(versions)
			var ref time.Time
			if c.ref != "" {
				ref = instant(t, c.ref)
			}
			got := render(Select(versions, c.rules, ref, sofia), names)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(verdict{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.rules, diff)
			}
		})
	}
}
