package providertest_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/providers/providertest"
	"github.com/google/go-cmp/cmp"
)

// fakeWorld is a Fake with one pool, changed by hand.
type fakeWorld struct {
	fake *providertest.Fake
	made int
}

func newFakeWorld() *fakeWorld {
	used := 10.0
	return &fakeWorld{fake: providertest.NewFake(plan.Pool{
		VolumeGroup: "pve", VolumeGroupUUID: "group", Name: "data", UUID: "pool",
		Size: 4 << 30, MetadataSize: 16 << 20, DataPercent: &used, MetadataPercent: &used,
		Others: []string{"root"},
	})}
}

func (w *fakeWorld) Provider() providers.Batcher { return w.fake }

func (w *fakeWorld) Source() plan.LVMThinSource {
	return plan.LVMThinSource{VolumeGroup: "pve", ThinPool: "data", Match: "*"}
}

func (w *fakeWorld) change(change func(*plan.Pool)) { w.fake.Change("pve", "data", change) }

func (w *fakeWorld) add(v plan.LogicalVolume) {
	w.made++
	v.UUID = fmt.Sprintf("by-hand-%d", w.made)
	v.Size, v.Created = 8<<20, time.Unix(1, 0).UTC()
	w.change(func(p *plan.Pool) { p.Volumes = append(p.Volumes, v) })
}

func (w *fakeWorld) AddVolume(_ testing.TB, name string) { w.add(plan.LogicalVolume{Name: name}) }

func (w *fakeWorld) AddSnapshot(_ testing.TB, origin, name string, tags ...string) {
	v, _ := plan.Facts(w.fake.Pools()[0]).Volume(origin)
	w.add(plan.LogicalVolume{Name: name, Origin: origin, OriginUUID: v.UUID, Tags: tags, SkipActivation: true})
}

func (w *fakeWorld) AddOther(_ testing.TB, name string) {
	w.change(func(p *plan.Pool) { p.Others = append(p.Others, name) })
}

func (w *fakeWorld) edit(name string, edit func(*plan.LogicalVolume)) {
	w.change(func(p *plan.Pool) {
		for i := range p.Volumes {
			if p.Volumes[i].Name == name {
				edit(&p.Volumes[i])
			}
		}
	})
}

func (w *fakeWorld) Rename(_ testing.TB, name, to string) {
	w.edit(name, func(v *plan.LogicalVolume) { v.Name = to })
}

func (w *fakeWorld) Hold(_ testing.TB, name string) (release func()) {
	w.edit(name, func(v *plan.LogicalVolume) { v.Open = true })
	return func() { w.edit(name, func(v *plan.LogicalVolume) { v.Open = false }) }
}

func (w *fakeWorld) Remove(_ testing.TB, name string) {
	w.change(func(p *plan.Pool) {
		p.Volumes = slices.DeleteFunc(p.Volumes, func(v plan.LogicalVolume) bool { return v.Name == name })
		p.Others = slices.DeleteFunc(p.Others, func(other string) bool { return other == name })
		for i := range p.Volumes {
			if p.Volumes[i].Origin == name {
				p.Volumes[i].Origin, p.Volumes[i].OriginUUID = "", ""
			}
		}
	})
}

func TestFakeConforms(t *testing.T) { providertest.Run(t, newFakeWorld()) }

func createAction(name string) plan.Action {
	return plan.Action{
		Kind: plan.Create, VersionTime: time.Date(2026, 11, 16, 3, 0, 0, 0, time.UTC),
		Snapshot: &plan.SnapshotAction{VolumeGroup: "pve", Pool: "data", Origin: "live", OriginUUID: "by-hand-1", Name: name, Tags: []string{"tag"}},
	}
}

func TestFakeIsDeterministic(t *testing.T) {
	make := func() []plan.Pool {
		w := newFakeWorld()
		w.AddVolume(t, "live")
		for _, name := range []string{"b", "a"} {
			if _, err := w.fake.Do(t.Context(), createAction(name)); err != nil {
				t.Fatal(err)
			}
		}
		return w.fake.Pools()
	}
	pools := make()
	if diff := cmp.Diff(pools, make()); diff != "" {
		t.Error(diff)
	}
	a, b := pools[0].Volumes[0], pools[0].Volumes[1]
	if a.Name != "a" || b.Name != "b" || a.UUID == b.UUID || a.ThinID == b.ThinID || !a.Created.Equal(createAction("a").VersionTime) {
		t.Errorf("%+v\n%+v", a, b)
	}
	if !regexp.MustCompile(`^\w{6}(-\w{4}){5}-\w{6}$`).MatchString(a.UUID) {
		t.Error(a.UUID)
	}
}

func TestFakeFails(t *testing.T) {
	w := newFakeWorld()
	w.AddVolume(t, "live")
	broken := errors.New("I/O error")
	w.fake.Fail("live", broken)
	if _, err := w.fake.Do(t.Context(), createAction("a")); !errors.Is(err, broken) {
		t.Error(err)
	}
	w.fake.Fail("live", nil)
	if _, err := w.fake.Do(t.Context(), createAction("a")); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.fake.Do(ctx, createAction("b")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFakeGivesCopies(t *testing.T) {
	w := newFakeWorld()
	w.AddSnapshot(t, "live", "a", "tag")
	w.fake.Pools()[0].Volumes[0].Tags[0] = "changed"
	if got := w.fake.Pools()[0].Volumes[0].Tags[0]; got != "tag" {
		t.Error(got)
	}
}
