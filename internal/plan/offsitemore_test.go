package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/quantity"
)

// Safety rule 6 holds for a NAS too, where the policy says that the path is a mount
// point there: an encrypted share that is locked shows an empty directory.
func TestOffsiteRequiresItsMount(t *testing.T) {
	p, o := month(monday)
	p.Destinations[1].RequireMount = true
	p.Layers = append(p.Layers, Layer{Kind: LayerSync, Name: "media", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "media", Schedule: calendar("*-*-* 06:00")})
	o.Disks[1].Unfinished = []string{WorkName(Sync, "media", "gone", "")}
	plan := Build(p, o, monday, Options{})
	for _, l := range plan.Layers[2:] {
		if l.Blocked == nil || l.Blocked.Code != BlockMount || l.Blocked.Detail != testNAS+":"+testFar+" is not mounted: what is there lies on /volume1" {
			t.Errorf("%s: %+v", l.Name, l.Blocked)
		}
	}
	if len(plan.Actions) > 0 {
		t.Errorf("%v", ids(plan.Actions))
	}
	o.Disks[1].FileSystem.MountPoint, o.Disks[2].FileSystem.MountPoint = testFar, testFar
	plan = Build(p, o, monday, Options{})
	for _, a := range plan.Actions {
		if !a.Copy.RequireMount || a.Copy.Remote.MountPoint != testFar {
			t.Errorf("%s: %+v", a.ID, a.Copy)
		}
	}
	if len(plan.Actions) < 6 {
		t.Errorf("%v", ids(plan.Actions))
	}
}

// What no layer owns is mirrored, and its deletions are guarded as those of any mirror.
func TestOffsiteMirrorOfTheRestHasItsGuard(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].Guard.MaxDelete = quantity.Threshold{Share: share("10%")}
	rest := action(t, Build(p, o, monday, Options{}), `layer.offsite["sda"]`)
	if rest.Copy.MaxDelete != p.Layers[2].Guard.MaxDelete {
		t.Errorf("%+v", rest.Copy)
	}
}

// Beside how long a Synology keeps its own snapshots the plan has what the policy
// declares: a mirror has one copy, and declares nothing.
func TestCapacityHasWhatThePolicyDeclares(t *testing.T) {
	p, o := month(monday)
	p.Layers = append(p.Layers, Layer{Kind: LayerSync, Name: "media", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "media", Schedule: calendar("*-*-* 06:00")})
	find := func() Capacity {
		all := Build(p, o, monday, Options{}).Capacity
		return all[slices.IndexFunc(all, func(c Capacity) bool { return c.Destination == "nas" })]
	}
	if c := find(); c.ShareSnapshots != nil || c.Declared != nil {
		t.Errorf("%+v", c)
	}
	o.Disks[1].ShareSnapshots = &ShareSnapshots{Share: "Backup", Retention: "7 days"}
	c := find()
	if diff := cmp.Diff([]string{"layer.offsite: keep_last = 4"}, c.Declared); diff != "" || c.ShareSnapshots == nil || c.ShareSnapshots.Retention != "7 days" {
		t.Errorf("%+v\n%s", c.ShareSnapshots, diff)
	}
	var locally []Layer
	for _, l := range p.Layers {
		if l.To.Name == "sda" {
			locally = append(locally, l)
		}
	}
	if diff := cmp.Diff([]string{"layer.weekly: keep everything"}, declared(locally)); diff != "" {
		t.Error(diff)
	}
}

// Inodes are projected like bytes, where a file system has a fixed number of them.
func TestCapacityProjectsInodes(t *testing.T) {
	p, o := month(monday)
	p.Layers = p.Layers[:1]
	p.Layers[0].Retention.Last = 4
	o.Disks = o.Disks[:1]
	o.Disks[0].FileSystem.Inodes, o.Disks[0].FileSystem.InodesFree = 1000, 600
	now := monday.Add(days(7))
	c := Build(p, o, now, Options{}).Capacity[0]
	if c.AddsInodes != 10 || c.FreesInodes != 10 || c.InodesFreeAfter != 600 {
		t.Errorf("%+v", c)
	}
	o.Disks[0].FileSystem.Inodes = 0
	if c := Build(p, o, now, Options{}).Capacity[0]; c.FreesInodes != 0 || c.InodesFreeAfter != 0 {
		t.Errorf("%+v", c)
	}
}

// A name that is not UTF-8 at the top of the disk cannot stand in a plan, so what has it is
// not sent: that is told of in each plan, also where nothing is due.
func TestOffsiteTellsOfNamesThatItCannotSend(t *testing.T) {
	p, o := month(monday)
	top := &o.Disks[0].Folders[2]
	top.Entries = append(top.Entries, Entry{Path: "pictures\uFFFD", Type: EntryFolder, Odd: true})
	want := Drift{
		Kind: Unprotected, Name: testDisk + "/pictures\uFFFD", Layer: "offsite",
		Detail: "its name is not UTF-8, so it is not sent to " + testNAS + ":" + testRoot, Hint: "rename it",
	}
	for name, schedule := range map[string]string{"due": "*-*-* 06:00", "not due": "2030-*-* 06:00"} {
		p.Layers[2].Schedule = calendar(schedule)
		plan := Build(p, o, monday, Options{})
		told := keep(plan.Drift, func(d Drift) bool { return d.Kind == Unprotected })
		if diff := cmp.Diff([]Drift{want}, told); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, a := range transfers(plan, Sync) {
			if !slices.Equal(a.Copy.Only, []string{"/loose"}) {
				t.Errorf("%s: %q", name, a.Copy.Only)
			}
		}
	}
}
