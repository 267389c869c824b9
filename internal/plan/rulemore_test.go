package plan

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/retention"
)

func TestRule07PlanAfterApplyHasNoChanges(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		next := w.after(t, p)
		again := next.build()
		if n := again.Summary().Changes(); n != 0 {
			for _, a := range carriedOut(again.Actions) {
				t.Logf("left: %s %s %s, after %v", a.Kind, a.ID, a.Reason.Detail, a.DependsOn)
			}
			t.Fatalf("%d changes are left after applying:\n%v", n, ids(p.Actions))
		}
	})
}

func ids(actions []Action) []string {
	var list []string
	for _, a := range actions {
		id := string(a.Kind) + " " + a.ID
		if a.Blocked != nil {
			id += " blocked: " + a.Blocked.Code
		}
		list = append(list, id)
	}
	return list
}

func TestRule08ExcludedVolumesGetNoAction(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, a := range p.Actions {
			v := w.volumeOf(a.Snapshot.Origin)
			if v == nil || !w.isExcluded(v, a.Layer) {
				continue
			}
			unknown := v.hidden && w.stale() && !slices.Contains(w.policy.Excludes[0].Volumes, v.lvName)
			if !unknown || a.Kind == Create && a.Blocked == nil {
				t.Fatalf("%s is excluded from layer %s and gets %s", v.claimName(), a.Layer, a.ID)
			}
		}
	})
}

func TestRule08NoVolumeIsSilentlyDropped(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, l := range p.Layers {
			covered := l.Volumes
			for _, e := range p.Excluded {
				if e.Layer == l.Name {
					covered++
				}
			}
			want := 0
			for _, v := range w.volumes {
				if !v.noLV {
					want++
				}
			}
			for _, d := range p.Drift {
				if d.Kind == Orphaned && d.Layer == "" && w.releasedOutside(d.Name, l.Name) {
					covered++
				}
			}
			if l.Blocked == nil && covered != want {
				t.Fatalf("layer %s: %d of %d volumes are covered, excluded or reported", l.Name, covered, want)
			}
		}
	})
}

// releasedOutside says that a volume reported as orphaned is released, and not
// counted already because it is excluded.
func (w *world) releasedOutside(lv, layer string) bool {
	v := w.volumeOf(lv)
	return v != nil && v.pv == "Released" && !w.isExcluded(v, layer) && (!v.hidden || !w.stale())
}

func TestRule10NoRetentionKeepsEverything(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, a := range ofKind(p, Prune) {
			l, _ := w.policy.Layer(a.Layer)
			rules := l.Retention
			if w.versions[a.Version].preRestore {
				rules = l.PreRestore
			}
			if rules.IsZero() {
				t.Fatalf("%s is pruned without a retention", a.ID)
			}
		}
	})
}

func TestRule10AddingARuleNeverPrunesMore(t *testing.T) {
	add := func(r retention.Rules) retention.Rules {
		if !r.IsZero() {
			r.Last, r.Yearly = max(r.Last, 3), 2
		}
		return r
	}
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		pruned := map[string]bool{}
		for _, a := range ofKind(p, Prune) {
			pruned[a.ID] = true
		}
		kinder := *w
		kinder.policy.Layers = slices.Clone(w.policy.Layers)
		for i := range kinder.policy.Layers {
			l := &kinder.policy.Layers[i]
			l.Retention, l.PreRestore = add(l.Retention), add(l.PreRestore)
		}
		for _, a := range ofKind(kinder.build(), Prune) {
			if !pruned[a.ID] {
				t.Fatalf("%s is pruned only with one rule more", a.ID)
			}
		}
	})
}

func TestRule10RemovingALayerPrunesNothingOfIt(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		if len(w.policy.Layers) < 2 {
			return
		}
		left := *w
		left.policy.Layers = w.policy.Layers[:1]
		removed := w.policy.Layers[1].Name
		for _, a := range left.build().Actions {
			if a.Kind == Prune && w.versions[a.Version].layer == removed {
				t.Fatalf("%s is pruned as a side effect", a.Version)
			}
		}
		left.policy.Layers = nil
		if n := len(left.build().Actions); n > 0 {
			t.Fatalf("%d actions without a layer", n)
		}
	})
}

func TestRule11AWrongClockStopsPruning(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		limit := w.now.Add(clockTolerance)
		for _, a := range carriedOut(ofKind(p, Prune)) {
			if w.observation.LastRun.After(limit) {
				t.Fatalf("%s is pruned; the last run was at %s", a.ID, w.observation.LastRun)
			}
			for name, v := range w.versions {
				if v.layer == a.Layer && v.time.After(limit) {
					t.Fatalf("%s is pruned; %s lies in the future", a.ID, name)
				}
			}
		}
		warned := slices.ContainsFunc(p.Warnings, func(w Warning) bool { return w.Code == WarnClock })
		for name, v := range w.versions {
			layer := slices.IndexFunc(p.Layers, func(l LayerStatus) bool { return l.Name == v.layer })
			if v.time.After(limit) && layer >= 0 && p.Layers[layer].Blocked == nil && !warned {
				t.Fatalf("%s lies in the future and nobody says so", name)
			}
		}
	})
}

func TestRule12UnknownIsNotAbsent(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, _ Plan) {
		blind := *w
		blind.observation.Pools = nil
		p := blind.build()
		if len(p.Actions) > 0 {
			t.Fatalf("actions for a pool that was not observed: %v", ids(p.Actions))
		}
		if !hasDrift(p, UnknownKind, PoolAddress(testGroup, "data")) {
			t.Fatalf("drift does not say that the pool is unknown: %v", p.Drift)
		}
		k := w.policy.Sources[0].LVMThin.Kubernetes
		if k == nil {
			return
		}
		blind = *w
		blind.observation.Clusters, blind.observation.Unknown = nil, nil
		p = blind.build()
		if !hasDrift(p, UnknownKind, ClusterAddress(*k)) {
			t.Fatalf("drift does not say that the cluster is unknown: %v", p.Drift)
		}
		for _, l := range p.Layers {
			if excluded(w.policy, l.Name) != (l.Blocked != nil) {
				t.Fatalf("layer %s without names: %v", l.Name, l.Blocked)
			}
		}
	})
}

func excluded(p Policy, layer string) bool {
	return slices.ContainsFunc(p.Excludes, func(e Exclude) bool { return e.concerns(layer) })
}

func hasDrift(p Plan, kind DriftKind, name string) bool {
	return slices.ContainsFunc(p.Drift, func(d Drift) bool { return d.Kind == kind && d.Name == name })
}

func TestRule13PrunesAreABudget(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, l := range w.policy.Layers {
			of := func(a Action) bool { return a.Layer == l.Name }
			created := len(keep(carriedOut(ofKind(p, Create)), of))
			pruned := len(keep(carriedOut(ofKind(p, Prune)), of))
			held := 0
			for _, v := range w.versions {
				if v.layer == l.Name {
					held++
				}
			}
			share := float64(held+created) / 3
			if !l.Guard.MaxPrune.IsZero() {
				share = float64(held+created) * l.Guard.MaxPrune.Percent() / 100
			}
			if pruned > created && float64(pruned) > share {
				t.Fatalf("layer %s loses %d of %d versions and gains %d", l.Name, pruned, held, created)
			}
		}
	})
}

func TestRule13AcknowledgingLiftsTheBudgetOnly(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		allowed := Build(w.policy, w.observation, w.now, Options{Acknowledge: []string{w.policy.Layers[0].Name}})
		if len(allowed.Actions) != len(p.Actions) {
			t.Fatalf("%d actions instead of %d", len(allowed.Actions), len(p.Actions))
		}
		for i, a := range allowed.Actions {
			was := p.Actions[i].Blocked
			lifted := was != nil && was.Code == BlockBudget && a.Layer == w.policy.Layers[0].Name
			if (a.Blocked == nil) != (was == nil || lifted) {
				t.Fatalf("%s: blocked %v, was %v", a.ID, a.Blocked, was)
			}
		}
	})
}

func TestRule14HostileNamesAreData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		v := w.volumes[0]
		layer, name := rapid.StringN(1, 40, -1).Draw(t, "layer"), rapid.StringN(1, 40, -1).Draw(t, "volume")
		tags := snapshotTags(layer, volume{name: name, lvName: v.lvName}, w.now, w.now)
		for _, tag := range tags {
			if !validTag(tag) {
				t.Fatalf("LVM refuses the tag %q", tag)
			}
		}
		gotLayer, origin, gotName, at, ok := ownTags(tags)
		if !ok || gotLayer != layer || origin != v.lvName || gotName != name || !at.Equal(w.now.Truncate(time.Second)) {
			t.Fatalf("tags %q read as %q %q %q %s %t", tags, gotLayer, origin, gotName, at, ok)
		}
	})
}

func validTag(tag string) bool {
	for _, c := range []byte(tag) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !slices.Contains([]byte("_+.-/=!:&#"), c) {
			return false
		}
	}
	return tag != "" && tag[0] != '-' && len(tag) <= 1024
}
