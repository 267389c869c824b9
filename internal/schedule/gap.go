package schedule

import "time"

// LongestGap looks at these years, with leap years among them, at so many slots one
// by one, and then at the rest of the first year by days.
const (
	gapYear, gapYears = 2024, 9
	gapSlots          = 400
)

// LongestGap is the longest time from one slot to the next by the wall clock, of
// the slots of a few years; of those that are many a day, in a year, only what is
// longer than a day counts beyond the first hundreds. Changes of the clock are left
// out: they add an hour, or a whole day where they swallow a slot. It is false when
// no two slots follow one another there.
func (c Calendar) LongestGap() (time.Duration, bool) {
	c.zone = nil
	begin := gapBegin(time.UTC)
	longest := time.Duration(0)
	slot, found := c.Next(begin, nil)
	for n := 0; found && n < gapSlots; n++ {
		next, more := c.Next(slot, nil)
		if !more || next.Year() >= gapYear+gapYears {
			return longest, longest > 0
		}
		longest = max(longest, next.Sub(slot))
		slot = next
	}
	end := begin.AddDate(1, 1, 0)
	for found && slot.Before(end) {
		midnight := slot.Truncate(24*time.Hour).AddDate(0, 0, 1)
		slot, found = c.Next(midnight, nil)
		if found && slot.Sub(midnight) > longest-24*time.Hour {
			before, _ := c.Prev(midnight, nil)
			longest = max(longest, slot.Sub(before))
		}
	}
	return longest, longest > 0
}

func gapBegin(loc *time.Location) time.Time {
	return time.Date(gapYear, time.January, 1, 0, 0, 0, 0, loc)
}

// LongestLag is the longest time from the newest slot of another calendar to a slot
// of this one: how old what the other one made is when this one comes. It is looked
// for in the first hundreds of slots of both, by the wall clock where both have the
// same zone; a nil loc means UTC. It is zero where the other one never comes first.
func (c Calendar) LongestLag(other Calendar, loc *time.Location) time.Duration {
	if c.location(loc).String() == other.location(loc).String() {
		c.zone, other.zone, loc = nil, nil, nil
	}
	longest := time.Duration(0)
	slot, found := c.Next(gapBegin(c.location(loc)), loc)
	for n := 0; found && n < gapSlots; n++ {
		if before, any := other.Prev(slot, loc); any {
			longest = max(longest, slot.Sub(before))
		}
		slot, found = c.Next(slot, loc)
	}
	slot, found = other.Next(gapBegin(c.location(loc)), loc)
	for n := 0; found && n < gapSlots; n++ {
		next, more := other.Next(slot, loc)
		if last, any := c.Prev(next.Add(-time.Microsecond), loc); more && any && last.After(slot) {
			longest = max(longest, last.Sub(slot))
		}
		slot, found = next, more
	}
	return longest
}
