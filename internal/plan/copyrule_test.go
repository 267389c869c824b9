package plan

import (
	"path"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The tests named TestCopyRuleNN hold the numbered rules of docs/safety.md for
// versions on a disk against random worlds.

func checkCopyWorlds(t *testing.T, check func(t *rapid.T, w *copyWorld, p Plan)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		w := drawCopyWorld(t)
		check(t, w, w.build())
	})
}

// copyActions are the actions about versions on the disk.
func copyActions(p Plan, kinds ...ActionKind) []Action {
	return keep(p.Actions, func(a Action) bool { return a.Copy != nil && slices.Contains(kinds, a.Kind) })
}

func TestCopyRule01NewestIsNeverPruned(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range carriedOut(copyActions(p, Prune)) {
			truth, _ := w.copied(a)
			copies := w.copies(truth.layer, truth.volume)
			last := slices.MaxFunc(copies, func(a, b trueCopy) int { return a.start.Compare(b.start) })
			newest := truth == copies[0] || truth == last
			if newest && !w.isMade(p, a) {
				t.Fatalf("%s is pruned, may be the newest, and needs no newer one: %v", a.ID, a.DependsOn)
			}
			stays := path.Join(a.Copy.Directory, a.Copy.Previous)
			if _, there := w.truth[stays]; stays == path.Join(a.Copy.Directory, a.Copy.Path) || !there && !w.isMade(p, a) {
				t.Fatalf("%s is pruned, and %s is to stay", a.ID, a.Copy.Previous)
			}
		}
	})
}

// isMade says that a prune waits for a version that the plan makes, and that stays.
func (w *copyWorld) isMade(p Plan, prune Action) bool {
	return slices.ContainsFunc(carriedOut(copyActions(p, Create, Refresh)), func(a Action) bool {
		return a.Layer == prune.Layer && a.Volume == prune.Volume && slices.Equal(prune.DependsOn, []string{a.ID}) && prune.Copy.Previous == a.Copy.Path
	})
}

func TestCopyRule01NothingIsPrunedWhileTheNewestIsFarSmaller(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range carriedOut(copyActions(p, Prune)) {
			truth, _ := w.copied(a)
			copies := w.copies(truth.layer, truth.volume)
			if !copies[0].receipt || copies[0].files > 100 {
				continue
			}
			for _, c := range copies[1:] {
				if c.files >= 900 && !c.time.Equal(copies[0].time) {
					t.Fatalf("%s is pruned; the newest has %d files, and one before had %d", a.ID, copies[0].files, c.files)
				}
			}
		}
	})
}

func TestCopyRule02OnlyTheLayersOwnVersionsArePruned(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range copyActions(p, Prune) {
			truth, known := w.copied(a)
			if !known || truth.layer != a.Layer || path.Join(a.Version, truth.volume) != a.Copy.Path {
				t.Fatalf("layer %s prunes %s, which is %+v", a.Layer, a.Copy.Path, truth)
			}
		}
	})
}

func TestCopyRule04LowSpaceBlocksCreatingNeverPruning(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range copyActions(p, Prune) {
			if a.Blocked != nil && a.Blocked.Code == BlockSpace {
				t.Fatalf("%s is blocked for want of space", a.ID)
			}
		}
		if len(w.observation.Disks) == 0 {
			return
		}
		fs := w.observation.Disks[0].FileSystem
		low := !w.policy.Destinations[0].MinFree.IsZero() && fs.Free < fs.Size/100*15
		for _, a := range carriedOut(copyActions(p, Create, Refresh)) {
			if low {
				t.Fatalf("%s is made on a disk that is low", a.ID)
			}
		}
	})
}

func TestCopyRule06NothingIsDoneBelowAMountPointThatIsNone(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range copyActions(p, Create, Refresh, Prune, Sync, Clean) {
			if !a.Copy.RequireMount {
				t.Fatalf("%s does not need the mount point", a.ID)
			}
			fs := w.observation.Disks[0].FileSystem
			if fs.MountPoint != testDisk || fs.ReadOnly {
				t.Fatalf("%s is planned on %+v", a.ID, fs)
			}
		}
	})
}

func TestCopyRule07PlanAfterApplyHasNoChanges(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		after, err := simulate(p, w.observation)
		if err != nil {
			t.Fatal(err)
		}
		again := Build(w.policy, after, w.now, Options{})
		for _, a := range carriedOut(again.Actions) {
			// What was blocked before, by the budget or for want of room, may go on.
			was := func(b Action) bool { return b.ID == a.ID && b.Blocked != nil }
			if a.Kind != Prune && !slices.ContainsFunc(p.Actions, was) {
				t.Fatalf("after apply %s %s is planned: %s\nbefore: %v", a.Kind, a.ID, a.Reason.Detail, ids(p.Actions))
			}
			if !slices.ContainsFunc(p.Actions, func(b Action) bool { return b.Layer == a.Layer && b.Blocked != nil }) {
				t.Fatalf("after apply %s is pruned: %s\nbefore: %v", a.ID, a.Reason.Detail, ids(p.Actions))
			}
		}
	})
}

func TestCopyRule08ExcludedVolumesGetNoCopy(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range copyActions(p, Create, Refresh, Prune) {
			for _, v := range w.volumes {
				if a.Copy.From != nil && a.Copy.From.Snapshot != nil && a.Copy.From.Snapshot.Origin == v.lvName && w.isExcluded(v, a.Layer) && !v.hidden {
					t.Fatalf("%s is planned, and the volume is excluded", a.ID)
				}
			}
		}
	})
}

// What is not there any more ages by the layer's retention, and its newest
// version stays.
func TestCopyRule10WithoutRetentionEverythingStays(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, a := range copyActions(p, Prune) {
			if l, _ := w.policy.Layer(a.Layer); l.Retention.IsZero() {
				t.Fatalf("%s is pruned without a rule", a.ID)
			}
		}
	})
}

func TestCopyRule10RemovingALayerPrunesNothingOfIt(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		policy := w.policy
		policy.Layers = keep(policy.Layers, func(l Layer) bool { return l.Name != "shared" })
		for _, a := range copyActions(Build(policy, w.observation, w.now, Options{}), Prune) {
			if truth, _ := w.copied(a); truth.layer == "shared" {
				t.Fatalf("%s is pruned, and its layer is gone", a.ID)
			}
		}
	})
}

func TestCopyRule11AWrongClockStopsPruning(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		future := map[string]bool{}
		for _, c := range w.truth {
			if InFuture(c.time, w.now) {
				future[c.layer] = true
			}
		}
		for _, a := range carriedOut(copyActions(p, Prune)) {
			if future[a.Layer] || InFuture(w.observation.LastRun, w.now) {
				t.Fatalf("%s is pruned by a clock that cannot be right", a.ID)
			}
		}
	})
}

func TestCopyRule12UnknownIsNotAbsent(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		_, treeSeen := w.observation.Tree(testTree)
		_, diskSeen := w.observation.Disk(testDisk)
		for _, a := range copyActions(p, Create, Refresh, Prune) {
			if !diskSeen || a.Layer == "shared" && !treeSeen {
				t.Fatalf("%s is planned, and what it relies on was not seen", a.ID)
			}
		}
		if tree, _ := w.observation.Tree(testTree); len(tree.Children) == 0 {
			if left := keep(copyActions(p, Prune), func(a Action) bool { return a.Layer == "shared" }); len(left) > 0 {
				t.Fatalf("%s is pruned because its source is empty", left[0].ID)
			}
		}
	})
}

func TestCopyRule13PrunesAreABudget(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, w *copyWorld, p Plan) {
		for _, l := range w.policy.Layers {
			if !keepsCopies(l) || !l.Guard.MaxPrune.IsZero() {
				continue
			}
			of := func(kind ActionKind) int {
				return len(keep(carriedOut(copyActions(p, kind)), func(a Action) bool { return a.Layer == l.Name }))
			}
			held := 0
			for _, c := range w.truth {
				if c.layer == l.Name {
					held++
				}
			}
			if pruned, created := of(Prune), of(Create); pruned > max((held+created)/3, created) {
				t.Fatalf("%d of %d versions of %s are pruned at once, %d made", pruned, held, l.Name, created)
			}
		}
	})
}
