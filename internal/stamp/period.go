package stamp

import "time"

// period is a time on the wall's clock, from one reading of it up to another,
// each written as if it were UTC.
type period struct{ from, to time.Time }

// common is what lies in both; when that is nothing, to is not after from.
func (p period) common(q period) period {
	if q.from.After(p.from) {
		p.from = q.from
	}
	if q.to.Before(p.to) {
		p.to = q.to
	}
	return p
}

func midnight(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

func days(from time.Time, n int) period { return period{from, from.AddDate(0, 0, n)} }

func yearPeriod(year int) period { return period{midnight(year, 1, 1), midnight(year+1, 1, 1)} }

// weekBegin is the day on which a week of strftime begins; that of week 00, and
// the end of a year's last one, may lie outside of the year.
func weekBegin(year, week int, begins time.Weekday) time.Time {
	january := midnight(year, 1, 1)
	toFirst := (int(begins) - int(january.Weekday()) + 7) % 7
	return january.AddDate(0, 0, toFirst+7*(week-1))
}

// weekOne is the Monday of a year's first ISO week, the one with January 4.
func weekOne(year int) time.Time {
	fourth := midnight(year, 1, 4)
	return fourth.AddDate(0, 0, -((int(fourth.Weekday()) + 6) % 7))
}

// farthest is more than any zone's clock was ever away from UTC.
const farthest = 30 * time.Hour

// first is the first instant at which the clock of the zone shows a time of the
// period; not ok when it skips all of it.
func (p period) first(zone *time.Location) (time.Time, bool) {
	last := p.to.Add(farthest)
	for at := p.from.Add(-farthest).In(zone); at.Before(last); {
		_, seconds := at.Zone()
		offset := time.Duration(seconds) * time.Second
		until := zoneEnd(at)
		start := p.from.Add(-offset)
		if start.Before(at) {
			start = at
		}
		if (until.IsZero() || start.Before(until)) && start.Add(offset).Before(p.to) {
			return start.In(zone), true
		}
		if until.IsZero() {
			break
		}
		at = until
	}
	return time.Time{}, false
}

// zoneEnd is the end of the zone's offset at t, or a time before it from which
// to ask again; zero when there is none. Go counts 365 days to a year where a
// zone goes by rule, so that on the last day of a leap year ZoneBounds has an
// end that is over.
func zoneEnd(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		return t.Add(time.Hour)
	}
	return end
}
