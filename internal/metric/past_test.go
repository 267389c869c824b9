package metric

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/run"
)

var night = time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)

// begin begins the record of a run, so many hours after the night.
func begin(t *testing.T, dir string, hours int, record run.Record, actions []run.Action) (*run.Writer, run.Record) {
	t.Helper()
	record.Started = night.Add(time.Duration(hours) * time.Hour)
	w, record, err := run.Begin(dir, record)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range actions {
		w.Action(a)
	}
	return w, record
}

// keep writes the record of a run.
func keep(t *testing.T, dir string, hours int, record run.Record, actions []run.Action, outcome run.Outcome) run.Record {
	t.Helper()
	w, record := begin(t, dir, hours, record, actions)
	var failure error
	if outcome != run.Succeeded {
		failure = errors.New("not everything was done")
	}
	if err := errors.Join(w.End(record.Started.Add(30*time.Minute), outcome, failure), w.Close()); err != nil {
		t.Fatal(err)
	}
	return record
}

// action ran from so many minutes after the night for so many.
func action(kind, layer, volume string, outcome run.Outcome, from, minutes int) run.Action {
	began := night.Add(time.Duration(from) * time.Minute)
	return run.Action{
		ID: kind + volume, Kind: kind, Address: "layer." + layer + `["` + volume + `"]`, Outcome: outcome,
		Started: began, Ended: began.Add(time.Duration(minutes) * time.Minute),
	}
}

func remember(t *testing.T, dir string, current *run.Record) Past {
	t.Helper()
	p, err := Remember(dir, current, night.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each layer's last run is its own: that of another one, of the same night or later, is
// not. What was done for a volume is told by the run that did something for it.
func TestEachLayerHasItsOwnLastRun(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"weekly", "sqlite"}}, []run.Action{
		action("create", "weekly", "a", run.Done, 1, 10),
		action("create", "weekly", "b", run.Failed, 2, 20),
		action("create", "sqlite", "a", run.Done, 22, 1),
	}, run.Failed)
	keep(t, dir, 1, run.Record{Layers: []string{"offsite"}}, nil, run.Succeeded)
	p := remember(t, dir, nil)
	if p.last == nil || p.last.Outcome != run.Succeeded || !p.last.Ended.Equal(night.Add(90*time.Minute)) {
		t.Errorf("%+v", p.last)
	}
	ended := night.Add(30 * time.Minute)
	for name, want := range map[string]turn{
		"weekly":  {ended: ended, took: 21 * time.Minute},
		"sqlite":  {ended: ended, took: time.Minute, success: true, made: night},
		"offsite": {ended: night.Add(90 * time.Minute), success: true},
	} {
		if got := p.layers[name]; got != want {
			t.Errorf("layer.%s: %+v, want %+v", name, got, want)
		}
	}
	if a, b := p.volumes[`layer.weekly["a"]`], p.volumes[`layer.weekly["b"]`]; !a.success || a.took != 10*time.Minute || b.success || b.took != 20*time.Minute {
		t.Errorf("%+v, %+v", a, b)
	}
	// The run of this night that ends now is newer than all that is written.
	current := run.Record{ID: "x", Started: night.Add(2 * time.Hour), Ended: night.Add(3 * time.Hour), Layers: []string{"weekly"}, Outcome: run.Succeeded,
		Actions: []run.Action{action("create", "weekly", "b", run.Done, 121, 5)}}
	p = remember(t, dir, &current)
	if got, want := p.layers["weekly"], (turn{ended: current.Ended, took: 5 * time.Minute, success: true, made: current.Started}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if !p.volumes[`layer.weekly["b"]`].success || p.last.ID != "x" {
		t.Errorf("%+v", p)
	}
}

// Whatever is not done makes a layer's run no success: a script once said "success" of
// what it had left out.
func TestWhatIsLeftOutIsNoSuccess(t *testing.T) {
	for _, outcome := range []run.Outcome{run.Failed, run.Skipped, run.Blocked, run.Canceled} {
		dir := t.TempDir()
		keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, []run.Action{action("create", "weekly", "a", run.Done, 0, 1), action("prune", "weekly", "b", outcome, 0, 0)}, run.Failed)
		if p := remember(t, dir, nil); p.layers["weekly"].success || p.volumes[`layer.weekly["b"]`].success || !p.layers["weekly"].made.IsZero() {
			t.Errorf("%s: %+v", outcome, p)
		}
	}
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"weekly"}, BlockedLayers: []run.BlockedLayer{{Layer: "weekly"}}}, nil, run.Failed)
	if remember(t, dir, nil).layers["weekly"].success {
		t.Error("a layer that was blocked is a success")
	}
}

// A run that was killed did not succeed, as far as it came. One that is under way says
// nothing yet.
func TestARunThatWasKilled(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, []run.Action{action("create", "weekly", "a", run.Done, 0, 10)}, run.Succeeded)
	w, _ := begin(t, dir, 24, run.Record{Layers: []string{"weekly"}}, []run.Action{action("create", "weekly", "a", run.Done, 24*60, 10)})
	if p := remember(t, dir, nil); !p.layers["weekly"].success || !p.last.Started.Equal(night) {
		t.Errorf("%+v", p)
	}
	if err := w.Close(); err != nil { // as the kernel does when its process dies
		t.Fatal(err)
	}
	next := run.Record{ID: "x", Started: night.Add(25 * time.Hour), Ended: night.Add(25 * time.Hour), Layers: []string{"offsite"}, Outcome: run.Succeeded}
	p := remember(t, dir, &next)
	if got, want := p.layers["weekly"], (turn{ended: night.Add(24*time.Hour + 10*time.Minute), took: 10 * time.Minute, made: night}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A clock that was set back while an action ran gives no negative time.
func TestAClockThatJumpsBack(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, []run.Action{action("create", "weekly", "a", run.Done, 60, -30)}, run.Succeeded)
	if took := remember(t, dir, nil).layers["weekly"].took; took != 0 {
		t.Errorf("%s", took)
	}
}

// What a run did took as long as it took by the clock that nobody sets; what went side by
// side is not counted twice, and what another layer did in between is not counted.
func TestTookIsWhatWasWorked(t *testing.T) {
	jumped := action("create", "weekly", "a", run.Done, 0, 190) // three hours ahead, in mid-copy
	jumped.Seconds = 600
	for name, c := range map[string]struct {
		actions []run.Action
		want    time.Duration
	}{
		"one after the other": {[]run.Action{action("create", "weekly", "a", run.Done, 0, 10), action("create", "weekly", "b", run.Done, 10, 5)}, 15 * time.Minute},
		"side by side":        {[]run.Action{action("create", "weekly", "a", run.Done, 0, 10), action("create", "weekly", "b", run.Done, 1, 10)}, 11 * time.Minute},
		"with a gap":          {[]run.Action{action("create", "weekly", "a", run.Done, 0, 10), action("prune", "weekly", "b", run.Done, 60, 1)}, 11 * time.Minute},
		"a clock set ahead":   {[]run.Action{jumped, action("create", "weekly", "b", run.Done, 190, 5)}, 15 * time.Minute},
	} {
		dir := t.TempDir()
		keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, c.actions, run.Succeeded)
		if took := remember(t, dir, nil).layers["weekly"].took; took != c.want {
			t.Errorf("%s: %s, want %s", name, took, c.want)
		}
	}
}

func TestDamagedRecordsAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, nil, run.Succeeded)
	damaged := keep(t, dir, 1, run.Record{Layers: []string{"weekly"}}, nil, run.Succeeded)
	if err := os.WriteFile(filepath.Join(dir, "runs", damaged.ID+".jsonl"), []byte("\x00\x00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := remember(t, dir, nil); !p.layers["weekly"].success || !p.last.Started.Equal(night) {
		t.Errorf("%+v", p)
	}
	if p := remember(t, t.TempDir(), nil); p.last != nil || len(p.layers) > 0 {
		t.Errorf("%+v", p)
	}
}

// A layer that runs seldom is not forgotten for those that run often: its failure would
// look mended.
func TestALayerThatRunsSeldomIsNotForgotten(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"yearly"}}, []run.Action{action("create", "yearly", "a", run.Done, 0, 1)}, run.Succeeded)
	keep(t, dir, 1, run.Record{Layers: []string{"yearly"}}, []run.Action{action("create", "yearly", "a", run.Failed, 0, 1)}, run.Failed)
	for h := 2; h < maxRuns+4; h++ {
		keep(t, dir, h, run.Record{Layers: []string{"hourly"}}, nil, run.Succeeded)
	}
	told := func() {
		t.Helper()
		if got, known := remember(t, dir, nil).layers["yearly"]; !known || got.success || !got.made.Equal(night) {
			t.Errorf("%+v, %v", got, known)
		}
	}
	told()
	keepOf := run.Keep{Always: 1, Most: maxRuns, Age: 10_000 * time.Hour, Layers: []string{"hourly", "yearly"}}
	if removed, err := run.Prune(dir, night.AddDate(0, 1, 0), keepOf); err != nil || len(removed) == 0 {
		t.Fatal(removed, err)
	}
	told()
}

// A clock that was ahead leaves a record that would be the newest for years.
func TestARunOfTheFutureHidesNone(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 4*365*24, run.Record{Layers: []string{"weekly"}}, []run.Action{action("create", "weekly", "a", run.Done, 0, 1)}, run.Succeeded)
	keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, []run.Action{action("create", "weekly", "a", run.Failed, 0, 1)}, run.Failed)
	p := remember(t, dir, nil)
	if p.layers["weekly"].success || p.volumes[`layer.weekly["a"]`].success || p.last.Outcome != run.Failed {
		t.Errorf("%+v", p)
	}
}

// What a killed run did not get to the end of was no success of its volume.
func TestARunThatWasKilledIsNoSuccessOfWhatItWasAt(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"weekly"}}, []run.Action{
		action("create", "weekly", "a", run.Done, 0, 1), action("create", "weekly", "b", run.Done, 0, 1), action("create", "weekly", "c", run.Done, 0, 1),
	}, run.Succeeded)
	var steps []run.Step
	for _, volume := range []string{"a", "b", "c"} {
		steps = append(steps, run.Step{ID: "create" + volume, Kind: "create", Layer: "weekly", Volume: volume})
	}
	w, _ := begin(t, dir, 24, run.Record{Layers: []string{"weekly"}, Plan: steps}, []run.Action{action("create", "weekly", "a", run.Done, 24*60, 1)})
	w.Start(night.Add(25*time.Hour), "createb")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p := remember(t, dir, nil)
	for volume, want := range map[string]bool{"a": true, "b": false, "c": false} {
		if got := p.volumes[`layer.weekly["`+volume+`"]`].success; got != want {
			t.Errorf("%s: %v", volume, got)
		}
	}
}
