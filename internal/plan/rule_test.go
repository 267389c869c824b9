package plan

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The tests named TestRuleNN hold the numbered rules of docs/safety.md against
// random worlds.

// checkWorlds builds plans of random worlds.
func checkWorlds(t *testing.T, check func(t *rapid.T, w *world, p Plan)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		check(t, w, w.build())
	})
}

func (w *world) build() Plan { return Build(w.policy, w.observation, w.now, Options{}) }

// after is the world when a plan was carried out.
func (w *world) after(t *rapid.T, p Plan) *world {
	o, err := simulate(p, w.observation)
	if err != nil {
		t.Fatalf("carry out: %v", err)
	}
	next := *w
	next.observation, next.versions = o, maps.Clone(w.versions)
	for _, a := range p.Actions {
		if a.Blocked != nil {
			continue
		}
		if a.Kind == Create {
			next.versions[a.Version] = trueVersion{layer: a.Layer, origin: a.Snapshot.Origin, time: w.now.Truncate(time.Second), healthy: true}
		} else {
			delete(next.versions, a.Version)
		}
	}
	return &next
}

func (w *world) origins() []string {
	all := map[string]bool{}
	for _, v := range w.versions {
		all[v.origin] = true
	}
	for _, v := range w.volumes {
		all[v.lvName] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func ofKind(p Plan, kind ActionKind) []Action {
	return keep(p.Actions, func(a Action) bool { return a.Kind == kind })
}

func carriedOut(actions []Action) []Action {
	return keep(actions, func(a Action) bool { return a.Blocked == nil })
}

func TestRule01NewestIsNeverPruned(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		next := w.after(t, p)
		for _, l := range w.policy.Layers {
			for _, origin := range w.origins() {
				before, after := w.trueNewest(l.Name, origin), next.trueNewest(l.Name, origin)
				if after.Before(before) {
					t.Fatalf("%s in layer %s: the newest was %s and is %s", origin, l.Name, before, after)
				}
			}
		}
		for _, a := range ofKind(p, Prune) {
			newest := w.trueNewest(a.Layer, a.Snapshot.Origin)
			if !newest.After(a.VersionTime) && !w.versions[a.Version].preRestore && len(a.DependsOn) == 0 && w.onlyNewest(a) {
				t.Fatalf("%s is pruned, is the newest, and no create makes up for it", a.Version)
			}
		}
	})
}

// onlyNewest says that no other version is of the same instant.
func (w *world) onlyNewest(a Action) bool {
	for name, v := range w.versions {
		if name != a.Version && v.layer == a.Layer && v.origin == a.Snapshot.Origin && v.healthy && !v.preRestore && v.time.Equal(a.VersionTime) {
			return false
		}
	}
	return true
}

func TestRule01NothingIsPrunedWhileTheNewestLooksWrong(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, a := range carriedOut(ofKind(p, Prune)) {
			newest := w.trueNewest(a.Layer, a.Snapshot.Origin)
			for _, v := range w.layerVersions(a.Layer, a.Snapshot.Origin) {
				if !v.healthy && v.time.After(newest) && len(a.DependsOn) == 0 {
					t.Fatalf("%s is pruned; the version of %s looks wrong and is the newest", a.Version, v.time)
				}
			}
		}
	})
}

func TestRule02OnlyTheLayersOwnVersionsArePruned(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, a := range ofKind(p, Prune) {
			truth, known := w.versions[a.Version]
			if !known || truth.layer != a.Layer || truth.origin != a.Snapshot.Origin {
				t.Fatalf("layer %s prunes %s, which is %+v", a.Layer, a.Version, truth)
			}
			if a.Snapshot.Name != a.Version || !a.VersionTime.Equal(truth.time) {
				t.Fatalf("prune %+v of %+v", a, truth)
			}
		}
		for _, a := range ofKind(p, Create) {
			if v := w.volumeOf(a.Snapshot.Origin); v == nil || v.noLV {
				t.Fatalf("layer %s snapshots %s, which is no volume", a.Layer, a.Snapshot.Origin)
			}
		}
	})
}

func TestRule03AnUnhealthyVersionNeverCounts(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		for _, l := range p.Layers {
			if l.Slot.IsZero() || l.Blocked != nil {
				continue
			}
			for _, v := range w.volumes {
				if w.isProtected(v, l.Name) && w.trueNewest(l.Name, v.lvName).Before(l.Slot.Truncate(time.Second)) && !creates(p, l.Name, v.lvName) {
					t.Fatalf("%s has no complete version since %s in layer %s, and none is planned", v.lvName, l.Slot, l.Name)
				}
			}
		}
	})
}

// isProtected says that a layer must take snapshots of a volume, as far as can
// be told from what the cluster says.
func (w *world) isProtected(v *trueVolume, layer string) bool {
	return !v.noLV && (!w.hasNames() || v.pv != "Released" || v.hidden && w.stale()) && !w.isExcluded(v, layer)
}

func (w *world) hasNames() bool { return len(w.observation.Clusters) > 0 }

func (w *world) stale() bool {
	return w.hasNames() && w.observation.Clusters[0].Seen.Before(w.observation.Time)
}

func creates(p Plan, layer, origin string) bool {
	return slices.ContainsFunc(p.Actions, func(a Action) bool {
		return a.Kind == Create && a.Layer == layer && a.Snapshot.Origin == origin
	})
}

// isExcluded says that an exclude block names the volume, as anybody knows who
// can see the cluster.
func (w *world) isExcluded(v *trueVolume, layer string) bool {
	named := w.policy.Sources[0].LVMThin.Kubernetes != nil && v.pv != ""
	return slices.ContainsFunc(w.policy.Excludes, func(e Exclude) bool {
		if len(e.Layers) > 0 && !slices.Contains(e.Layers, layer) {
			return false
		}
		return slices.Contains(e.Volumes, v.lvName) ||
			named && (slices.Contains(e.Volumes, v.claimName()) || slices.Contains(e.Namespaces, v.namespace))
	})
}

func TestRule04LowSpaceBlocksCreatingNeverPruning(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		roomy := *w
		pool := *w.pool()
		plenty := 1.0
		pool.DataPercent, pool.MetadataPercent = &plenty, &plenty
		roomy.observation.Pools = []Pool{pool}
		free := func(p Plan) []string {
			var ids []string
			for _, a := range ofKind(p, Prune) {
				if len(a.DependsOn) == 0 && (a.Blocked == nil || a.Blocked.Code != BlockBudget) {
					ids = append(ids, a.ID)
				}
			}
			return ids
		}
		planned := map[string]bool{}
		for _, a := range ofKind(p, Prune) {
			planned[a.ID] = true
			if a.Blocked != nil && (a.Blocked.Code == BlockSpace || a.Blocked.Code == BlockCapacity) {
				t.Fatalf("prune %s is blocked: %s", a.ID, a.Blocked.Detail)
			}
		}
		for _, id := range free(roomy.build()) {
			if !planned[id] {
				t.Fatalf("with room in the pool %s is pruned, without it is not", id)
			}
		}
		for _, a := range carriedOut(ofKind(p, Create)) {
			l, _ := w.policy.Layer(a.Layer)
			if !w.hasRoom(l.Guard) {
				t.Fatalf("%s is created in a pool that is low", a.ID)
			}
		}
	})
}

func (w *world) hasRoom(g Guard) bool {
	data, metadata := w.pool().DataPercent, w.pool().MetadataPercent
	if data == nil || metadata == nil {
		return false
	}
	switch {
	case !g.MinFreeData.Share.IsZero() && *data > 90, g.MinFreeData.Size > 0 && *data > 50:
		return false
	}
	return g.MinFreeMetadata.IsZero() || *metadata <= 90
}
