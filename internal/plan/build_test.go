package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func encode(t *rapid.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBuildIsPure(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		policy, observation := encode(t, w.policy), encode(t, w.observation)
		if diff := cmp.Diff(encode(t, p), encode(t, w.build())); diff != "" {
			t.Fatalf("the second plan differs:\n%s", diff)
		}
		if encode(t, w.policy) != policy || encode(t, w.observation) != observation {
			t.Fatal("Build changed its arguments")
		}
	})
}

func TestOrderOfTheObservationDoesNotMatter(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		shuffled := *w
		pool := *w.pool()
		pool.Volumes = rapid.Permutation(pool.Volumes).Draw(t, "volumes")
		shuffled.observation.Pools = []Pool{pool}
		if w.hasNames() {
			c := w.observation.Clusters[0]
			c.Volumes = rapid.Permutation(c.Volumes).Draw(t, "persistent volumes")
			shuffled.observation.Clusters = []Cluster{c}
		}
		if diff := cmp.Diff(encode(t, p), encode(t, shuffled.build())); diff != "" {
			t.Fatalf("the plan depends on the order:\n%s", diff)
		}
	})
}

func TestActionsAreUniqueAndAfterWhatTheyDependOn(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		seen, names := map[string]bool{}, map[string]bool{}
		for _, a := range p.Actions {
			for _, id := range a.DependsOn {
				if !seen[id] {
					t.Fatalf("%s comes before %s, on which it depends", a.ID, id)
				}
			}
			if seen[a.ID] {
				t.Fatalf("two actions are called %s", a.ID)
			}
			seen[a.ID] = true
			if a.Kind == Prune && names[a.Version] {
				t.Fatalf("%s is pruned twice", a.Version)
			}
			names[a.Version] = true
			if a.Reason.Code == "" || a.Reason.Detail == "" {
				t.Fatalf("%s has no reason", a.ID)
			}
			if a.Blocked != nil && (a.Blocked.Code == "" || a.Blocked.Detail == "" || a.Blocked.Unblock == "") {
				t.Fatalf("%s is blocked, and how to unblock it is not said: %+v", a.ID, a.Blocked)
			}
		}
	})
}

func TestCreatedNamesAreFreeAndFitLVM(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		made := map[string]bool{}
		for _, a := range carriedOut(ofKind(p, Create)) {
			name := a.Snapshot.Name
			if w.taken(name) || made[name] {
				t.Fatalf("%s is taken", name)
			}
			made[name] = true
			device := strings.ReplaceAll(testGroup, "-", "--") + "-" + strings.ReplaceAll(name, "-", "--")
			if len(device) > 127 {
				t.Fatalf("device name %s has %d bytes", device, len(device))
			}
			for _, c := range []byte(name) {
				if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("+_.-", c) < 0 {
					t.Fatalf("LVM refuses the name %q", name)
				}
			}
			for _, tag := range a.Snapshot.Tags {
				if !validTag(tag) {
					t.Fatalf("LVM refuses the tag %q", tag)
				}
			}
			if _, origin, _, at, ok := ownTags(a.Snapshot.Tags); !ok || origin != a.Snapshot.Origin || !at.Equal(a.VersionTime) {
				t.Fatalf("tags %q of a version of %s", a.Snapshot.Tags, a.VersionTime)
			}
			if !strings.Contains(name, snapInfix+w.now.In(w.zone()).Format(stampLayout)) {
				t.Fatalf("%s does not tell its time as the scripts did", name)
			}
		}
	})
}

func TestCountsAreThoseOfTheActions(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		s := p.Summary()
		if s.Changes() != len(carriedOut(p.Actions)) {
			t.Fatalf("%d changes of %d actions", s.Changes(), len(carriedOut(p.Actions)))
		}
		blocked := len(p.Actions) - len(carriedOut(p.Actions))
		for _, l := range p.Layers {
			if l.Blocked != nil {
				blocked++
			}
		}
		if s.Blocked != blocked {
			t.Fatalf("%d blocked, said to be %d", blocked, s.Blocked)
		}
	})
}

func TestAFilterOnlyRemoves(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		f := Filter{
			Layers:  rapid.SampledFrom([][]string{nil, {"snapshots"}, {"mon*"}, {"none"}}).Draw(t, "layers"),
			Volumes: rapid.SampledFrom([][]string{nil, {"apps/*"}, {"vm-*", "dbaas/data-1"}}).Draw(t, "volumes"),
		}
		narrow := Build(w.policy, w.observation, w.now, Options{Filter: f})
		all := map[string]bool{}
		for _, a := range p.Actions {
			all[encode(t, a)] = true
		}
		for _, a := range narrow.Actions {
			if !all[encode(t, a)] {
				t.Fatalf("%s is not in the plan without the filter", a.ID)
			}
			delete(all, encode(t, a))
		}
		for _, a := range p.Actions {
			if all[encode(t, a)] && selects(f.Layers, a.Layer) && selects(f.Volumes, a.Volume) {
				t.Fatalf("the filter %+v lost %s", f, a.ID)
			}
		}
	})
}

func TestAPlanIsNotStaleAtOnce(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		later := rapid.SampledFrom([]time.Duration{0, time.Minute, 4 * time.Minute}).Draw(t, "later")
		limit := w.now.Add(clockTolerance)
		for _, v := range w.versions {
			if v.time.After(limit) && !v.time.After(limit.Add(later)) {
				return // the future arrives in between
			}
		}
		fresh := w.observation
		fresh.Time = w.now.Add(later)
		fresh.Clusters = slices.Clone(fresh.Clusters)
		for i := range fresh.Clusters { // one that answered answers again
			if fresh.Clusters[i].Seen.Equal(w.observation.Time) {
				fresh.Clusters[i].Seen = fresh.Time
			}
		}
		if stale := StaleActions(p, w.policy, fresh); len(stale) > 0 {
			t.Fatalf("stale against what it was made from: %v", stale)
		}
	})
}

func TestAppliedPlansAreStale(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		next := w.after(t, p)
		stale := StaleActions(p, w.policy, next.observation)
		for _, a := range carriedOut(p.Actions) {
			if !namesAction(stale, a.ID) {
				t.Fatalf("%s would be carried out twice", a.ID)
			}
		}
	})
}

func namesAction(stale []StaleAction, id string) bool {
	return slices.ContainsFunc(stale, func(s StaleAction) bool { return s.ID == id && s.Detail != "" })
}

func TestAnotherVolumeUnderTheSameNameMakesAPlanStale(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, a := range carriedOut(p.Actions) {
			for _, c := range a.Preconditions {
				if c.Kind != VolumeIs {
					continue
				}
				if stale := StaleActions(p, w.policy, w.replaced(c.Name)); !namesAction(stale, a.ID) {
					t.Fatalf("%s does not notice that %s is another volume", a.ID, c.Name)
				}
			}
		}
	})
}

// replaced is the observation with another logical volume under a name.
func (w *world) replaced(name string) Observation {
	o := w.observation
	pool := *w.pool()
	pool.Volumes = slices.Clone(pool.Volumes)
	for i := range pool.Volumes {
		if pool.Volumes[i].Name == name {
			pool.Volumes[i].UUID = "another"
		}
	}
	o.Pools = []Pool{pool}
	return o
}
