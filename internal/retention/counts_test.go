package retention

import "testing"

func TestSelectCounts(t *testing.T) {
	runTable(t, []tableCase{
		{
			name: "no rules keep everything",
			want: []verdict{
				{"2026-11-21 03:00", "none"},
				{"2019-01-01 03:00", "none"},
			},
		},
		{
			name:  "a negative count is no rule",
			rules: Rules{Last: -1},
			want:  []verdict{{"2026-11-21 03:00", "none"}, {"2026-11-20 03:00", "none"}},
		},
		{name: "no versions", rules: Rules{Last: 1}},
		{
			name:  "keep_last counts versions, not days",
			rules: Rules{Last: 2},
			want: []verdict{
				{"2026-11-21 03:00", "keep_last"},
				{"2026-11-21 02:00", "keep_last"},
				{"2026-11-20 03:00", ""},
			},
		},
		{
			name:  "keep_last with fewer versions than asked for",
			rules: Rules{Last: 4},
			want:  []verdict{{"2026-11-21 03:00", "keep_last"}, {"2026-11-20 03:00", "keep_last"}},
		},
		{
			name:  "keep_hourly keeps the newest of each hour",
			rules: Rules{Hourly: 2},
			want: []verdict{
				{"2026-11-21 03:59", "keep_hourly"},
				{"2026-11-21 03:00", ""},
				{"2026-11-21 02:59", "keep_hourly"},
				{"2026-11-21 01:59", ""},
			},
		},
		{
			name:  "keep_daily ends a day at midnight of the zone",
			rules: Rules{Daily: 2},
			want: []verdict{
				{"2026-11-21 23:59:59", "keep_daily"},
				{"2026-11-21 00:00", ""},
				{"2026-11-20 23:59:59", "keep_daily"},
				{"2026-11-20 00:00", ""},
			},
		},
		{
			name:  "empty buckets do not count",
			rules: Rules{Daily: 3},
			want: []verdict{
				{"2026-11-21 03:00", "keep_daily"},
				{"2026-11-10 03:00", "keep_daily"},
				{"2026-06-01 03:00", "keep_daily"},
				{"2026-05-31 03:00", ""},
			},
		},
		{
			name:  "restic manual: twelve Sundays, keep-daily 4",
			rules: Rules{Daily: 4},
			want: []verdict{
				{"2019-11-17 11:00", "keep_daily"},
				{"2019-11-10 11:00", "keep_daily"},
				{"2019-11-03 11:00", "keep_daily"},
				{"2019-10-27 11:00", "keep_daily"},
				{"2019-10-20 11:00", ""},
				{"2019-10-13 11:00", ""},
				{"2019-10-06 11:00", ""},
				{"2019-09-29 11:00", ""},
				{"2019-09-22 11:00", ""},
				{"2019-09-15 11:00", ""},
				{"2019-09-08 11:00", ""},
				{"2019-09-01 11:00", ""},
			},
		},
		{
			name:  "the oldest stays while a bucket rule has room",
			rules: Rules{Daily: 3},
			want: []verdict{
				{"2026-11-21 15:00", "keep_daily"},
				{"2026-11-21 03:00", ""},
				{"2026-11-20 15:00", "keep_daily"},
				{"2026-11-20 09:00", ""},
				{"2026-11-20 03:00", "keep_daily*"},
			},
		},
		{
			name:  "the oldest goes once the buckets are full",
			rules: Rules{Daily: 2},
			want: []verdict{
				{"2026-11-21 15:00", "keep_daily"},
				{"2026-11-20 15:00", "keep_daily"},
				{"2026-11-20 03:00", ""},
			},
		},
		{
			name:  "the same minute twice",
			rules: Rules{Last: 1, Hourly: 1},
			want: []verdict{
				{"2026-11-21 03:00:40", "keep_last keep_hourly"},
				{"2026-11-21 03:00:10", ""},
				{"2026-11-21 02:00", ""},
			},
		},
		{
			name:  "the same instant twice: two for keep_last, one of its bucket",
			rules: Rules{Last: 2, Daily: 1},
			want: []verdict{
				{"2026-11-21 03:00", "keep_last keep_daily"},
				{"2026-11-21 03:00", "keep_last"},
				{"2026-11-21 03:00", ""},
			},
		},
		{
			name:  "mixed rules: one is enough, all are named",
			rules: Rules{Last: 1, Daily: 2, Weekly: 2, Monthly: 2, Within: hours(13)},
			want: []verdict{
				{"2026-11-21 15:00", "keep_last keep_daily keep_weekly keep_monthly keep_within"},
				{"2026-11-21 03:00", "keep_within"},
				{"2026-11-20 15:00", "keep_daily"},
				{"2026-11-19 15:00", ""},
				{"2026-11-15 15:00", "keep_weekly"},
				{"2026-10-31 15:00", "keep_monthly"},
				{"2026-10-30 15:00", ""},
			},
		},
	})
}
