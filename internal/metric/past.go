package metric

import (
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/run"
)

// Past is what the records of runs tell of the last time that each thing was done.
type Past struct {
	last    *run.Record
	layers  map[string]turn
	volumes map[string]turn // by the address of a volume in a layer
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

// How far back Remember looks for all, and how far for a success of the layers that had
// none until then: one may come once a month, and others many times a day.
const (
	maxRuns    = 200
	maxActions = 50_000
	atMost     = 5
)

// Remember reads the runs of a state directory, newest first. current, which may be nil,
// is the run that is about to end. Records that cannot be read are left out, and so is a
// run that is under way and not current. It looks further back for the layers that are
// named than for others, and what was last done before that is not told.
func Remember(stateDir string, current *run.Record, layers []string) (Past, error) {
	p := Past{layers: map[string]turn{}, volumes: map[string]turn{}}
	ids, err := run.IDs(stateDir)
	if err != nil {
		return p, err
	}
	if current != nil {
		p.add(*current)
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == current.ID })
	}
	actions := 0
	for n, id := range ids[:min(len(ids), atMost*maxRuns)] {
		if (n >= maxRuns || actions > maxActions) && p.knows(layers) {
			break
		}
		record, err := run.Read(stateDir, id)
		if err != nil || record.Outcome == run.Running {
			continue
		}
		p.add(record)
		if actions += len(record.Actions); actions > atMost*maxActions {
			break
		}
	}
	return p, nil
}

// knows says whether the last run of each of the layers is known, and the last that made
// something.
func (p *Past) knows(layers []string) bool {
	return !slices.ContainsFunc(layers, func(l string) bool { return p.layers[l].made.IsZero() })
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
	for address, actions := range byVolume {
		if _, known := p.volumes[address]; !known {
			p.volumes[address] = turnOf(actions)
		}
	}
	for _, layer := range r.Layers {
		p.addLayer(r, layer, byLayer[layer])
	}
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

// turnOf sums up actions of one run: how long it was from the begin of the first to the
// end of the last, and whether all of them were done.
func turnOf(actions []run.Action) turn {
	t := turn{success: true}
	var began time.Time
	for _, a := range actions {
		t.success = t.success && a.Outcome.Fine()
		if began.IsZero() || !a.Started.IsZero() && a.Started.Before(began) {
			began = a.Started
		}
		if a.Ended.After(t.ended) {
			t.ended = a.Ended
		}
	}
	if !began.IsZero() {
		t.took = max(0, t.ended.Sub(began)) // a clock that was set back meanwhile
	}
	return t
}
