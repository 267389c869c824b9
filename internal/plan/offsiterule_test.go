package plan

import (
	"path"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The tests named TestOffsiteRuleNN hold the numbered rules of docs/safety.md for
// copies of a disk on another machine against random worlds.

func checkOffsiteWorlds(t *testing.T, check func(t *rapid.T, w *offsiteWorld, p Plan)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		w := drawOffsiteWorld(t)
		check(t, w, w.build())
	})
}

// transfers are the actions of the layer that copies the disk.
func transfers(p Plan, kinds ...ActionKind) []Action {
	return keep(copyActions(p, kinds...), func(a Action) bool { return a.Layer == "offsite" })
}

func (w *offsiteWorld) farDisk() *Disk {
	d, found := w.observation.Disk(Place(testNAS, testRoot))
	if !found {
		return nil
	}
	return &d
}

func TestOffsiteRule01NewestIsNeverPruned(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		for _, a := range carriedOut(transfers(p, Prune)) {
			if a.Copy.Previous == "" || a.Copy.Previous == a.Copy.Path {
				t.Fatalf("%s is pruned, and nothing is to stay", a.ID)
			}
			stays := path.Join(a.Copy.Directory, a.Copy.Previous)
			sent := slices.ContainsFunc(carriedOut(transfers(p, Create, Refresh)), func(s Action) bool {
				return slices.Contains(a.DependsOn, s.ID) && s.Copy.Path == a.Copy.Previous && s.Copy.Directory == a.Copy.Directory
			})
			if !w.far[stays] && !sent {
				t.Fatalf("%s is pruned, and %s, which is to stay, is not there", a.ID, stays)
			}
			alsoGoes := func(b Action) bool {
				return path.Join(b.Copy.Directory, b.Copy.Path) == stays && len(b.DependsOn) <= len(a.DependsOn)
			}
			if slices.ContainsFunc(transfers(p, Prune), alsoGoes) {
				t.Fatalf("%s is pruned, and so is %s, which is to stay", a.ID, stays)
			}
		}
	})
}

func TestOffsiteRule02OnlyVersionsOfTheDisksLayersArePruned(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		for _, a := range transfers(p, Prune) {
			if at := path.Join(a.Copy.Directory, a.Copy.Path); !w.far[at] || a.Copy.From.Version.Path != at {
				t.Fatalf("%s prunes %s", a.ID, at)
			}
		}
	})
}

// What has no receipt here is never sent, and nothing is sent over what has not
// changed.
func TestOffsiteRule03OnlyCompleteVersionsAreSent(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		for _, a := range transfers(p, Create, Refresh) {
			v := a.Copy.From.Version
			truth, known := w.truth[v.Path]
			if made := slices.ContainsFunc(carriedOut(copyActions(p, Create, Refresh)), func(m Action) bool {
				return m.Layer == v.Layer && slices.Contains(a.DependsOn, m.ID)
			}); !made && (!known || !truth.receipt || v.Digest == "") {
				t.Fatalf("%s sends %+v", a.ID, truth)
			}
		}
	})
}

func TestOffsiteRule04LowSpaceBlocksSendingNeverPruning(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		for _, a := range transfers(p, Prune) {
			if a.Blocked != nil && (a.Blocked.Code == BlockSpace || a.Blocked.Code == BlockQuiet) {
				t.Fatalf("%s is blocked: %s", a.ID, a.Blocked.Detail)
			}
		}
		far := w.farDisk()
		for _, a := range carriedOut(transfers(p, Create, Refresh, Sync)) {
			if far.FileSystem.Free < 1<<37 && !w.policy.Destinations[1].MinFree.IsZero() || len(w.policy.Destinations[1].Quiet) > 0 {
				t.Fatalf("%s is sent", a.ID)
			}
		}
	})
}

func TestOffsiteRule07PlanAfterApplyHasNoChanges(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		after, err := simulate(p, w.observation)
		if err != nil {
			t.Fatal(err)
		}
		again := Build(w.policy, after, w.now, Options{})
		for _, a := range carriedOut(transfers(again, Create, Refresh, Prune, Sync)) {
			if !slices.ContainsFunc(p.Actions, func(b Action) bool { return b.Blocked != nil }) {
				t.Fatalf("after apply %s %s is planned: %s\nbefore: %v", a.Kind, a.ID, a.Reason.Detail, ids(p.Actions))
			}
		}
	})
}

func TestOffsiteRule10WithoutRetentionEverythingStays(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		l, _ := w.policy.Layer("offsite")
		if pruned := transfers(p, Prune); l.Retention.IsZero() && len(pruned) > 0 {
			t.Fatalf("%s is pruned", pruned[0].ID)
		}
	})
}

func TestOffsiteRule10RemovingALayerPrunesNothingOfIt(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, _ Plan) {
		w.policy.Layers = slices.DeleteFunc(slices.Clone(w.policy.Layers), func(l Layer) bool { return l.Name == "shared" })
		for _, a := range transfers(w.build(), Prune, Create, Refresh) {
			if a.Copy.Directory == "shared-data" {
				t.Fatalf("%s %s", a.Kind, a.ID)
			}
		}
	})
}

func TestOffsiteRule11AWrongClockStopsPruning(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, _ Plan) {
		w.observation.LastRun = w.now.Add(days(1))
		if pruned := carriedOut(transfers(w.build(), Prune)); len(pruned) > 0 {
			t.Fatalf("%s is pruned", pruned[0].ID)
		}
	})
}

func TestOffsiteRule12UnknownIsNotAbsent(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		kinds := []ActionKind{Create, Refresh, Prune, Sync}
		switch {
		case w.farDisk() == nil:
			kinds = append(kinds, Clean)
		case len(w.observation.Disks) > 2:
			return
		}
		if all := transfers(p, kinds...); len(all) > 0 {
			t.Fatalf("%s %s, and an end was not seen", all[0].Kind, all[0].ID)
		}
	})
}

func TestOffsiteRule13PrunesAreABudget(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, w *offsiteWorld, p Plan) {
		l, _ := w.policy.Layer("offsite")
		if !l.Guard.MaxPrune.IsZero() {
			return
		}
		sent := len(keep(carriedOut(transfers(p, Create)), func(Action) bool { return true }))
		if pruned := len(carriedOut(transfers(p, Prune))); pruned > max(sent, (len(w.far)+sent)/3) {
			t.Fatalf("%d of %d versions are pruned, and %d sent", pruned, len(w.far), sent)
		}
	})
}

// An action that waits for one that is not part of the plan would never be done.
func TestOffsiteActionsDependOnActionsOfTheirPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawOffsiteWorld(t)
		names := []string{"sda", "web", "apps/web"}
		filter := rapid.SampledFrom([]Filter{{}, {Layers: []string{"offsite"}}, {Volumes: names[:1]}, {Volumes: names[1:]}}).Draw(t, "filter")
		seen := map[string]bool{}
		for _, a := range Build(w.policy, w.observation, w.now, Options{Filter: filter}).Actions {
			for _, id := range a.DependsOn {
				if !seen[id] {
					t.Fatalf("%s comes before %s", a.ID, id)
				}
			}
			seen[a.ID] = true
		}
	})
}
