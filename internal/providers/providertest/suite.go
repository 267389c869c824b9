// Package providertest holds the conformance suite that every provider of
// snapshots passes, and the Fake, an LVM in memory that passes it too. Start
// at Run for the suite, at NewFake for the Fake.
package providertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/google/go-cmp/cmp"
)

// World is a thin pool that the suite may use. Run leaves it as it found it,
// given that Remove works.
type World interface {
	Provider() providers.Batcher
	Source() plan.LVMThinSource
	// AddVolume makes a small live volume in the pool.
	AddVolume(t testing.TB, name string)
	// AddSnapshot makes a snapshot by other means than the provider.
	AddSnapshot(t testing.TB, origin, name string, tags ...string)
	// AddOther makes a volume outside the pool.
	AddOther(t testing.TB, name string)
	// Rename gives a volume another name.
	Rename(t testing.TB, name, to string)
	// Hold opens a volume, so that it cannot be removed, until release.
	Hold(t testing.TB, name string) (release func())
	// Remove removes a volume; one that is gone already is no error.
	Remove(t testing.TB, name string)
}

// Run runs the suite, one subtest a promise.
func Run(t *testing.T, world World) {
	before := (&bench{world: world}).observe(t)
	for i, promise := range promises {
		t.Run(promise.name, func(t *testing.T) {
			b := &bench{world: world, prefix: fmt.Sprintf("conformance-%02d-", i)}
			defer b.clear(t)
			promise.test(t, b)
		})
	}
	if diff := cmp.Diff(names(before), names((&bench{world: world}).observe(t))); diff != "" {
		t.Errorf("the world is not as it was:\n%s", diff)
	}
}

// bench is a world for one subtest, which has names of its own in it.
type bench struct {
	world  World
	prefix string
}

// testTime is a time on the second; what is made is named after nothing else.
var testTime = time.Date(2026, 11, 16, 3, 0, 0, 0, time.UTC)

func (b *bench) name(short string) string { return b.prefix + short }

func (b *bench) observe(t testing.TB) plan.Pool {
	t.Helper()
	source := b.world.Source()
	part, err := b.world.Provider().Observe(t.Context(), providers.Target{
		Source: plan.Source{Kind: plan.SourceLVMThin, Name: "conformance", LVMThin: &source}, Now: testTime,
	})
	if err != nil {
		t.Fatal(err)
	}
	if part.Pool == nil {
		t.Fatalf("not the observation of a pool: %+v", part)
	}
	return *part.Pool
}

// volume observes one volume; it must be there.
func (b *bench) volume(t testing.TB, short string) plan.LogicalVolume {
	t.Helper()
	v, found := plan.Facts(b.observe(t)).Volume(b.name(short))
	if !found {
		t.Fatalf("%s is not there", b.name(short))
	}
	return v
}

func (b *bench) exists(t testing.TB, short string) bool {
	t.Helper()
	return plan.Facts(b.observe(t)).Taken(b.name(short))
}

// clear removes what the subtest made, snapshots first.
func (b *bench) clear(t testing.TB) {
	pool := b.observe(t)
	mine := names(pool)
	slices.Reverse(mine)
	for _, name := range mine {
		if len(name) > len(b.prefix) && name[:len(b.prefix)] == b.prefix {
			b.world.Remove(t, name)
		}
	}
}

func names(pool plan.Pool) []string {
	all := slices.Clone(pool.Others)
	for _, v := range pool.Volumes {
		all = append(all, v.Name)
	}
	slices.Sort(all)
	return all
}

// create is the action that makes a snapshot as the volume is now.
func (b *bench) create(t testing.TB, origin, name string, tags ...string) plan.Action {
	t.Helper()
	v := b.volume(t, origin)
	source := b.world.Source()
	return plan.Action{
		ID: name, Kind: plan.Create, Layer: "snapshots", Volume: origin, Version: b.name(name), VersionTime: testTime,
		Snapshot: &plan.SnapshotAction{
			VolumeGroup: source.VolumeGroup, Pool: source.ThinPool, Origin: v.Name, OriginUUID: v.UUID, Name: b.name(name), Tags: tags,
		},
		Preconditions: []plan.Precondition{
			{Kind: plan.VolumeIs, VolumeGroup: source.VolumeGroup, Name: v.Name, UUID: v.UUID},
			{Kind: plan.NameFree, VolumeGroup: source.VolumeGroup, Name: b.name(name)},
			{Kind: plan.PoolBelow, VolumeGroup: source.VolumeGroup, Name: source.ThinPool, MaxData: 100, MaxMetadata: 100},
			{Kind: plan.NewestIs, VolumeGroup: source.VolumeGroup},
		},
	}
}

// prune is the action that removes a snapshot as it is now, relying on keepers.
func (b *bench) prune(t testing.TB, name string, keepers ...string) plan.Action {
	t.Helper()
	v := b.volume(t, name)
	source := b.world.Source()
	a := plan.Action{
		ID: name, Kind: plan.Prune, Layer: "snapshots", Volume: name, Version: v.Name, VersionTime: testTime,
		Snapshot: &plan.SnapshotAction{
			VolumeGroup: source.VolumeGroup, Pool: source.ThinPool, Origin: v.Origin, Name: v.Name, UUID: v.UUID, Tags: v.Tags,
		},
		Preconditions: []plan.Precondition{{Kind: plan.VolumeIs, VolumeGroup: source.VolumeGroup, Name: v.Name, UUID: v.UUID}},
	}
	for _, keeper := range keepers {
		k := b.volume(t, keeper)
		a.Preconditions = append(a.Preconditions,
			plan.Precondition{Kind: plan.VolumeIs, VolumeGroup: source.VolumeGroup, Name: k.Name, UUID: k.UUID})
	}
	return a
}

// withSnapshots makes a live volume `live` and snapshots of it.
func (b *bench) withSnapshots(t testing.TB, snapshots ...string) {
	t.Helper()
	b.world.AddVolume(t, b.name("live"))
	for _, s := range snapshots {
		b.world.AddSnapshot(t, b.name("live"), b.name(s), "bkplan.layer=snapshots", "made="+s)
	}
}
