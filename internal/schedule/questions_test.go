package schedule

import (
	"fmt"
	"time"
	_ "time/tzdata"
)

// question asks for the normal form of an expression and for the slots that
// follow an instant. Without a count only the normal form is asked for.
type question struct {
	name, expr, zone, base string
	count                  int
}

func (q question) location() *time.Location {
	if q.zone == "" {
		return time.UTC
	}
	return mustLocation(q.zone)
}

func (q question) baseTime() time.Time {
	if q.base == "" {
		return time.Unix(0, 0)
	}
	t, err := time.Parse(time.RFC3339, q.base)
	if err != nil {
		panic(err)
	}
	return t
}

func mustLocation(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

func questions() []question {
	all := append([]question(nil), slotQuestions...)
	for _, expr := range []string{"daily", "hourly", "*:0/20", "02:30", "01:30", "00:00", "00:30", "*:15:10", "23:30", "*-*~1 03:00", "*:*:0/17"} {
		for _, change := range clockChanges {
			all = append(all, question{
				name: fmt.Sprintf("change/%s/%s/%s", change.zone, change.base[:10], expr),
				expr: expr, zone: change.zone, base: change.base, count: 5,
			})
		}
	}
	for _, expr := range forms {
		all = append(all, question{name: "form/" + expr, expr: expr})
	}
	return all
}

// slotQuestions are facts about systemd, each named after what it shows.
var slotQuestions = []question{
	{"first Sunday of the month", "Sun *-*-1..7 6:00", "Europe/Sofia", "2026-11-24T05:00:00Z", 15},
	{"a slot is strictly after the base", "05:00", "", "2026-11-24T05:00:00Z", 2},
	{"the zone of the expression wins", "05:00 Europe/Sofia", "America/New_York", "2026-03-27T05:00:00Z", 5},
	{"UTC in the expression wins", "05:00 utc", "America/New_York", "2026-03-07T05:00:00Z", 3},
	{"a double space before the zone, after a date", "*-*-1  Europe/Sofia", "", "2026-01-01T00:00:00Z", 3},
	{"leap days", "*-02-29", "Europe/Sofia", "2026-01-01T00:00:00Z", 6},
	{"leap days on a Sunday", "Sun *-02-29", "", "2026-01-01T00:00:00Z", 6},
	{"2100 is no leap year", "*-02-29", "", "2095-01-01T00:00:00Z", 3},
	{"the 30th of February never comes", "*-02-30", "", "2026-01-01T00:00:00Z", 3},
	{"one day too far never comes", "2025-06-01", "", "2026-01-01T00:00:00Z", 3},
	{"an instant in the future", "@1800000000", "Europe/Sofia", "2026-01-01T00:00:00Z", 3},
	{"an instant in the past", "@1700000000", "Europe/Sofia", "2026-01-01T00:00:00Z", 3},
	{"the last day of each month", "*-*~1", "", "2027-12-01T00:00:00Z", 15},
	{"the last seven days of May", "*-05~07/1", "", "2026-01-01T00:00:00Z", 15},
	{"the last Monday of May", "Mon *-05~07/1", "", "2026-01-01T00:00:00Z", 4},
	{"every second of the last days", "*-*~1..6/3 12:00", "", "2026-01-01T00:00:00Z", 12},
	{"from the fifth last, in twos", "*-*~5/2 12:00", "", "2026-01-01T00:00:00Z", 12},
	{"New Year", "hourly", "Europe/Sofia", "2026-12-31T20:00:00Z", 4},
	{"weeks over New Year", "weekly", "Europe/Sofia", "2026-12-20T20:00:00Z", 4},
	{"quarters", "quarterly", "Europe/Sofia", "2026-11-20T20:00:00Z", 5},
	{"half years", "semiannually", "", "2026-11-20T20:00:00Z", 3},
	{"Friday the 13th", "Fri *-*-13", "", "2026-01-01T00:00:00Z", 8},
	{"the 31st skips short months", "*-*-31", "", "2026-01-01T00:00:00Z", 8},
	{"overlapping lists give each slot once", "*-*-1..7,3..5,2 0,0..3/3:0", "", "2026-01-01T00:00:00Z", 12},
	{"steps of years", "2000/7-1-1", "", "2026-01-01T00:00:00Z", 4},
	{"seconds in steps", "*:*:5/20", "", "2026-01-01T00:00:00Z", 7},
	{"steps begin anew each minute", "*:*:0/17", "", "2026-01-01T00:00:00Z", 9},
	{"steps begin anew each day", "0/7:00", "", "2026-01-01T12:00:00Z", 9},
	{"fractions of a second", "*:*:0.25/7.5", "", "2026-01-01T00:00:00Z", 12},
	{"a star for seconds is whole seconds", "*:*:*", "", "2026-01-01T00:00:00Z", 3},
	{"the last slot is in 2199", "daily", "", "2199-12-30T00:00:00Z", 4},
	{"a day that a zone skipped", "daily", "Pacific/Apia", "2011-12-28T20:00:00Z", 4},
	{"a skipped midnight skips no month", "*-*-4 12:00", "America/Sao_Paulo", "2018-10-20T00:00:00Z", 3},
	{"a skipped time skips to the next month", "*-*-4 00:30", "America/Sao_Paulo", "2018-10-20T00:00:00Z", 3},
	{"a skipped first of the month", "*-10-1 12:00", "America/Asuncion", "2017-01-10T00:00:00Z", 3},
	{"a repeated midnight, first pass", "*-11-1 00:30", "America/Havana", "2026-10-10T00:00:00Z", 2},
	{"a base in the second pass", "*:0/20", "America/New_York", "2026-11-01T06:20:00Z", 3},
	{"a base in the second pass, daily", "01:30", "America/New_York", "2026-11-01T06:20:00Z", 2},
	{"a repeated midnight, asked in winter", "*-11-1 00:30", "America/Havana", "2026-02-10T00:00:00Z", 2},
	{"a step over the minute", "*:*:0/59.9", "", "2026-01-01T00:00:00Z", 7},
	{"an open step over the day", "*:5/17", "", "2026-01-01T23:57:00Z", 3},
	{"an open step over the year", "*-*-6/11", "", "2026-12-28T12:00:00Z", 3},
	{"an open step of months over the year", "*-1/5-1", "Europe/Sofia", "2026-11-14T22:13:00Z", 3},
	{"a skipped hour where winter time is the odd one", "2,4:15", "Africa/Casablanca", "2026-03-21T23:10:00Z", 3},
	{"two skipped hours", "2..3:0/30", "Antarctica/Troll", "2026-03-29T00:10:00Z", 3},
	{"a skipped midnight with hours in steps", "0/2:15", "Asia/Gaza", "2022-03-26T20:10:00Z", 3},
	{"a weekday with an instant", "Mon @1800000000", "", "2026-01-01T00:00:00Z", 1},
}

// ourWay has the questions whose answer depends, in systemd, on where the
// search comes from, or loses slots that the clock does show, each with the
// reason and with our answer. The tests insist that systemd answers otherwise.
var ourWay = map[string]struct {
	reason string
	slots  []string
}{
	"a base in the second pass": {
		"systemd gives slots of the second pass only when it starts there",
		[]string{"2026-11-01T07:00:00Z", "2026-11-01T07:20:00Z", "2026-11-01T07:40:00Z"},
	},
	"a base in the second pass, daily": {
		"systemd would run twice on that day",
		[]string{"2026-11-02T06:30:00Z", "2026-11-03T06:30:00Z"},
	},
	"a repeated midnight, asked in winter": {
		"systemd guesses the offset of the season it comes from",
		[]string{"2026-11-01T04:30:00Z", "2027-11-01T04:30:00Z"},
	},
	"a step over the minute": {
		"systemd lets a step of fractional seconds run into the next minute, past its beginning",
		[]string{
			"2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z", "2026-01-01T00:01:59Z", "2026-01-01T00:02:00Z",
			"2026-01-01T00:02:59Z", "2026-01-01T00:03:00Z", "2026-01-01T00:03:59Z",
		},
	},
	"an open step over the day": {
		"systemd counts on from 56 over midnight and loses 00:05",
		[]string{"2026-01-02T00:05:00Z", "2026-01-02T00:22:00Z", "2026-01-02T00:39:00Z"},
	},
	"an open step over the year": {
		"systemd counts on from 28 December and loses 6 January",
		[]string{"2027-01-06T00:00:00Z", "2027-01-17T00:00:00Z", "2027-01-28T00:00:00Z"},
	},
	"an open step of months over the year": {
		"systemd ends with \"Infinite loop in calendar calculation\"",
		[]string{"2026-12-31T22:00:00Z", "2027-05-31T21:00:00Z", "2027-10-31T22:00:00Z"},
	},
	"a skipped hour where winter time is the odd one": {
		"systemd gives up the whole day",
		[]string{"2026-03-22T03:15:00Z", "2026-03-23T01:15:00Z", "2026-03-23T03:15:00Z"},
	},
	"two skipped hours": {
		"systemd passes as much again after the change",
		[]string{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"},
	},
	"a skipped midnight with hours in steps": {
		"systemd ends with \"Infinite loop in calendar calculation\"",
		[]string{"2022-03-26T20:15:00Z", "2022-03-26T23:15:00Z", "2022-03-27T01:15:00Z"},
	},
}

// clockChanges are instants shortly before a clock changes.
var clockChanges = []struct{ zone, base string }{
	{"Europe/Sofia", "2026-03-28T22:10:00Z"},
	{"Europe/Sofia", "2026-10-24T22:10:00Z"},
	{"America/New_York", "2026-03-08T05:10:00Z"},
	{"America/New_York", "2026-11-01T03:10:00Z"},
	{"Australia/Lord_Howe", "2026-04-04T13:10:00Z"},
	{"Australia/Lord_Howe", "2026-10-03T14:10:00Z"},
	{"Africa/Casablanca", "2026-02-15T00:10:00Z"},
	{"Africa/Casablanca", "2026-03-22T00:10:00Z"},
	{"Asia/Gaza", "2022-03-26T20:10:00Z"},
	{"Asia/Gaza", "2026-03-27T22:10:00Z"},
	{"Asia/Gaza", "2026-10-23T21:10:00Z"},
	{"America/Sao_Paulo", "2018-02-17T23:10:00Z"},
	{"America/Sao_Paulo", "2018-11-04T01:10:00Z"},
	{"America/Havana", "2026-03-08T03:10:00Z"},
	{"America/Havana", "2026-11-01T02:10:00Z"},
	{"Europe/Dublin", "2026-03-28T23:10:00Z"},
	{"Europe/Dublin", "2026-10-24T22:10:00Z"},
	{"Asia/Beirut", "2026-03-28T20:10:00Z"},
	{"Asia/Beirut", "2026-10-24T19:10:00Z"},
	{"America/St_Johns", "2026-03-08T03:10:00Z"},
	{"Asia/Pyongyang", "2018-05-04T13:10:00Z"},
	{"America/Caracas", "2016-05-01T05:10:00Z"},
	{"Asia/Kathmandu", "1985-12-31T17:10:00Z"},
	{"Pacific/Apia", "2011-12-30T08:10:00Z"},
	{"Antarctica/Troll", "2026-03-28T23:10:00Z"},
	{"Antarctica/Troll", "2026-10-24T22:10:00Z"},
}

// forms are expressions of which only the normal form, or the refusal, is
// compared.
var forms = []string{
	"minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "semi-annually", "biannually",
	"bi-annually", "yearly", "annually", "anually", "DAILY", "daily UTC", "weekly Europe/Sofia",
	"Mon", "Monday..FRIDAY", "Mon-Fri", "Mon,Wed..Fri,", "mON,", "Tue,Mon,Wed", "Mon..Tue", "Sat,Sun,Mon", "Mon..Sun", "Sun..Sun",
	"Sat..Mon", "Mon, Tue", "Mon,,Tue", "Mon..", "Mon-", "Mon..Wed..Fri", "Mon...Wed", "Mon.,", "Mon.Tue", "Monda", "Thurs 5:00",
	"Mon  5:00", "Mon ", "*-*-1 ", "5:00 ", "daily ", " daily", "", " ", "*", "12", "Mon 12", "daily 05:00", "UTC", "*-*-1  5:00  UTC",
	"1-1", "*-*-*", "02~03", "*~1", "*~*", "~1", "*-*~1", "*-*~28", "*-*~29", "*-*~1..3", "*-*~3..1", "*-*~3..3", "*-*~3/2",
	"*-*~7/7", "*-*~1/1", "*-*~2/1", "*-*~28/27", "*-*~1..28/27", "*-~1", "2026~1-3", "2026-1~3 5:00", "1-2-3-4", "*-*-1,~1",
	"*-*-1..7/2", "*-*-*/2", "*/2-*-*", "2003-*-05..07/1", "*-*-3/28", "*-*-3/29", "*-*-31/1", "*-*-31..1", "*-0-1", "*-13-1",
	"*-1-32", "*-1-0", "26-1-1", "99-1-1", "100-1-1", "1969-1-1", "2199-1-1", "2200-1-1", "70..99-1-1", "0..30-1-1", "99..5-1-1",
	"2026..2025-1-1", "2026/0-1-1", "1970/229-1-1", "1970/230-1-1", "2026-02-30",
	"24:00", "00:60", "00:00:60", "1,2,3:00", "1..3,5:0/15", "0/5:00", "*:*/5", "/5", ":5", "*:*:", "5../2:0", "12:30:", "1,:0", ",1:0", "1,,2:0",
	"0..0:00", "5..5/1:00", "1..3/5:00", "1..3/2:00", "1..24/2:00", "1..99/200:00", "23..1:00", "23..1/1:00", "0,12:0", "1/1:0", "*:0/5,3,3", "*:0/59", "*:0/60",
	"5 :0", "5: 0", "1:1:1:1", "0000000005:0", "4294967296:0", "99999999999999999999:0",
	"*:*:0.5", "*:*:0/0.5", "*:*:0.1234567", "*:*:0.1234564", "*:*:59.9999999", "*:*:0.0000004", "*:*:0..5.5/1.25", "*:*:0.5..2", "*:*:5..5", "*:*:5..5/1",
	"*:*:0..5/10", "*:*:0.5..1", "*:*:1.5..1.6/0.1", "*:*:5.", "*:*:.5", "*:*:5..", "*:*:0/61", "*:*:0/60", "*:*:0/59.999999", "*:*:30/30", "*:*:30/29", "*:*:0/1", "*:*:5/0",
	"0:0:0..0.5/0.25", "0.5:00", "*:*:0..59", "*:*:9999",
	"05:00 Foo/Bar", "05:00 europe/sofia", "5:00 Etc/GMT+5", "5:00 EST5EDT", "5:00 Etc/UTC", "5:00 Local", "5:00 UTC UTC", "5:00 Europe",
	"@0", "@1700000000", "@1.5", "@-5", "@", "@x", "@5 ", "@1700000000 UTC", "@1700000000 Europe/Sofia", "Mon @1700000000", "*-*-1 @5", "@7258118399", "@7258118400", "@5 5:00",
	"*-*-*T05:00", "2026-01-01T05:00:00", "0 5 * * *", "Mon *-*-1..7,3..5,2", "every day",
}
