package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

func TestCopyRule14HostileNamesAreData(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range copyActions(p, Create, Refresh, Prune) {
			for _, part := range strings.Split(a.Copy.Directory+"/"+a.Copy.Path, "/") {
				if part == ".." || part == "." || part == "" {
					t.Fatalf("%s leads to %q", a.ID, a.Copy.Path)
				}
			}
		}
	})
}

func TestCopyActionsAreUniqueAndAfterWhatTheyDependOn(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		seen := map[string]bool{}
		for i, a := range p.Actions {
			if a.Kind == Clean && i > 0 && p.Actions[i-1].Kind != Clean {
				t.Fatalf("%s is not among the first", a.ID)
			}
			for _, d := range a.DependsOn {
				if !seen[d] {
					t.Fatalf("%s comes before %s", a.ID, d)
				}
			}
			if seen[a.ID] {
				t.Fatalf("%s is there twice", a.ID)
			}
			seen[a.ID] = true
		}
	})
}

// What was seen has no order.
func TestCopyPlanIsTheSameWhateverTheOrderOfWhatWasSeen(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		if len(w.observation.Disks) == 0 {
			return
		}
		o := w.observation
		o.Disks = slices.Clone(o.Disks)
		d := &o.Disks[0]
		d.Folders, d.Receipts, d.Unfinished = slices.Clone(d.Folders), slices.Clone(d.Receipts), slices.Clone(d.Unfinished)
		slices.Reverse(d.Receipts)
		slices.Reverse(d.Unfinished)
		for i := range d.Folders {
			d.Folders[i].Entries = rapid.Permutation(d.Folders[i].Entries).Draw(t, "entries")
		}
		one, err := json.Marshal(p)
		other, otherErr := json.Marshal(Build(w.policy, o, w.now, Options{}))
		if err != nil || otherErr != nil || string(one) != string(other) {
			t.Fatalf("%v, %v\n%s\n%s", err, otherErr, one, other)
		}
	})
}

// A saved plan holds while nothing changes, whatever it was narrowed to.
func TestCopyPlanIsNotStaleAtOnce(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, _ Plan) {
		var f Filter
		if rapid.Bool().Draw(t, "narrowed") {
			f.Layers = []string{rapid.SampledFrom([]string{"weekly", "shared", "snapshots"}).Draw(t, "layer")}
		}
		p := Build(w.policy, w.observation, w.now, Options{Filter: f})
		if _, err := simulate(p, w.observation); err != nil {
			t.Fatalf("narrowed to %v it cannot be carried out: %v", f, err)
		}
		if stale := StaleActions(p, w.policy, w.observation); len(stale) > 0 {
			t.Fatalf("narrowed to %v it is stale: %v", f, stale)
		}
	})
}

// The rules are about these: a fair share of the worlds must have each, or the
// tests of the rules say nothing.
func TestCopyWorldsReachWhatTheRulesAreAbout(t *testing.T) {
	const worlds = 400
	draw := rapid.Custom(drawCopyWorld)
	reached := map[string]int{}
	for seed := range worlds {
		w := draw.Example(seed)
		p := w.build()
		has := map[string]bool{}
		for _, a := range copyActions(p, Create, Refresh, Prune, Clean) {
			if l, _ := w.policy.Layer(a.Layer); a.Blocked == nil {
				has[string(a.Kind)+" of "+l.Kind] = true
			}
			switch {
			case a.Blocked != nil:
				has[string(a.Kind)+" "+a.Blocked.Code] = true
			case a.Kind == Prune && len(a.DependsOn) > 0:
				has["prune after"] = true
			default:
				has[string(a.Kind)] = true
			}
		}
		for _, l := range p.Layers {
			if l.Kind != LayerSnapshot && l.Blocked != nil {
				has["layer "+l.Blocked.Code] = true
			}
		}
		for what := range has {
			reached[what]++
		}
	}
	for what, percent := range map[string]int{
		"create of sqlite": 8, "prune of sqlite": 5, "create of fetch": 20, "refresh of fetch": 4, "prune of fetch": 4,
		"create": 20, "refresh": 8, "prune": 15, "prune after": 1, "clean": 20, "create low_space": 4, "refresh low_space": 1, "create source": 4,
		"prune clock": 5, "prune prune_budget": 4, "prune suspect": 4, "prune unknown_names": 1, "layer mount": 8, "layer source": 3, "layer unknown": 8, "layer unknown_names": 1,
	} {
		if share := reached[what] * 100 / worlds; share < percent {
			t.Errorf("%d%% of the worlds have %q, and %d%% should", share, what, percent)
		}
	}
}

// The newest may be the one made last, or the last by its name: of every kind both stay
// while nothing newer is made.
func TestCopyRule01HoldsForEveryKind(t *testing.T) {
	for kind, below := range map[string]string{LayerFiles: "/web", LayerSQLite: "/web", LayerFetch: ""} {
		p, o := month(monday)
		p.Layers = p.Layers[:1]
		l := &p.Layers[0]
		l.Kind, l.Retention, l.Guard.MaxPrune = kind, retention.Rules{Within: quantity.Duration{Days: 1}}, share("100%")
		if kind == LayerFetch {
			p.Sources = append(p.Sources, Source{Kind: SourcePFSense, Name: "web", PFSense: &PFSenseSource{}})
			l.From = Ref{"source", SourcePFSense, "web"}
		}
		d := &o.Disks[0]
		late := d.Receipts[2]
		late.Path, late.Started = "data/"+late.Version+below, monday.Add(-time.Hour)
		d.Receipts = []Receipt{late}
		d.Folders[0] = Folder{Directory: "data", Depth: p.Depth(*l)}
		for _, name := range []string{late.Version, "2026-11-17", "2026-11-10"} {
			d.Folders[0].Entries = append(d.Folders[0].Entries, Entry{Path: name + below, Type: EntryFolder})
		}
		plan := Build(p, o, monday, Options{})
		if len(plan.Actions) != 1 || plan.Actions[0].Kind != Prune || plan.Actions[0].Version != "2026-11-10" || plan.Actions[0].Blocked != nil {
			t.Errorf("%s: %v %+v", kind, describe(plan.Actions), plan.Layers[0])
		}
	}
}

// The version that is the last by its name, and not the one made last, goes with it in
// one plan, once a newer one is made.
func TestCopyLastByNameWaitsForTheNext(t *testing.T) {
	p, o := month(monday)
	now := monday.Add(days(7))
	p.Layers = p.Layers[:1]
	p.Layers[0].Retention = retention.Rules{Within: quantity.Duration{Days: 1}}
	p.Layers[0].Guard.MaxPrune = share("100%")
	late := o.Disks[0].Receipts[2]
	late.Started, late.Ended = monday.Add(time.Hour), monday.Add(time.Hour)
	o.Disks = o.Disks[:1]
	o.Disks[0].Receipts = []Receipt{late}
	o.Disks[0].Folders[0].Entries = []Entry{{Path: late.Version + "/web", Type: EntryFolder}, {Path: "2026-11-17/web", Type: EntryFolder}}
	made := `; after layer.weekly["web"]`
	for _, text := range describe(Build(p, o, now, Options{}).Actions)[1:] {
		if !strings.HasPrefix(text, "prune ") || !strings.HasSuffix(text, made) {
			t.Error(text)
		}
	}
	if n := len(Build(p, o, now, Options{}).Actions); n != 3 {
		t.Errorf("%d actions, want one create and two prunes", n)
	}
}
