package retention

import (
	"strconv"
	"time"
)

// period is the width of a bucket. In single, every version is its own bucket.
type period int

const (
	single period = iota
	hourly
	daily
	weekly
	monthly
	yearly
)

// adjective names the versions of a period in reasons.
func (p period) adjective() string {
	return [...]string{"last", "hourly", "daily", "weekly", "monthly", "yearly"}[p]
}

// noun names one bucket of a period in reasons.
func (p period) noun() string {
	return [...]string{"version", "hour", "day", "week", "month", "year"}[p]
}

// key returns a number that versions of the same bucket share. t is in the
// policy's zone; index is the version's place, newest first.
func (p period) key(t time.Time, index int) int {
	switch p {
	case hourly:
		year, month, day := t.Date()
		return ((year*100+int(month))*100+day)*100 + t.Hour()
	case daily:
		year, month, day := t.Date()
		return (year*100+int(month))*100 + day
	case weekly:
		year, week := t.ISOWeek()
		return year*100 + week
	case monthly:
		return t.Year()*100 + int(t.Month())
	case yearly:
		return t.Year()
	}
	return index
}

// appendLabel appends the bucket of t as a person writes it: 2026-11-21,
// 2026-W47; nothing for single.
func (p period) appendLabel(text []byte, t time.Time) []byte {
	switch p {
	case hourly:
		return t.AppendFormat(text, "2006-01-02 15:00")
	case daily:
		return t.AppendFormat(text, time.DateOnly)
	case weekly:
		year, week := t.ISOWeek()
		text = append(strconv.AppendInt(text, int64(year), 10), "-W"...)
		if week < 10 {
			text = append(text, '0')
		}
		return strconv.AppendInt(text, int64(week), 10)
	case monthly:
		return t.AppendFormat(text, "2006-01")
	case yearly:
		return t.AppendFormat(text, "2006")
	}
	return text
}
