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
	begin := time.Date(gapYear, time.January, 1, 0, 0, 0, 0, time.UTC)
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
