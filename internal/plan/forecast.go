package plan

import (
	"slices"
	"time"
)

// Room is how much was free at a destination when a run began.
type Room struct {
	Place string    `json:"place"`
	Time  time.Time `json:"time"`
	Size  int64     `json:"size_bytes"`
	Free  int64     `json:"free_bytes"`
}

// A forecast needs so many looks over so long a time, and none older than that.
const (
	forecastLooks = 4
	forecastOver  = 7 * 24 * time.Hour
	forecastSince = 120 * 24 * time.Hour
	// forecastFar is how far ahead a forecast is worth anything.
	forecastFar = 10 * 365 * 24 * time.Hour
)

// forecast tells by how many bytes a day a destination fills, and the day on which
// nothing will be free at that rate: the straight line that fits best through what
// the runs saw, from what is free now. Both are zero where that cannot be told, and
// the day where it does not fill.
func forecast(history []Room, fs FileSystem, place string, now time.Time) (perDay int64, full time.Time) {
	looks := keep(history, func(r Room) bool {
		return r.Place == place && r.Size == fs.Size && !r.Time.After(now) && now.Sub(r.Time) <= forecastSince
	})
	looks = append(looks, Room{Place: place, Time: now, Size: fs.Size, Free: fs.Free})
	slices.SortFunc(looks, func(a, b Room) int { return a.Time.Compare(b.Time) })
	first := looks[0].Time
	if len(looks) < forecastLooks || now.Sub(first) < forecastOver {
		return 0, time.Time{}
	}
	var t, used, tt, tu float64
	for _, r := range looks {
		x, y := r.Time.Sub(first).Hours()/24, float64(r.Size-r.Free)
		t, used, tt, tu = t+x, used+y, tt+x*x, tu+x*y
	}
	n := float64(len(looks))
	spread := n*tt - t*t
	if spread <= 0 {
		return 0, time.Time{}
	}
	slope := (n*tu - t*used) / spread
	if slope < 1 {
		return min(0, int64(slope)), time.Time{}
	}
	days := float64(fs.Free) / slope
	if days > forecastFar.Hours()/24 {
		return int64(slope), time.Time{}
	}
	return int64(slope), now.Add(time.Duration(days * 24 * float64(time.Hour))).Truncate(time.Hour)
}
