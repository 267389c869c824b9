package schedule

import (
	"strconv"
	"strings"
	"time"
)

// parseEpoch reads "@" and seconds since 1970: one instant, in UTC.
func (t *terms) parseEpoch(w word) error {
	seconds, err := strconv.ParseUint(w.text[1:], 10, 63)
	if err != nil {
		return faultAt(w, "write @ and whole seconds since 1970, such as @1700000000", "%q is not a number of seconds", w.text)
	}
	if int64(seconds) > lastWall/second {
		return faultAt(w, "the last year is 2199", "the instant lies too far ahead")
	}
	at := time.Unix(int64(seconds), 0).UTC()
	t.zone = time.UTC
	t.year, t.month, t.day = single(at.Year()), single(int(at.Month())), single(at.Day())
	t.hour, t.minute, t.second = single(at.Hour()), single(at.Minute()), single(at.Second()*second)
	return nil
}

// parseDate reads [year-]month-day, or with ~ before a day that counts from
// the end of the month.
func (t *terms) parseDate(w word) error {
	parts := w.splitAny("-~")
	n := len(parts)
	switch {
	case n > 3:
		return faultAt(parts[3], "a date is year-month-day", "the date has too many parts")
	case n == 3 && w.text[len(parts[0].text)] == '~':
		return faultAt(w, "write year-month~day", "only the day may follow a ~")
	case strings.ContainsAny(parts[n-1].text, "Tt"):
		return faultAt(parts[n-1], "put a space between date and time instead of T", "%q is not a day", parts[n-1].text)
	}
	days := dayField
	if parts[n-1].offset > w.offset && w.text[parts[n-1].offset-w.offset-1] == '~' {
		days = lastDayField
	}
	return t.readDate(parts, days)
}

func (t *terms) readDate(parts []word, days field) (err error) {
	n := len(parts)
	if n == 3 {
		if t.year, err = parseTerms(parts[0], yearField); err != nil {
			return err
		}
	}
	if t.month, err = parseTerms(parts[n-2], monthField); err != nil {
		return err
	}
	t.day, err = parseTerms(parts[n-1], days)
	t.fromEnd = days == lastDayField && t.day != nil
	return err
}

// parseTime reads hour:minute[:second].
func (t *terms) parseTime(w word) (err error) {
	parts := w.splitAny(":")
	switch {
	case len(parts) == 1:
		return faultAt(w, timeHint(w.text), "%q is neither a date nor a time", w.text)
	case len(parts) > 3:
		return faultAt(parts[3], "a time is hour:minute:second", "the time has too many parts")
	}
	if t.hour, err = parseTerms(parts[0], hourField); err != nil {
		return err
	}
	if t.minute, err = parseTerms(parts[1], minuteField); err != nil {
		return err
	}
	if len(parts) == 3 {
		t.second, err = parseTerms(parts[2], secondField)
	}
	return err
}

func timeHint(text string) string {
	if strings.Trim(text, "0123456789") == "" && len(text) <= 2 {
		return "did you mean " + text + ":00?"
	}
	return "a date is *-*-1, a time is 03:00"
}
