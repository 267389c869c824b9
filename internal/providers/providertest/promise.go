package providertest

import (
	"errors"
	"testing"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
)

// promises are what the suite holds a provider to.
var promises = []struct {
	name string
	test func(*testing.T, *bench)
}{
	{"observing changes nothing", observeChangesNothing},
	{"a created snapshot is observed with its tags", createIsObserved},
	{"creating twice is done already", createTwice},
	{"an origin that was replaced is stale", createOfReplacedOrigin},
	{"an origin that is gone is stale", createOfGoneOrigin},
	{"a name taken by a foreign volume is stale", createOverForeign},
	{"a name taken outside the pool is stale", createOverOther},
	{"a pool beyond its limit gets no snapshot", createInFullPool},
	{"a prune removes just what it names", pruneRemovesNamed},
	{"pruning what is gone is done already", pruneOfGone},
	{"a prune of a name with another UUID is stale", pruneOfReplaced},
	{"a prune of a renamed snapshot is stale", pruneOfRenamed},
	{"a prune of a snapshot with other tags is stale", pruneOfRetagged},
	{"a prune without its keeper is stale", pruneWithoutKeeper},
	{"a keeper does not go in the batch that relies on it", pruneOfKeeper},
	{"a failing prune leaves the others done", pruneOfHeld},
	{"a snapshot outlives its origin and is pruned", pruneOfOrphan},
	{"other kinds of action are not supported", otherKinds},
}

func observeChangesNothing(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b")
	first := b.observe(t)
	if diff := cmp.Diff(first, b.observe(t)); diff != "" {
		t.Error(diff)
	}
	source := b.world.Source()
	if first.VolumeGroup != source.VolumeGroup || first.Name != source.ThinPool || first.VolumeGroupUUID == "" || first.UUID == "" {
		t.Errorf("%+v", first)
	}
}

func createIsObserved(t *testing.T, b *bench) {
	b.withSnapshots(t)
	live := b.volume(t, "live")
	tags := []string{"bkplan.layer=snapshots", "bkplan.slot=20261116T030000Z", "odd=_+.-/!:&#"}
	b.do(t, b.create(t, "live", "new", tags...), providers.Result{})
	made := b.volume(t, "new")
	if diff := cmp.Diff(tags, made.Tags); diff != "" {
		t.Error(diff)
	}
	if made.Origin != live.Name || made.OriginUUID != live.UUID || made.Size != live.Size {
		t.Errorf("not a snapshot of %+v: %+v", live, made)
	}
	if made.UUID == "" || made.Created.IsZero() || !made.SkipActivation || made.Active || made.Open {
		t.Errorf("%+v", made)
	}
	if diff := cmp.Diff(live, b.volume(t, "live")); diff != "" {
		t.Errorf("its origin changed:\n%s", diff)
	}
}

func createTwice(t *testing.T, b *bench) {
	b.withSnapshots(t)
	a := b.create(t, "live", "new", "two", "one")
	b.do(t, a, providers.Result{})
	made := b.volume(t, "new")
	b.do(t, a, providers.Result{Already: true})
	if diff := cmp.Diff(made, b.volume(t, "new")); diff != "" {
		t.Error(diff)
	}
	a.Snapshot.Tags = []string{"one"}
	b.doStale(t, a)
}

func createOfReplacedOrigin(t *testing.T, b *bench) {
	b.withSnapshots(t)
	a := b.create(t, "live", "new", "tag")
	a.Preconditions = nil
	b.world.Remove(t, b.name("live"))
	b.world.AddVolume(t, b.name("live"))
	b.doStale(t, a)
	if b.exists(t, "new") {
		t.Error("it was created")
	}
}

func createOfGoneOrigin(t *testing.T, b *bench) {
	b.withSnapshots(t)
	a := b.create(t, "live", "new", "tag")
	b.world.Remove(t, b.name("live"))
	b.doStale(t, a)
}

func createOverForeign(t *testing.T, b *bench) {
	b.withSnapshots(t)
	a := b.create(t, "live", "new", "tag")
	b.world.AddVolume(t, b.name("new"))
	foreign := b.volume(t, "new")
	b.doStale(t, a)
	if diff := cmp.Diff(foreign, b.volume(t, "new")); diff != "" {
		t.Error(diff)
	}
}

func createOverOther(t *testing.T, b *bench) {
	b.withSnapshots(t)
	a := b.create(t, "live", "new", "tag")
	b.world.AddOther(t, b.name("new"))
	b.doStale(t, a)
}

func createInFullPool(t *testing.T, b *bench) {
	b.withSnapshots(t)
	a := b.create(t, "live", "new", "tag")
	a.Preconditions[2].MaxMetadata = 0
	b.doStale(t, a)
	if b.exists(t, "new") {
		t.Error("it was created")
	}
}

func pruneRemovesNamed(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "a1", "b", "c", "ca")
	b.doAll(t, []plan.Action{b.prune(t, "a", "c"), b.prune(t, "ca", "c")}, done, done)
	b.left(t, "a1", "b", "c", "live")
	b.do(t, b.prune(t, "b"), providers.Result{})
	b.left(t, "a1", "c", "live")
}

func pruneOfGone(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b")
	actions := []plan.Action{b.prune(t, "a"), b.prune(t, "b")}
	b.world.Remove(t, b.name("a"))
	b.doAll(t, actions, already, done)
	b.doAll(t, actions, already, already)
	b.do(t, actions[0], providers.Result{Already: true})
}

func pruneOfReplaced(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b")
	a := b.prune(t, "a")
	a.Preconditions = nil
	b.world.Remove(t, b.name("a"))
	b.world.AddSnapshot(t, b.name("live"), b.name("a"), a.Snapshot.Tags...)
	b.doAll(t, []plan.Action{a, b.prune(t, "b")}, isStale, done)
	b.left(t, "a", "live")
}

func pruneOfRenamed(t *testing.T, b *bench) {
	b.withSnapshots(t, "a")
	a := b.prune(t, "a")
	b.world.Rename(t, b.name("a"), b.name("kept"))
	b.doStale(t, a)
	b.left(t, "kept", "live")
}

func pruneOfRetagged(t *testing.T, b *bench) {
	b.withSnapshots(t, "a")
	a := b.prune(t, "a")
	a.Snapshot.Tags = append(a.Snapshot.Tags, "another")
	b.doStale(t, a)
	b.left(t, "a", "live")
}

func pruneWithoutKeeper(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b", "keeper")
	actions := []plan.Action{b.prune(t, "a", "keeper"), b.prune(t, "b")}
	b.world.Remove(t, b.name("keeper"))
	b.doAll(t, actions, isStale, done)
	b.left(t, "a", "live")
}

func pruneOfKeeper(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b")
	b.doAll(t, []plan.Action{b.prune(t, "a", "b"), b.prune(t, "b", "a")}, done, isStale)
	b.left(t, "b", "live")
}

func pruneOfHeld(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b", "c")
	actions := []plan.Action{b.prune(t, "a"), b.prune(t, "b"), b.prune(t, "c")}
	release := b.world.Hold(t, b.name("b"))
	b.doAll(t, actions, done, failed, done)
	b.left(t, "b", "live")
	release()
	b.doAll(t, actions, already, done, already)
}

func pruneOfOrphan(t *testing.T, b *bench) {
	b.withSnapshots(t, "a", "b")
	b.world.Remove(t, b.name("live"))
	if orphan := b.volume(t, "a"); orphan.Origin != "" || orphan.OriginUUID != "" {
		t.Errorf("%+v", orphan)
	}
	b.do(t, b.prune(t, "a"), providers.Result{})
	b.left(t, "b")
}

func otherKinds(t *testing.T, b *bench) {
	provider := b.world.Provider()
	for _, a := range []plan.Action{{Kind: plan.Sync}, {Kind: plan.Clean, Snapshot: &plan.SnapshotAction{}}, {Kind: plan.Create}, {Kind: plan.Prune}} {
		if _, err := provider.Do(t.Context(), a); !errors.Is(err, providers.ErrUnsupported) {
			t.Errorf("%s: %v", a.Kind, err)
		}
	}
	target := providers.Target{Source: plan.Source{Kind: plan.SourceDirectory, Directory: &plan.DirectorySource{Path: "/"}}, Now: testTime}
	if _, err := provider.Observe(t.Context(), target); !errors.Is(err, providers.ErrUnsupported) {
		t.Errorf("observe: %v", err)
	}
	if outcomes := provider.DoAll(t.Context(), nil); len(outcomes) != 0 {
		t.Errorf("%+v", outcomes)
	}
}
