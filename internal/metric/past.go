package metric

import (
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/drill"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/run"
)

// Past is what the records of runs tell of the last time that each thing was done.
type Past struct {
	last    *run.Record
	layers  map[string]turn
	volumes map[string]turn // by the address of a volume in a layer
	drills  []drill.Drill
}

// turn is what one run did for a layer or a volume.
type turn struct {
	ended   time.Time
	took    time.Duration
	success bool
	// made is when the newest run began that had something to make in the layer, and made
	// all of it; zero when that is not known.
	made time.Time
}

// How far back Remember reads for what was last done for a volume, and for when a layer
// was last made. For a layer's last run it goes as far as there are records.
const (
	maxRuns    = 200
	maxActions = 50_000
)

// maxRecords is more than are kept.
const maxRecords = 2000

// Remember reads the runs of a state directory, newest first. current, which may be nil,
// is the run that is about to end. Records that cannot be read are left out, and so are a
// run that is under way and not current, and runs that began after now: they would be the
// newest ones until then.
func Remember(stateDir string, current *run.Record, now time.Time) (Past, error) {
	p := Past{layers: map[string]turn{}, volumes: map[string]turn{}}
	p.drills, _ = drill.Read(stateDir) // what cannot be read proves nothing; `bkplan drill` says what is wrong
	begun, err := run.Newest(stateDir, maxRecords)
	if err != nil {
		return p, err
	}
	if current != nil {
		p.add(*current)
		begun = slices.DeleteFunc(begun, func(r run.Record) bool { return r.ID == current.ID })
	}
	begun = slices.DeleteFunc(begun, func(r run.Record) bool { return plan.InFuture(r.Started, now) })
	actions := 0
	for i, r := range begun {
		if (i >= maxRuns || actions > maxActions) && !slices.ContainsFunc(r.Layers, func(l string) bool { return p.lacks(l, actions) }) {
			continue
		}
		record, err := run.Read(stateDir, r.ID)
		if err != nil || record.Outcome == run.Running {
			continue
		}
		p.add(record)
		actions += len(record.Actions)
	}
	return p, nil
}

// lacks says whether a layer's last run is not known yet, or not when it was last made;
// the latter is looked for in so many actions.
func (p *Past) lacks(layer string, actions int) bool {
	t, known := p.layers[layer]
	return !known || t.made.IsZero() && actions <= maxActions
}

// add takes from a run what no newer one has told.
func (p *Past) add(r run.Record) {
	if p.last == nil && !r.Ended.IsZero() {
		p.last = &r
	}
	byLayer, byVolume := map[string][]run.Action{}, map[string][]run.Action{}
	for _, a := range r.Actions {
		layer, _, _ := strings.Cut(strings.TrimPrefix(a.Address, "layer."), "[")
		byLayer[layer] = append(byLayer[layer], a)
		byVolume[a.Address] = append(byVolume[a.Address], a)
	}
	for _, a := range leftByDeath(r) {
		byVolume[a.Address] = append(byVolume[a.Address], a)
	}
	for address, actions := range byVolume {
		if _, known := p.volumes[address]; !known {
			p.volumes[address] = turnOf(actions)
		}
	}
	for _, layer := range r.Layers {
		p.addLayer(r, layer, byLayer[layer])
	}
}

// leftByDeath is what a run that was killed did not get to the end of.
func leftByDeath(r run.Record) []run.Action {
	if !r.Ended.IsZero() {
		return nil
	}
	ended := map[string]bool{}
	for _, a := range r.Actions {
		ended[a.ID] = true
	}
	var left []run.Action
	for _, s := range r.Plan {
		if !ended[s.ID] {
			left = append(left, run.Action{ID: s.ID, Kind: s.Kind, Address: plan.Address(s.Layer, s.Volume), Outcome: run.Canceled})
		}
	}
	return left
}

func (p *Past) addLayer(r run.Record, layer string, actions []run.Action) {
	t := turnOf(actions)
	t.success = t.success && !r.Ended.IsZero() && !r.IsBlocked(layer)
	if t.success && slices.ContainsFunc(actions, makes) {
		t.made = r.Started
	}
	known, older := p.layers[layer]
	switch {
	case !older:
		if !r.Ended.IsZero() {
			t.ended = r.Ended
		} else if t.ended.IsZero() {
			t.ended = r.Started
		}
		p.layers[layer] = t
	case known.made.IsZero():
		known.made = t.made
		p.layers[layer] = known
	}
}

// makes says whether an action has made a version, or brought one up to date.
func makes(a run.Action) bool {
	return a.Outcome == run.Done && (a.Kind == "create" || a.Kind == "refresh" || a.Kind == "sync")
}

// turnOf sums up actions of one run: how long it worked on them, and whether all of them
// were done. Some may go side by side, so it is the time from the begin of the first to
// the end of the last; but where the clock was set meanwhile, or the run was busy with
// something else in between, what each took by itself counts.
func turnOf(actions []run.Action) turn {
	t := turn{success: true}
	var began time.Time
	var longest, sum time.Duration
	for _, a := range actions {
		longest, sum = max(longest, a.Took()), sum+a.Took()
		t.success = t.success && a.Outcome.Fine()
		if began.IsZero() || !a.Started.IsZero() && a.Started.Before(began) {
			began = a.Started
		}
		if a.Ended.After(t.ended) {
			t.ended = a.Ended
		}
	}
	if t.took = t.ended.Sub(began); t.took < longest || t.took > sum {
		t.took = sum
	}
	return t
}
