package ssh

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/plan"
)

func TestAWeekAndTheNext(t *testing.T) {
	for name, make := range map[string]func(*testing.T) *bench{"as root": newBench, "as a user": newKeptBench} {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			b.put(week46, "same", "same")
			b.put(week46, "d/changes", "one")
			b.put(week46, "twice", "twice")
			if err := os.Link(b.local(week46, "twice"), b.local(week46, "d/again")); err != nil {
				t.Fatal(err)
			}
			first := b.prove(week46)
			if r := b.do(b.copy(week46, "")); r.Already || r.Detail == "" {
				t.Errorf("%+v", r)
			}
			b.holds(week46)
			b.link(week46, week47, "same")
			b.put(week47, "d/changes", "two")
			second := b.prove(week47)
			b.do(b.copy(week47, week46))
			b.holds(week46)
			b.holds(week47)
			if inode(t, b.remote(week46, "same")) != inode(t, b.remote(week47, "same")) {
				t.Error("what did not change is a copy over there")
			}
			disk := b.observe()
			if diff := cmp.Diff([]plan.Receipt{first, second}, disk.Receipts); diff != "" {
				t.Error(diff)
			}
			want := []plan.Folder{
				{Directory: "pvc-data", Depth: 3, Entries: []plan.Entry{{Path: "2026-46/vaultwarden/data", Type: plan.EntryFolder}, {Path: "2026-47/vaultwarden/data", Type: plan.EntryFolder}}},
				{Directory: ".", Depth: 1, Entries: []plan.Entry{{Path: "pvc-data", Type: plan.EntryFolder}}},
			}
			if diff := cmp.Diff(want, disk.Folders); diff != "" {
				t.Error(diff)
			}
			if r := b.do(b.copy(week47, week46)); !r.Already {
				t.Errorf("again: %+v", r)
			}
			b.do(b.prune(week46, week47))
			b.holds(week47)
			if disk := b.observe(); len(disk.Receipts) != 1 || len(disk.Folders[0].Entries) != 1 {
				t.Errorf("%+v", disk)
			}
			if left := b.unfinished(); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}
