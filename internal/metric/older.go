package metric

import (
	"github.com/bkplan/bkplan/internal/plan"
)

// olderStems are the beginnings of the names that older scripts pushed, by what they did.
var olderStems = []struct {
	stem, what string
	is         func(plan.Layer) bool
}{
	{"lvm_snapshot", "snapshots", func(l plan.Layer) bool { return l.Kind == plan.LayerSnapshot }},
	{"backup_weekly", "copies of files", func(l plan.Layer) bool { return l.Kind == plan.LayerFiles && l.From.Type == "layer" }},
	{"offsite_backup_sync", "syncs to another machine", func(l plan.Layer) bool { return l.Kind == plan.LayerSync && l.To.Kind == plan.DestinationSSH }},
}

// older gives the names that alerts of older scripts look at. Where several layers do what
// one script did, it is the layer that is furthest behind, and any that failed.
func (g gathering) older() {
	for _, old := range olderStems {
		layers := g.like(old.is)
		if len(layers) == 0 {
			continue
		}
		success, status, ran := 0.0, 0.0, false
		complete := true
		for _, l := range layers {
			at := g.lastSuccess(l)
			complete = complete && !at.IsZero()
			if s := seconds(at); success == 0 || s < success {
				success = s
			}
			turn, known := g.Past.layers[l.Name]
			ran = ran || known
			if known && !turn.success {
				status = 1
			}
		}
		if complete {
			g.one(old.stem+"_last_success_timestamp", "Of the "+old.what+", by the name that an older script gave it.", success)
		}
		if ran {
			g.one(old.stem+"_last_status", "0 when the last run of the "+old.what+" was fine, by the name that an older script gave it.", status)
		}
	}
}

// like are the layers that this version carries out and that do what is asked for.
func (g gathering) like(is func(plan.Layer) bool) []plan.LayerStatus {
	var list []plan.LayerStatus
	for _, l := range g.Plan.Layers {
		if layer, known := g.Policy.Layer(l.Name); known && l.CarriedOut && is(layer) {
			list = append(list, l)
		}
	}
	return list
}
