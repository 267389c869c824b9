package schedule

import (
	"math/bits"
	"time"
)

// allWeekdays has a bit for each weekday, Monday being 0.
const allWeekdays bitset = 1<<7 - 1

// A wall is what a calendar and a clock on the wall show, without a zone: the
// microseconds since 1970-01-01 00:00:00 of that clock.
type wall = int64

var (
	firstWall = time.Date(minYear, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastWall  = time.Date(maxYear+1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

// nextWall returns the first wall clock time of c from low on, and whether
// there is one.
func (c *Calendar) nextWall(low wall) (wall, bool) {
	low = max(low, firstWall)
	if low > lastWall {
		return 0, false
	}
	today, timeOfDay := low/day, low%day
	if c.hasDay(today) {
		if t, ok := c.clock.next(timeOfDay); ok {
			return today*day + t, true
		}
	}
	d, ok := c.nextDay(today + 1)
	if !ok {
		return 0, false
	}
	t, _ := c.clock.next(0)
	return d*day + t, true
}

// prevWall returns the last wall clock time of c up to high, and whether there
// is one.
func (c *Calendar) prevWall(high wall) (wall, bool) {
	high = min(high, lastWall)
	if high < firstWall {
		return 0, false
	}
	today, timeOfDay := high/day, high%day
	if c.hasDay(today) {
		if t, ok := c.clock.prev(timeOfDay); ok {
			return today*day + t, true
		}
	}
	d, ok := c.prevDay(today - 1)
	if !ok {
		return 0, false
	}
	t, _ := c.clock.prev(day - 1)
	return d*day + t, true
}

func (c *Calendar) hasDay(number int64) bool {
	y, m, d := dateOf(number)
	return c.years.has(y) && c.months.has(m) && c.daysOf(y, m).has(d)
}

// nextDay returns the first day of c from number on, in days since 1970-01-01.
// It looks at no month twice.
func (c *Calendar) nextDay(number int64) (int64, bool) {
	firstYear, m, d := dateOf(number)
	for y := firstYear; y <= maxYear; y++ {
		if c.years.has(y) {
			if !c.months.has(m) {
				d = 1
			}
			for m, ok := c.months.next(m); ok; m, ok = c.months.next(m + 1) {
				if found, ok := c.daysOf(y, m).next(d); ok {
					return dayNumber(y, m, found), true
				}
				d = 1
			}
		}
		m, d = 1, 1
	}
	return 0, false
}

// prevDay returns the last day of c up to number, in days since 1970-01-01.
// It looks at no month twice.
func (c *Calendar) prevDay(number int64) (int64, bool) {
	lastYear, m, d := dateOf(number)
	for y := lastYear; y >= minYear; y-- {
		if c.years.has(y) {
			if !c.months.has(m) {
				d = 31
			}
			for m, ok := c.months.prev(m); ok; m, ok = c.months.prev(m - 1) {
				if found, ok := c.daysOf(y, m).prev(d); ok {
					return dayNumber(y, m, found), true
				}
				d = 31
			}
		}
		m, d = 12, 31
	}
	return 0, false
}

// daysOf returns the days of one month that c has.
func (c *Calendar) daysOf(y, m int) bitset {
	length := time.Date(y, time.Month(m+1), 0, 0, 0, 0, 0, time.UTC).Day()
	days := c.days
	if c.fromEnd {
		days = bitset(bits.Reverse64(uint64(days)) >> (62 - length))
	}
	days &= 1<<(length+1) - 2
	if days == 0 || c.weekdays == allWeekdays {
		return days
	}
	return days & weekdaysOf(y, m, c.weekdays)
}

// weekdaysOf returns the days of the month that fall on one of the weekdays;
// it may have more days than the month.
func weekdaysOf(y, m int, weekdays bitset) bitset {
	first := (int(time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
	week := (weekdays>>first | weekdays<<(7-first)) & allWeekdays
	return (week | week<<7 | week<<14 | week<<21 | week<<28) << 1
}

func dateOf(number int64) (y, m, d int) {
	year, month, d := time.Unix(number*86400, 0).UTC().Date()
	return year, int(month), d
}

func dayNumber(y, m, d int) int64 {
	return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
