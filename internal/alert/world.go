package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// world is a history of all metrics, against which rules are proven.
type world int

const (
	healthy   world = iota // all runs do all they should
	neglected              // one run did nothing right, and none came after it
	empty                  // no metric at all
)

// proof says when a rule fires: in one world, once its expression is true and For
// has passed; and never in the others.
type proof struct {
	world world
	also  world         // a second one in which it fires, from the beginning and without series
	after time.Duration // how old the world is when the expression becomes true
	// brings are the labels of the series that it fires for; nil where these have none.
	brings []map[string]string
	value  func(at time.Duration) float64
}

func age(at time.Duration) float64 { return at.Seconds() }

func constant(value float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return value }
}

const (
	someVolume = "namespace/claim"
	farAhead   = 100 * 365 * 24 * time.Hour
	almost     = 0.99 // full
)

// history is a series as promtool's tests write it: a value, and by how much it
// grows with each sample.
type history struct {
	metric      string
	labels      map[string]string
	begin, step float64
}

// histories are all series of a policy's metrics in a world, with samples so far
// apart.
func histories(p plan.Policy, w world, apart time.Duration) []history {
	if w == empty {
		return nil
	}
	b := builder{policy: p}
	good := w == healthy
	pace := pick(good, apart.Seconds(), 0)
	all := []history{{LastRun, nil, 0, pace}}
	for _, kind := range []plan.DriftKind{
		plan.Unprotected, plan.Stale, plan.Orphaned, plan.Suspect, plan.Foreign, plan.Missing, plan.UnknownKind,
	} {
		all = append(all, history{Drift, map[string]string{"kind": string(kind)}, pick(good, 0, 1), 0})
	}
	for _, l := range p.Layers {
		all = append(all, b.layerHistories(l, good, pace)...)
	}
	for _, pool := range b.poolLabels() {
		all = append(all,
			history{PoolDataUsed, pool, pick(good, 0.3, almost), 0}, history{PoolMetadataUsed, pool, pick(good, 0.3, almost), 0},
			history{PoolObserved, pool, pick(good, 1, 0), 0})
	}
	for _, to := range b.destinationLabels() {
		all = append(all,
			history{DestinationSize, to, 100, 0}, history{DestinationFree, to, pick(good, 70, 1), 0},
			history{DestinationInodes, to, 100, 0}, history{DestinationFreeInodes, to, pick(good, 70, 1), 0},
			history{DestinationFull, to, pick(good, farAhead.Seconds(), 0), pace}, history{DestinationObserved, to, pick(good, 1, 0), 0})
	}
	for i, h := range all {
		if _, own := h.labels["instance"]; own || p.Alerts.Instance == "" {
			continue
		}
		all[i].labels = map[string]string{"instance": p.Alerts.Instance}
		maps.Copy(all[i].labels, h.labels)
	}
	return all
}

// ahead is the instance whose clock is wrong.
func (b builder) ahead() string { return cmp.Or(b.policy.Alerts.Instance, "ahead") + ":9100" }

func (b builder) layerHistories(l plan.Layer, good bool, pace float64) []history {
	layer := map[string]string{"layer": l.Name, "kind": l.Kind}
	volume := map[string]string{"layer": l.Name, "volume": someVolume}
	all := []history{
		{LayerLastSuccess, layer, 0, pace},
		{LayerLastRunSuccess, layer, pick(good, 1, 0), 0},
		{LayerSuspect, layer, pick(good, 0, 1), 0},
		{VolumeVersions, volume, pick(good, 4, 0), 0},
	}
	all = append(all, b.drillHistories(l, good, pace)...)
	if !l.IntegritySchedule.IsZero() {
		all = append(all, history{LayerIntegrity, layer, pick(good, 1, 0), 0})
	}
	if !good {
		wrong := maps.Clone(layer)
		wrong["instance"] = b.ahead()
		all = append(all, history{LayerLastSuccess, wrong, farAhead.Seconds(), 0})
	}
	return all
}

func pick(good bool, yes, no float64) float64 {
	if good {
		return yes
	}
	return no
}

// series is the name and the labels.
func (h history) series() string {
	var matchers []string
	for _, name := range slices.Sorted(maps.Keys(h.labels)) {
		matchers = append(matchers, equals(name, h.labels[name]))
	}
	return selector(h.metric, matchers...)
}

// values are so many samples.
func (h history) values(samples int) string {
	return strings.ReplaceAll(fmt.Sprintf("%f+%fx%d", h.begin, h.step, samples), ".000000", "")
}
