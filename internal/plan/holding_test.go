package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkHoldings: a layer that could be planned holds something of each volume that it
// covers, and no more than all its versions; one that is blocked says nothing.
func checkHoldings(t *rapid.T, p Plan) {
	held, versions := map[string]int{}, map[string]int{}
	for _, h := range p.Holdings {
		held[h.Layer]++
		versions[h.Layer] += h.Versions
		if h.Newest.IsZero() != h.Oldest.IsZero() && h.Versions < 2 || h.Oldest.After(h.Newest) {
			t.Fatalf("%+v", h)
		}
		if at := p.LastSuccess(h.Layer); !h.Newest.IsZero() && at.After(h.Newest) && layerKind(p, h.Layer) != LayerSync {
			t.Fatalf("layer.%s was fine at %s, and its %s is of %s", h.Layer, at, h.Volume, h.Newest)
		}
	}
	for _, l := range p.Layers {
		switch {
		case l.Blocked != nil && held[l.Name] > 0:
			t.Fatalf("layer.%s is blocked and holds %d volumes", l.Name, held[l.Name])
		case l.Blocked == nil && l.Kind != LayerSync && (held[l.Name] > l.Volumes || l.Volumes > 0 && held[l.Name] == 0 || versions[l.Name] > l.Versions):
			t.Fatalf("%+v: %d volumes, %d versions are held", l, held[l.Name], versions[l.Name])
		}
	}
}

func layerKind(p Plan, name string) string {
	for _, l := range p.Layers {
		if l.Name == name {
			return l.Kind
		}
	}
	return ""
}

func TestHoldingsOfSnapshots(t *testing.T) {
	checkWorlds(t, func(t *rapid.T, w *world, p Plan) {
		checkHoldings(t, p)
		for _, h := range p.Holdings {
			for _, v := range w.volumes {
				if v.claimName() != h.Volume && v.lvName != h.Volume {
					continue
				}
				if newest := w.trueNewest(h.Layer, v.lvName); !h.Newest.IsZero() && newest.Before(h.Newest) && countNamed(w, h.Volume) == 1 {
					t.Fatalf("%s: the newest is of %s, not %s", h.Volume, newest, h.Newest)
				}
			}
		}
	})
}

func countNamed(w *world, name string) int {
	n := 0
	for _, v := range w.volumes {
		if v.claimName() == name || v.lvName == name {
			n++
		}
	}
	return n
}

func TestHoldingsOfCopies(t *testing.T) {
	checkCopyWorlds(t, func(t *rapid.T, _ *copyWorld, p Plan) { checkHoldings(t, p) })
}

func TestHoldingsOfCopiesOfCopies(t *testing.T) {
	checkOffsiteWorlds(t, func(t *rapid.T, _ *offsiteWorld, p Plan) { checkHoldings(t, p) })
}

// What is held is what a receipt says of the newest version; two weeks are on the NAS, of
// four that are here.
func TestHoldings(t *testing.T) {
	p, o := month(monday)
	plan := Build(p, o, monday, Options{})
	at := func(day int) time.Time { return time.Date(2026, 11, day, 5, 0, 0, 0, time.UTC) }
	want := []Holding{
		{Layer: "weekly", Volume: "web", Versions: 4, Newest: at(23), Oldest: at(2), Proven: true, Files: 1000, Bytes: 100 << 20},
		{Layer: "host", Volume: "host", Versions: 1, Newest: at(23), Oldest: at(23), Proven: true, Files: 5, Bytes: 100},
		{Layer: "offsite", Volume: "web", Versions: 2, Newest: at(9), Oldest: at(2), Proven: true, Files: 1000, Bytes: 100 << 20},
		{Layer: "offsite", Volume: "host"},
		{Layer: "offsite", Volume: "sda"},
	}
	if diff := cmp.Diff(want, plan.Holdings); diff != "" {
		t.Error(diff)
	}
	if narrow := Build(p, o, monday, Options{Filter: Filter{Layers: []string{"host"}}}); len(narrow.Holdings) != 1 {
		t.Errorf("%+v", narrow.Holdings)
	}
}

// A copy of a disk is whole up to its last sync, or to the first version that it lacks.
func TestACopyThatLacksAVersionIsNotWhole(t *testing.T) {
	p, o := month(monday)
	if at := Build(p, o, monday, Options{}).LastSuccess("offsite"); !at.Equal(time.Date(2026, 11, 9, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("never synced as a whole, and fine at %s", at)
	}
	far := &o.Disks[2]
	synced := monday.Add(-time.Hour).Add(time.Minute)
	far.Receipts = append(far.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: synced})
	if at := Build(p, o, monday, Options{}).LastSuccess("offsite"); !at.Equal(time.Date(2026, 11, 16, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("the week of the 16th is missing, and it was fine at %s", at)
	}
	far.Folders[0], far.Receipts = o.Disks[0].Folders[0], append(far.Receipts, o.Disks[0].Receipts[2:]...)
	if at := Build(p, o, monday, Options{}).LastSuccess("offsite"); !at.Equal(synced) {
		t.Errorf("all is there, and it was fine at %s", at)
	}
	p.Layers[2].FullSchedule = calendar("Mon *-*-* 06:00")
	full := Build(p, o, monday, Options{})
	if at := full.LastSuccess("offsite"); !at.Equal(synced) || len(ofKind(full, Refresh)) == 0 {
		t.Errorf("all is to be compared, and it was fine at %s: %v", at, ids(full.Actions))
	}
}

// A sync that was cut off leaves no mirror, and the layer as old as it was: an alert that it
// is stale must go on.
func TestAMirrorThatWasCutOffIsAsOldAsItWas(t *testing.T) {
	p, o := month(monday)
	p.Layers = []Layer{{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "nfs", Schedule: calendar("*-*-* 06:00")}}
	began := monday.Add(-days(9))
	o.Disks[1].Receipts = []Receipt{{Layer: "nfs", Volume: "nfs", Path: "nfs", Started: began}} // of no source
	got := Build(p, o, monday, Options{})
	if at := got.LastSuccess("nfs"); !at.Equal(began) || got.Holdings[0].Versions != 0 {
		t.Errorf("fine at %s: %+v", at, got.Holdings)
	}
	o.Disks[1].Receipts[0].Started = monday.AddDate(1, 0, 0)
	if at := Build(p, o, monday, Options{}).LastSuccess("nfs"); !at.IsZero() {
		t.Errorf("fine at %s, which is in the future", at)
	}
}
