package retention

import "testing"

func TestSelectCalendar(t *testing.T) {
	runTable(t, []tableCase{
		{
			name:  "a day of 23 hours",
			rules: Rules{Daily: 2},
			want: []verdict{
				{"2026-03-30 00:00", "keep_daily"},
				{"2026-03-29 23:59", "keep_daily"},
				{"2026-03-29 00:00", ""},
			},
		},
		{
			name:  "a day of 25 hours",
			rules: Rules{Daily: 2},
			want: []verdict{
				{"2026-10-25 23:59", "keep_daily"},
				{"2026-10-25 00:00", ""},
				{"2026-10-24 23:59", "keep_daily"},
				{"2026-10-24 22:59", ""},
			},
		},
		{
			name:  "the hour that happens twice is one hour",
			rules: Rules{Hourly: 3},
			want: []verdict{
				{"2026-10-25T04:10:00+02:00", "keep_hourly"},
				{"2026-10-25T03:10:00+02:00", "keep_hourly"},
				{"2026-10-25T03:50:00+03:00", ""},
				{"2026-10-25T02:50:00+03:00", "keep_hourly"},
				{"2026-10-25T01:50:00+03:00", ""},
			},
		},
		{
			name:  "a version's own offset does not move it to another day",
			rules: Rules{Daily: 1},
			want: []verdict{
				{"2026-11-20T23:30:00Z", "keep_daily"},
				{"2026-11-20T22:30:00Z", ""},
				{"2026-11-20T21:30:00Z", ""},
			},
		},
		{
			name:  "New Year: 2027-01-01 to 03 belong to ISO week 2026-W53",
			rules: Rules{Weekly: 3},
			want: []verdict{
				{"2027-01-04 05:00", "keep_weekly"},
				{"2027-01-03 05:00", "keep_weekly"},
				{"2027-01-01 05:00", ""},
				{"2026-12-31 05:00", ""},
				{"2026-12-28 05:00", ""},
				{"2026-12-27 05:00", "keep_weekly"},
				{"2026-12-21 05:00", ""},
			},
		},
		{
			name:  "New Year: 2025-12-29 belongs to ISO week 2026-W01, and to the year 2025",
			rules: Rules{Weekly: 2, Yearly: 2},
			want: []verdict{
				{"2026-01-02 05:00", "keep_weekly keep_yearly"},
				{"2025-12-29 05:00", "keep_yearly"},
				{"2025-12-28 05:00", "keep_weekly"},
				{"2025-12-22 05:00", ""},
			},
		},
		{
			name:  "weeks begin on Monday",
			rules: Rules{Weekly: 2},
			want: []verdict{
				{"2026-11-22 23:59", "keep_weekly"},
				{"2026-11-16 00:00", ""},
				{"2026-11-15 23:59", "keep_weekly"},
				{"2026-11-15 00:00", ""},
			},
		},
		{
			name:  "a leap day ends its month",
			rules: Rules{Monthly: 2},
			want: []verdict{
				{"2028-03-01 03:00", "keep_monthly"},
				{"2028-02-29 03:00", "keep_monthly"},
				{"2028-02-28 03:00", ""},
				{"2028-01-31 03:00", ""},
			},
		},
		{
			name:  "keep_within over a leap day",
			rules: Rules{Within: days(2)},
			want: []verdict{
				{"2028-03-01 03:00", "keep_within"},
				{"2028-02-28 03:01", "keep_within"},
				{"2028-02-28 03:00", ""},
			},
		},
	})
}
