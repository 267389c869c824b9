package schedule

import (
	"math"
	"time"
)

// Next returns the first slot strictly after an instant. The calendar's own
// zone wins over loc; a nil loc means UTC. The answer is in the zone that was
// used, with microseconds at most. It is false when no slot follows, ever.
//
// The work is bounded by the number of months and of clock changes up to the
// year 2199, and usually is one look at each.
func (c Calendar) Next(after time.Time, loc *time.Location) (time.Time, bool) {
	t := later(after, time.UnixMicro(firstWall-widestOffset)).In(c.location(loc))
	if c.IsZero() || t.Year() > maxYear {
		return time.Time{}, false
	}
	low := t.UnixMicro() + 1
	for {
		p := periodOf(t)
		w, ok := c.nextWall(max(low+p.offset, p.from))
		if !ok {
			return time.Time{}, false
		}
		if w < p.to {
			return p.instant(w).In(t.Location()), true
		}
		t = later(p.end, time.UnixMicro(w-widestOffset)).In(t.Location())
		low = t.UnixMicro()
	}
}

// Prev returns the newest slot at or before an instant. The calendar's own zone
// wins over loc; a nil loc means UTC. The answer is in the zone that was used,
// with microseconds at most. It is false when there was no slot since 1970.
//
// The work is bounded as that of [Calendar.Next].
func (c Calendar) Prev(at time.Time, loc *time.Location) (time.Time, bool) {
	t := earlier(at, time.UnixMicro(lastWall+widestOffset)).In(c.location(loc))
	if c.IsZero() || t.Year() < minYear {
		return time.Time{}, false
	}
	for {
		p := periodOf(t)
		high := t.UnixMicro() + p.offset
		t = p.start.Add(-time.Microsecond).In(t.Location())
		if high < p.from {
			continue
		}
		w, ok := c.prevWall(high)
		if !ok {
			return time.Time{}, false
		}
		if w >= p.from {
			return p.instant(w).In(t.Location()), true
		}
		t = earlier(t, time.UnixMicro(w+widestOffset)).In(t.Location())
	}
}

func (c Calendar) location(loc *time.Location) *time.Location {
	switch {
	case c.zone != nil:
		return c.zone
	case loc != nil:
		return loc
	}
	return time.UTC
}

// widestOffset is more than any zone has ever been away from UTC, in
// microseconds.
const widestOffset = 26 * hour

// period is a stretch of time in which a zone keeps one offset. Its clock shows
// the wall clock times from (inclusive) to to (exclusive) for the first time;
// what it repeats of the period before is not counted.
type period struct {
	start, end time.Time
	from, to   wall
	offset     int64
}

func periodOf(t time.Time) period {
	start, end := t.ZoneBounds()
	p := period{start: start, end: end, from: math.MinInt64, to: math.MaxInt64, offset: offsetOf(t)}
	if !start.IsZero() {
		before := offsetOf(start.Add(-time.Microsecond))
		p.from = start.UnixMicro() + max(p.offset, before)
	}
	if !end.IsZero() {
		p.to = end.UnixMicro() + p.offset
	}
	return p
}

func (p period) instant(w wall) time.Time { return time.UnixMicro(w - p.offset) }

func offsetOf(t time.Time) int64 {
	_, seconds := t.Zone()
	return int64(seconds) * second
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
