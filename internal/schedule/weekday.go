package schedule

import (
	"slices"
	"strings"
)

var weekdayNames = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

var weekdayShort = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// parseWeekdays reads a list of weekdays and ranges of them. A comma at the end
// is allowed, as in systemd.
func parseWeekdays(w word) (bitset, error) {
	var set bitset
	parts := w.splitAny(",")
	if last := len(parts) - 1; last > 0 && parts[last].text == "" {
		parts = parts[:last]
	}
	for _, part := range parts {
		days, err := parseWeekdayRange(part)
		if err != nil {
			return 0, err
		}
		set |= days
	}
	return set, nil
}

func parseWeekdayRange(w word) (bitset, error) {
	from, to, isRange := w.cut("..")
	if !isRange {
		from, to, isRange = w.cut("-")
	}
	first, err := parseWeekday(from)
	if err != nil {
		return 0, err
	}
	if !isRange {
		return 1 << first, nil
	}
	last, err := parseWeekday(to)
	if err != nil {
		return 0, err
	}
	if last < first {
		around := formatWeekdays(allWeekdays>>first<<first) + "," + formatWeekdays(allWeekdays>>(6-last))
		hint := "the week begins on Monday; write " + around
		return 0, faultAt(w, hint, "the range of weekdays runs backwards")
	}
	return allWeekdays >> (6 - last) >> first << first, nil
}

func parseWeekday(w word) (int, error) {
	if w.text == "" {
		return 0, faultAt(w, "name one, such as Mon", "a weekday is missing")
	}
	same := func(name string) bool { return strings.EqualFold(name, w.text) }
	if i := slices.IndexFunc(weekdayNames, same); i >= 0 {
		return i, nil
	}
	if i := slices.IndexFunc(weekdayShort, same); i >= 0 {
		return i, nil
	}
	return 0, faultAt(w, weekdayHint(w.text), "%q is not a weekday", w.text)
}

func weekdayHint(text string) string {
	if hint := nearMiss(text, slices.Concat(weekdayNames, weekdayShort)); hint != "" {
		return hint
	}
	return "weekdays are Mon, Tue, Wed, Thu, Fri, Sat and Sun"
}

// formatWeekdays joins neighbours: two with a comma, more with a range.
func formatWeekdays(set bitset) string {
	var parts []string
	for first, ok := set.next(0); ok; first, ok = set.next(first) {
		last := first
		for set.has(last + 1) {
			last++
		}
		parts = append(parts, weekdayShort[first])
		switch {
		case last == first+1:
			parts = append(parts, weekdayShort[last])
		case last > first:
			parts[len(parts)-1] += ".." + weekdayShort[last]
		}
		first = last + 1
	}
	return strings.Join(parts, ",")
}
