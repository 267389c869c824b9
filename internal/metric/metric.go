// Package metric makes Prometheus's metrics of a run and of what it left behind, and puts
// them where Prometheus finds them. Start at Gather; Push and WriteTextfile send what it
// gives. All of a metric's truth is in what was observed after the run and in the records
// of runs: nothing is counted on the way. docs/metrics.md describes each one.
package metric

import (
	"cmp"
	"io"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// Facts are what metrics are made of.
type Facts struct {
	Policy plan.Policy
	// Observation is how the world looked after the run, and Plan what the whole policy
	// makes of it: a plan that was narrowed would leave layers out.
	Observation plan.Observation
	Plan        plan.Plan
	// Past are the runs, as Remember has read them.
	Past    Past
	Version string // of bkplan
}

// Gather makes the metrics, in order of their names. None has a label job or instance:
// who sends them adds those.
func Gather(f Facts) []*dto.MetricFamily {
	g := gathering{Facts: f, families: families{}}
	g.one("bkplan_build_info", "The version of bkplan that made these metrics; always 1.", 1, "version", f.Version)
	g.one("bkplan_policy_info", "The digest of the policy that was applied; always 1.", 1, "digest", f.Policy.Digest)
	g.lastRun()
	for _, l := range f.Plan.Layers {
		if l.CarriedOut {
			g.layer(l)
		}
	}
	g.volumes()
	g.pools()
	g.destinations()
	g.drift()
	if f.Policy.Metrics.OlderNames {
		g.older()
	}
	return g.list()
}

type gathering struct {
	Facts
	families
}

func (g gathering) lastRun() {
	if last := g.Past.last; last != nil {
		g.one("bkplan_last_run_timestamp_seconds", "When the last apply ended.", seconds(last.Ended))
		g.one("bkplan_last_run_success", "1 when nothing of the last apply failed, was blocked or was left out.", truth(last.Outcome == run.Succeeded))
	}
}

// layer makes the metrics of a layer that this version carries out.
func (g gathering) layer(l plan.LayerStatus) {
	labels := []string{"kind", l.Kind, "layer", l.Name}
	if success := g.lastSuccess(l); !success.IsZero() {
		g.one("bkplan_layer_last_success_timestamp_seconds", "The time of the newest version of the volume that is furthest behind; of a sync the start of the last whole one.", seconds(success), labels...)
	}
	if turn, ran := g.Past.layers[l.Name]; ran {
		g.one("bkplan_layer_last_run_timestamp_seconds", "When the last run ended that was to carry the layer out.", seconds(turn.ended), labels...)
		g.one("bkplan_layer_last_run_success", "1 when nothing of the layer failed, was blocked or was left out in that run.", truth(turn.success), labels...)
		g.one("bkplan_layer_last_run_duration_seconds", "How long that run worked on the layer.", turn.took.Seconds(), labels...)
	}
	g.drills(l, labels)
	g.holdings(l.Name, labels)
	if !l.VolumesUnknown {
		g.one("bkplan_layer_volumes", "Volumes that the layer covers.", float64(l.Volumes), labels...)
	}
	if !l.VersionsUnknown {
		g.one("bkplan_layer_versions", "Versions that the layer holds.", float64(l.Versions), labels...)
	}
	g.one("bkplan_layer_blocked_actions", "Actions that are due and blocked; 1 when the layer as a whole is.", float64(g.blocked(l)), labels...)
	g.one("bkplan_layer_suspect_versions", "Versions of the layer that look wrong.", float64(g.suspect(l.Name)), labels...)
}

// holdings are what the layer has of all its volumes.
func (g gathering) holdings(layer string, labels []string) {
	var files, bytes int64
	var oldest time.Time
	proven := false
	for _, h := range g.Plan.Holdings {
		if h.Layer != layer {
			continue
		}
		if !h.Oldest.IsZero() && (oldest.IsZero() || h.Oldest.Before(oldest)) {
			oldest = h.Oldest
		}
		if h.Proven {
			proven, files, bytes = true, files+h.Files, bytes+h.Bytes
		}
	}
	if !oldest.IsZero() {
		g.one("bkplan_layer_oldest_version_timestamp_seconds", "The time of the oldest complete version's data.", seconds(oldest), labels...)
	}
	if proven {
		g.one("bkplan_layer_files", "Files in the newest versions of all volumes, by their receipts.", float64(files), labels...)
		g.one("bkplan_layer_bytes", "Bytes in the newest versions of all volumes, by their receipts.", float64(bytes), labels...)
	}
}

// drills are of layers that have something to restore. One volume whose newest drill
// failed is enough, as long as there is something of it.
func (g gathering) drills(l plan.LayerStatus, labels []string) {
	if layer, _ := g.Policy.Layer(l.Name); !g.Policy.CanRestore(layer) {
		return
	}
	last, tried, good := 0.0, false, true
	for _, d := range g.Past.drills {
		if d.Layer != l.Name || d.Good.IsZero() && d.Error == "" { // which could not be tried yet
			continue
		}
		tried = true
		if !d.Good.IsZero() {
			last = max(last, seconds(d.Good))
		}
		holds := func(h plan.Holding) bool { return h.Layer == l.Name && h.Volume == d.Volume }
		if d.Error != "" && (l.Blocked != nil || slices.ContainsFunc(g.Plan.Holdings, holds)) {
			good = false
		}
	}
	g.one("bkplan_layer_last_drill_timestamp_seconds", "When a restore drill last proved a version of the layer; 0 when none ever did.", last, labels...)
	if tried {
		g.one("bkplan_layer_last_drill_success", "1 when the newest restore drill of each of its volumes came out well.", truth(good), labels...)
	}
}

// lastSuccess is what the world shows. Where it could not be looked at, it is what the
// records tell.
func (g gathering) lastSuccess(l plan.LayerStatus) time.Time {
	if l.Blocked != nil {
		return g.Past.layers[l.Name].made
	}
	return g.Plan.LastSuccess(l.Name)
}

func (g gathering) blocked(l plan.LayerStatus) int {
	n := 0
	if l.Blocked != nil {
		n = 1
	}
	for _, a := range g.Plan.Actions {
		if a.Layer == l.Name && a.Blocked != nil {
			n++
		}
	}
	return n
}

func (g gathering) suspect(layer string) int {
	n := 0
	for _, d := range g.Plan.Drift {
		if d.Kind == plan.Suspect && d.Layer == layer {
			n++
		}
	}
	return n
}

// volumes makes the metrics of each volume in each layer that covers it.
func (g gathering) volumes() {
	holdings := slices.SortedFunc(slices.Values(g.Plan.Holdings), func(a, b plan.Holding) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Volume, b.Volume))
	})
	blocked, suspect := map[string]int{}, map[string]int{}
	for _, a := range g.Plan.Actions {
		if a.Blocked != nil {
			blocked[plan.Address(a.Layer, a.Volume)]++
		}
	}
	for _, d := range g.Plan.Drift {
		if d.Kind == plan.Suspect {
			suspect[plan.Address(d.Layer, d.Name)]++
		}
	}
	for _, h := range holdings {
		labels := []string{"layer", h.Layer, "volume", label(h.Volume)}
		g.one("bkplan_volume_versions", "Versions of the volume that the layer holds.", float64(h.Versions), labels...)
		if !h.Newest.IsZero() {
			g.one("bkplan_volume_last_success_timestamp_seconds", "The time of the newest complete version's data.", seconds(h.Newest), labels...)
		}
		if !h.Oldest.IsZero() {
			g.one("bkplan_volume_oldest_version_timestamp_seconds", "The time of the oldest complete version's data.", seconds(h.Oldest), labels...)
		}
		if h.Proven {
			g.one("bkplan_volume_files", "Files in the newest version, by its receipt.", float64(h.Files), labels...)
			g.one("bkplan_volume_bytes", "Bytes in the newest version, by its receipt.", float64(h.Bytes), labels...)
		}
		if n := blocked[plan.Address(h.Layer, h.Volume)]; n > 0 {
			g.one("bkplan_volume_blocked_actions", "Actions for the volume that are due and blocked; there only while there are any.", float64(n), labels...)
		}
		if n := suspect[plan.Address(h.Layer, h.Volume)]; n > 0 {
			g.one("bkplan_volume_suspect_versions", "Versions of the volume that look wrong; there only while there are any.", float64(n), labels...)
		}
		if turn, ran := g.Past.volumes[plan.Address(h.Layer, h.Volume)]; ran {
			g.one("bkplan_volume_last_run_timestamp_seconds", "When the last run was done with the volume that had something to do for it.", seconds(turn.ended), labels...)
			g.one("bkplan_volume_last_run_success", "1 when nothing failed, was blocked or was left out in the last run that had something to do for the volume.", truth(turn.success), labels...)
			g.one("bkplan_volume_last_run_duration_seconds", "How long that run worked on the volume.", turn.took.Seconds(), labels...)
		}
	}
}

// Write writes the metrics as text, as Prometheus reads it.
func Write(w io.Writer, list []*dto.MetricFamily) error {
	encoder := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range list {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}
