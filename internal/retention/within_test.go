package retention

import "testing"

func TestSelectWithin(t *testing.T) {
	runTable(t, []tableCase{
		{
			name:  "exactly as old as the span goes",
			rules: Rules{Within: days(7)},
			want: []verdict{
				{"2026-11-21 03:00:00", "keep_within"},
				{"2026-11-14 03:00:01", "keep_within"},
				{"2026-11-14 03:00:00", ""},
			},
		},
		{
			name:  "a host that slept loses nothing",
			rules: Rules{Within: days(7)},
			want: []verdict{
				{"2026-05-03 03:00", "keep_within"},
				{"2026-05-02 03:00", "keep_within"},
				{"2026-04-27 03:00", "keep_within"},
				{"2026-04-25 03:00", ""},
			},
		},
		{
			name:  "an orphan ages out against the clock",
			rules: Rules{Within: days(7)},
			ref:   "2026-05-10 02:00",
			want: []verdict{
				{"2026-05-03 03:00", "keep_within"},
				{"2026-05-02 03:00", ""},
			},
		},
		{
			name:  "an orphan of long ago is gone altogether",
			rules: Rules{Within: days(7), WithinMonthly: days(30)},
			ref:   "2026-11-21 03:00",
			want:  []verdict{{"2026-05-03 03:00", ""}, {"2026-05-02 03:00", ""}},
		},
		{
			name:  "versions after the reference stay",
			rules: Rules{Within: days(1)},
			ref:   "2026-11-20 03:00",
			want:  []verdict{{"2026-11-22 03:00", "keep_within"}, {"2026-11-19 03:00", ""}},
		},
		{
			name:  "days are calendar days: 7d across the end of summer time are 169 hours",
			rules: Rules{Within: days(7)},
			want: []verdict{
				{"2026-10-28 03:00", "keep_within"},
				{"2026-10-21 03:30", "keep_within"},
				{"2026-10-21 03:00", ""},
			},
		},
		{
			name:  "hours are absolute: 168h across the end of summer time",
			rules: Rules{Within: hours(168)},
			want: []verdict{
				{"2026-10-28 03:00", "keep_within"},
				{"2026-10-21 04:01", "keep_within"},
				{"2026-10-21 04:00", ""},
				{"2026-10-21 03:30", ""},
			},
		},
		{
			name:  "keep_within_daily keeps the newest of each day inside",
			rules: Rules{WithinDaily: days(2)},
			want: []verdict{
				{"2026-11-21 15:00", "keep_within_daily"},
				{"2026-11-21 03:00", ""},
				{"2026-11-20 15:00", "keep_within_daily"},
				{"2026-11-19 15:01", "keep_within_daily"},
				{"2026-11-19 15:00", ""},
			},
		},
		{
			name:  "the oldest stays while it is inside a span",
			rules: Rules{WithinDaily: days(2)},
			want: []verdict{
				{"2026-11-21 15:00", "keep_within_daily"},
				{"2026-11-21 09:00", ""},
				{"2026-11-21 03:00", "keep_within_daily*"},
			},
		},
		{
			name: "a span for each period",
			rules: Rules{
				WithinHourly: hours(2), WithinDaily: days(2), WithinWeekly: days(14),
				WithinMonthly: days(60), WithinYearly: days(400),
			},
			want: []verdict{
				{"2026-11-21 15:30", "keep_within_hourly keep_within_daily keep_within_weekly keep_within_monthly keep_within_yearly"},
				{"2026-11-21 14:30", "keep_within_hourly"},
				{"2026-11-21 14:10", ""},
				{"2026-11-20 15:30", "keep_within_daily"},
				{"2026-11-15 15:30", "keep_within_weekly"},
				{"2026-10-31 15:30", "keep_within_monthly"},
				{"2026-09-30 15:30", "keep_within_monthly"},
				{"2025-12-31 15:30", "keep_within_yearly"},
				{"2024-12-31 15:30", ""},
			},
		},
	})
}
