// Package stamp names versions by the time that they stand for, and reads the
// names again. A format is one of strftime, of %Y %m %d %j %U %W %G %V %H %M
// %S and text between them. Start at Format; Parse is its exact inverse.
//
// A name stands for a period, such as a day or a week, and periods are ordered
// by time, whatever their text: 2026-52 comes before 2027-00, although both lie
// in the same seven days. Weeks are those of strftime: %U begins them on Sunday,
// %W on Monday, the days of a year before the first of these are week 00, and a
// year's last week ends with the year; %G and %V are ISO 8601's.
//
// Formats are those that package policy accepts: each directive has beside it
// what makes its period a single one, %V the %G, %d the %m and the %Y.
package stamp

import (
	"strconv"
	"time"
)

// The years that names can have: four digits.
const (
	firstYear = 1000
	lastYear  = 9999
)

// Format names the period that t lies in, in t's own zone. Years have four
// digits from 1000 to 9999; Parse reads no others. What is no directive stays as
// it is.
func Format(format string, t time.Time) string {
	name := make([]byte, 0, len(format)+8)
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			name = append(name, format[i])
			continue
		}
		i++
		if width := widths[format[i]]; width > 0 {
			name = appendPadded(name, value(format[i], t), width)
		} else {
			name = append(name, '%', format[i])
		}
	}
	return string(name)
}

// widths are the digits that each directive has.
var widths = map[byte]int{'Y': 4, 'm': 2, 'd': 2, 'j': 3, 'U': 2, 'W': 2, 'G': 4, 'V': 2, 'H': 2, 'M': 2, 'S': 2}

// value is what a directive stands for.
func value(directive byte, t time.Time) int {
	switch directive {
	case 'Y':
		return t.Year()
	case 'm':
		return int(t.Month())
	case 'd':
		return t.Day()
	case 'j':
		return t.YearDay()
	case 'U':
		return weekOfYear(t, time.Sunday)
	case 'W':
		return weekOfYear(t, time.Monday)
	case 'G':
		year, _ := t.ISOWeek()
		return year
	case 'V':
		_, week := t.ISOWeek()
		return week
	case 'H':
		return t.Hour()
	case 'M':
		return t.Minute()
	}
	return t.Second()
}

// weekOfYear counts the weeks that have begun in the year of t.
func weekOfYear(t time.Time, begins time.Weekday) int {
	sinceBegin := (int(t.Weekday()) - int(begins) + 7) % 7
	return (t.YearDay() - 1 + 7 - sinceBegin) / 7
}

func appendPadded(name []byte, value, width int) []byte {
	digits := strconv.Itoa(value)
	for range width - len(digits) {
		name = append(name, '0')
	}
	return append(name, digits...)
}
