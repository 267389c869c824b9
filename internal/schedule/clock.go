package schedule

// Wall clock times and times of day are counted in microseconds.
const (
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// clock is the set of times of day of a calendar. No part of it is empty.
type clock struct {
	hours, minutes bitset
	seconds        []term
}

// next returns the least time of day from low on, and whether there is one.
func (c clock) next(low int64) (int64, bool) {
	h, m, us := split(low)
	if c.hours.has(h) {
		if c.minutes.has(m) {
			if v, ok := c.nextSecond(us); ok {
				return join(h, m, v), true
			}
		}
		if later, ok := c.minutes.next(m + 1); ok {
			return join(h, later, c.firstSecond()), true
		}
	}
	later, ok := c.hours.next(h + 1)
	if !ok {
		return 0, false
	}
	first, _ := c.minutes.next(0)
	return join(later, first, c.firstSecond()), true
}

// prev returns the greatest time of day up to high, and whether there is one.
func (c clock) prev(high int64) (int64, bool) {
	h, m, us := split(high)
	if c.hours.has(h) {
		if c.minutes.has(m) {
			if v, ok := c.prevSecond(us); ok {
				return join(h, m, v), true
			}
		}
		if earlier, ok := c.minutes.prev(m - 1); ok {
			return join(h, earlier, c.lastSecond()), true
		}
	}
	earlier, ok := c.hours.prev(h - 1)
	if !ok {
		return 0, false
	}
	last, _ := c.minutes.prev(minuteField.max)
	return join(earlier, last, c.lastSecond()), true
}

func (c clock) nextSecond(low int) (least int, found bool) {
	for _, t := range c.seconds {
		if v, ok := t.next(low, secondField.max); ok && (!found || v < least) {
			least, found = v, true
		}
	}
	return least, found
}

func (c clock) prevSecond(high int) (greatest int, found bool) {
	for _, t := range c.seconds {
		if t.start > high {
			continue
		}
		if v := t.last(high); !found || v > greatest {
			greatest, found = v, true
		}
	}
	return greatest, found
}

func (c clock) firstSecond() int {
	v, _ := c.nextSecond(0)
	return v
}

func (c clock) lastSecond() int {
	v, _ := c.prevSecond(secondField.max)
	return v
}

// split returns the hour, the minute and the microseconds of the minute.
func split(timeOfDay int64) (h, m, us int) {
	return int(timeOfDay / hour), int(timeOfDay % hour / minute), int(timeOfDay % minute)
}

func join(h, m, us int) int64 { return int64(h)*hour + int64(m)*minute + int64(us) }
