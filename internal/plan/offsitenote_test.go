package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bkplan/bkplan/internal/retention"
)

// Each test is named after a failure of an offsite copy that somebody has had.

// Nobody watched the NAS's free space; it was one day from stopping. It is in each plan,
// also in one that changes nothing there, with the day on which it is full.
func TestFreeSpaceOfTheNASIsWatched(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].Schedule = calendar("2030-*-* 06:00")
	fs := &o.Disks[1].FileSystem
	for day := range 10 {
		at := monday.Add(-days(10 - day))
		o.History = append(o.History, Room{Place: testNAS + ":" + testFar, Time: at, Size: fs.Size, Free: fs.Free + int64(10-day)<<30})
	}
	c := capacityOf(t, Build(p, o, monday, Options{}), "nas")
	if c.Free != 1<<41 || c.PerDay != 1<<30 || !c.Full.Equal(monday.Add(days(2048))) {
		t.Errorf("%+v", c)
	}
	p.Layers[2].Schedule = calendar("*-*-* 06:00")
	o.Disks[1].FileSystem.Free, o.Disks[2].FileSystem.Free = 1<<38, 1<<38 // 6%, and 10% is the least
	sent := transfers(Build(p, o, monday, Options{}), Create, Sync)
	for _, a := range sent {
		if a.Blocked == nil || a.Blocked.Code != BlockSpace {
			t.Errorf("%s is sent", a.ID)
		}
	}
	if len(sent) == 0 {
		t.Error("nothing was to be sent")
	}
}

func capacityOf(t *testing.T, p Plan, destination string) Capacity {
	t.Helper()
	i := slices.IndexFunc(p.Capacity, func(c Capacity) bool { return c.Destination == destination })
	if i < 0 {
		t.Fatalf("no capacity of %s: %+v", destination, p.Capacity)
	}
	return p.Capacity[i]
}

// "Last success" was pushed after failures as well. It is the time of what is there and
// whole, whatever has run since.
func TestLastSuccessIsNotOfAFailure(t *testing.T) {
	p, o := month(monday)
	p.Layers = append(p.Layers, Layer{Kind: LayerSync, Name: "media", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "media", Schedule: calendar("*-*-* 06:00")})
	synced, failed := monday.Add(-days(3)), monday.Add(-30*time.Minute)
	o.LastRun = failed
	o.Disks[1].Receipts = []Receipt{{Layer: "media", Volume: "nfs", Path: "media", Started: synced, Source: ReceiptSource{Taken: synced, Paths: []string{testTree}}}}
	o.Disks[2].Receipts = append(o.Disks[2].Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: failed, Source: ReceiptSource{Paths: []string{testDisk}}})
	plan := Build(p, o, monday, Options{})
	if got := plan.LastSuccess("media"); !got.Equal(synced) {
		t.Errorf("media: %s, want %s", got, synced)
	}
	// The offsite layer has run, and two versions did not arrive: it is as whole as before the older one.
	if got, want := plan.LastSuccess("offsite"), o.Disks[0].Receipts[2].Started; !got.Equal(want) {
		t.Errorf("offsite: %s, want %s", got, want)
	}
	// One that was cut off says when the last whole one was.
	o.Disks[1].Receipts[0].Source.Paths = nil
	if got := Build(p, o, monday, Options{}).LastSuccess("media"); !got.Equal(synced) {
		t.Errorf("media, cut off since: %s, want %s", got, synced)
	}
}

// Large regenerable data (models, caches) filled the NAS: it is left out with a reason,
// and the plan has the size of what is sent.
func TestRegenerableDataIsLeftOutWithAReason(t *testing.T) {
	p, o := month(monday)
	const reason = "models: large, and to be had again"
	p.Layers = append(p.Layers, Layer{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "nfs", Schedule: calendar("*-*-* 06:00")})
	p.Excludes = []Exclude{{Name: "regenerable", Volumes: []string{"ollama"}, Layers: []string{"nfs", "offsite"}, Reason: reason, Accept: true}}
	o.Trees[0].Children = append(o.Trees[0].Children, Child{Name: "ollama", Type: EntryFolder})
	o.Disks[0].Folders[0].Entries = append(o.Disks[0].Folders[0].Entries, Entry{Path: "2026-11-23/ollama", Type: EntryFolder})
	r := o.Disks[0].Receipts[3]
	r.Volume, r.Path, r.Bytes = "ollama", "data/2026-11-23/ollama", 1<<40
	o.Disks[0].Receipts = append(o.Disks[0].Receipts, r)
	plan := Build(p, o, monday, Options{})
	for _, layer := range []string{"nfs", "offsite"} {
		if !slices.Contains(plan.Excluded, Skipped{layer, "ollama", "regenerable", reason, true}) {
			t.Errorf("%s: %+v", layer, plan.Excluded)
		}
	}
	if a := action(t, plan, `layer.nfs["nfs"]`); !slices.Equal(a.Copy.Exclude, []string{"/ollama"}) {
		t.Errorf("%q", a.Copy.Exclude)
	}
	for _, a := range transfers(plan, Create) {
		if a.Volume == "ollama" || a.Copy.Estimate == nil || a.Copy.Estimate.Size == 0 {
			t.Errorf("%s: %+v", a.ID, a.Copy.Estimate)
		}
	}
	if c := capacityOf(t, plan, "nas"); c.Adds != 3<<20+100 {
		t.Errorf("%+v", c)
	}
}

// syncoid: `zfs destroy -r` before a sync removed snapshots that only the target had. What
// goes over there goes by an action of its own, and never by one that sends.
func TestRemoteDeletionIsAnActionOfItsOwn(t *testing.T) {
	p, o := month(monday)
	local := &o.Disks[0]
	local.Folders[0].Entries, local.Receipts = local.Folders[0].Entries[2:], local.Receipts[2:] // the weeks there are gone here
	p.Layers[2].Retention = retention.Rules{}
	plan := Build(p, o, monday, Options{})
	if pruned := transfers(plan, Prune, Clean); len(pruned) > 0 {
		t.Errorf("without a rule %v", ids(pruned))
	}
	if rest := action(t, plan, `layer.offsite["sda"]`); !slices.Equal(rest.Copy.Only, []string{"/loose"}) {
		t.Errorf("the mirror may touch %q", rest.Copy.Only)
	}
	p.Layers[2].Retention, p.Layers[2].Guard.MaxPrune = retention.Rules{Last: 3}, share("100%")
	pruned := transfers(Build(p, o, monday, Options{}), Prune)
	if len(pruned) != 1 || pruned[0].Version != "weekly/2026-11-02" || pruned[0].Blocked != nil || !strings.Contains(pruned[0].Reason.Detail, "last 3") {
		t.Errorf("%+v", describe(pruned))
	}
}
