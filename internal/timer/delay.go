package timer

import (
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/schedule"
)

// The slots of a layer may be met late by this much, as long as that is at most a
// quarter of the time to the next one.
const (
	maxAccuracy = time.Minute     // by systemd, so that the machine wakes once for many
	maxDelay    = 5 * time.Minute // by chance, so that machines do not meet at one NAS
)

// calendarsOf are all by which a layer has something to do. The full comparison of
// a tree comes with its sync, whenever that is; that of a disk also alone.
func calendarsOf(l plan.Layer) []schedule.Calendar {
	list := []schedule.Calendar{l.Schedule}
	if l.From.Type == "destination" && !l.FullSchedule.IsZero() {
		list = append(list, l.FullSchedule)
	}
	if !l.IntegritySchedule.IsZero() {
		list = append(list, l.IntegritySchedule)
	}
	return list
}

// The shortest gap is looked for from a fixed instant on: units must not depend on
// the day on which they are made.
var gapBase = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	gapSlots = 3000
	gapSpan  = 4 * 366 * 24 * time.Hour
)

// shortestGap is the least time between two slots of any of the calendars, among
// some thousand slots within four years; as long as all of that where there are
// no two.
func shortestGap(calendars []schedule.Calendar, loc *time.Location) time.Duration {
	gap, at := gapSpan, gapBase
	var last time.Time
	for range gapSlots {
		next := nextOf(calendars, at, loc)
		if next.IsZero() || next.Sub(gapBase) > gapSpan {
			break
		}
		if !last.IsZero() {
			gap = min(gap, next.Sub(last))
		}
		last, at = next, next
	}
	return gap
}

func nextOf(calendars []schedule.Calendar, at time.Time, loc *time.Location) time.Time {
	var first time.Time
	for _, c := range calendars {
		if next, ok := c.Next(at, loc); ok && (first.IsZero() || next.Before(first)) {
			first = next
		}
	}
	return first
}

// lateness is at most a quarter of a gap, in whole seconds.
func lateness(gap, most time.Duration) time.Duration {
	return min(most, max(time.Second, (gap/4).Truncate(time.Second)))
}
