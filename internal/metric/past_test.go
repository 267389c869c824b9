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
	p, err := Remember(dir, current, []string{"monthly"})
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

// What failed once a month is not forgotten because others ran well every hour since, nor
// is when it was last fine: an alert would clear, and nobody has mended anything.
func TestALayerThatComesRarelyIsRemembered(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, 0, run.Record{Layers: []string{"monthly"}}, []run.Action{action("create", "monthly", "a", run.Done, 0, 5)}, run.Succeeded)
	keep(t, dir, 1, run.Record{Layers: []string{"monthly"}}, []run.Action{action("create", "monthly", "a", run.Failed, 60, 5)}, run.Failed)
	for n := range maxRuns {
		keep(t, dir, 2+n, run.Record{Layers: []string{"hourly"}}, nil, run.Succeeded)
	}
	got := remember(t, dir, nil).layers["monthly"]
	if want := (turn{ended: night.Add(90 * time.Minute), took: 5 * time.Minute, made: night}); got != want {
		t.Errorf("%+v, want %+v", got, want)
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
