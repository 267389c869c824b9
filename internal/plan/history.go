package plan

import (
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// history is what there is of a volume in a layer.
type history struct {
	regular    []snapshot // complete, not in the future, newest first
	preRestore []snapshot
	newest     *snapshot // of regular
	suspect    *snapshot // not older than the newest complete one, and not whole
}

func newHistory(versions []snapshot, now time.Time) history {
	var h history
	for i := range versions {
		v := &versions[i]
		switch {
		case InFuture(v.time, now):
		case v.lv.Health != "":
			if h.suspect == nil && (h.newest == nil || h.newest.time.Equal(v.time)) {
				h.suspect = v
			}
		case v.preRestore:
			h.preRestore = append(h.preRestore, *v)
		default:
			h.regular = append(h.regular, *v)
			if h.newest == nil {
				h.newest = v
			}
		}
	}
	return h
}

// retained asks the retention engine which of the versions go, by name.
func retained(versions []snapshot, rules retention.Rules, ref time.Time, zone *time.Location) map[string]retention.Reason {
	list := make([]retention.Version, len(versions))
	for i, v := range versions {
		list[i] = retention.Version{Time: v.time, ID: v.lv.Name}
	}
	return going(list, rules, ref, zone)
}

// going are the versions that no rule keeps, by ID.
func going(list []retention.Version, rules retention.Rules, ref time.Time, zone *time.Location) map[string]retention.Reason {
	gone := map[string]retention.Reason{}
	for _, d := range retention.Select(list, rules, ref, zone) {
		if !d.Keep {
			gone[d.Version.ID] = d.Reasons[0]
		}
	}
	return gone
}
