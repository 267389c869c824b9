package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/quantity"
)

// Low space over there names what would have to go, and how much that frees.
func TestOffsiteLowSpaceNamesWhatWouldHaveToGo(t *testing.T) {
	least := quantity.Threshold{Share: share("10%")}.Bytes(1 << 42)
	for name, test := range map[string]struct {
		free, fresh int64 // bytes; of the second week there
		want        string
	}{
		"for one version": {least + 50<<20, 70 << 20, "; 50 MiB are missing, for which these would have to go, the oldest there: weekly/2026-11-02 of 1 volume (70 MiB)"},
		"at all":          {least - 60<<20, 70 << 20, "; 60 MiB are missing, for which these would have to go, the oldest there: weekly/2026-11-02 of 1 volume (70 MiB)"},
		"too much":        {1 << 38, 70 << 20, "; 154 GiB are missing, and all versions there but the newest of each volume would free 70 MiB"},
	} {
		p, o := month(monday)
		o.Disks[0].Receipts[3].NewBytes = 100 << 20
		o.Disks[2].Receipts[0].Bytes, o.Disks[2].Receipts[1].NewBytes = 100<<20, test.fresh
		o.Disks[1].FileSystem.Free, o.Disks[2].FileSystem.Free = test.free, test.free
		a := Build(p, o, monday, Options{}).Actions[0]
		if a.Blocked == nil || a.Blocked.Code != BlockSpace || !strings.HasSuffix(a.Blocked.Unblock, "the guard of destination.nas"+test.want) {
			t.Errorf("%s: %+v", name, a.Blocked)
		}
	}
}

// Few names are told, and no volume's newest version is among them.
func TestMakeRoomGoesByAge(t *testing.T) {
	to := Destination{Kind: DestinationSSH, Name: "nas", Address: testNAS, Path: testFar}
	disk, other := Disk{Address: testNAS, Path: testRoot}, Disk{Address: testNAS, Path: "/volume2"}
	for week := range 6 {
		for _, volume := range []string{"apps/web", "apps/db"} {
			disk.Receipts = append(disk.Receipts, Receipt{
				Layer: "weekly", Volume: volume, Version: fmt.Sprintf("2026-4%d", week), Started: monday.Add(days(7 * week)), Bytes: 10 << 20, NewBytes: 4 << 20,
			})
		}
	}
	disk.Receipts = append(disk.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Bytes: 1 << 40})
	other.Receipts = slices.Clone(disk.Receipts)
	for missing, want := range map[int64]string{
		0:        "",
		1:        "; 1 B are missing, for which these would have to go, the oldest there: weekly/2026-40 of 2 volumes (8 MiB)",
		9 << 20:  "; 9 MiB are missing, for which these would have to go, the oldest there: weekly/2026-40 of 2 volumes (8 MiB) and weekly/2026-41 of 2 volumes (8 MiB)",
		40 << 20: "; 40 MiB are missing, for which these would have to go, the oldest there: weekly/2026-40 of 2 volumes (8 MiB), weekly/2026-41 of 2 volumes (8 MiB), weekly/2026-42 of 2 volumes (8 MiB), … and 2 more (40 MiB in all)",
		41 << 20: "; 41 MiB are missing, and all versions there but the newest of each volume would free 40 MiB",
	} {
		b := builder{observation: Observation{Disks: []Disk{other, disk}}}
		b.survey()
		if got := b.makeRoom(to, missing); got != want {
			t.Errorf("%d: %q", missing, got)
		}
	}
}

// What is left over there is told with its size, as far as receipts know it.
func TestOffsiteDriftHasSizes(t *testing.T) {
	p, o := month(monday)
	p.Excludes = []Exclude{{Name: "some", Volumes: []string{"web"}, Layers: []string{"offsite"}, Reason: "elsewhere"}}
	far := &o.Disks[2]
	for i := range 2 {
		older := far.Receipts[i]
		older.Layer, older.Path = "older", "older/"+older.Version
		far.Receipts = append(far.Receipts, older)
	}
	details := func() []string {
		var list []string
		for _, d := range Build(p, o, monday, Options{}).Drift {
			if d.Kind == Orphaned {
				list = append(list, d.Detail)
			}
		}
		return list
	}
	want := []string{
		"2 versions (101 MiB) left by layer.older, which does not keep anything on " + testDisk + " any more",
		"2 versions (101 MiB) of layer.weekly left, the newest of 2026-11-09 05:00: the volume is excluded from layer.offsite now",
	}
	if diff := cmp.Diff(want, details()); diff != "" {
		t.Error(diff)
	}
	far.Receipts = append(slices.Clone(far.Receipts[:1]), far.Receipts[2:]...)
	if diff := cmp.Diff("2 versions (100 MiB in 1 of them) of layer.weekly left, the newest of 2026-11-09 00:00: the volume is excluded from layer.offsite now", details()[1]); diff != "" {
		t.Error(diff)
	}
	far.Receipts = nil
	if diff := cmp.Diff([]string{"2 versions of layer.weekly left, the newest of 2026-11-09 00:00: the volume is excluded from layer.offsite now"}, details()); diff != "" {
		t.Error(diff)
	}
}
