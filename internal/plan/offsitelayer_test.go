package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/schedule"
	"github.com/bkplan/bkplan/internal/stamp"
)

// month is a disk with four weeks of a volume, a mirrored tree, and what no layer
// owns; and a NAS that has the first two weeks.
func month(now time.Time) (Policy, Observation) {
	disk := Destination{Kind: DestinationDisk, Name: "sda", Path: testDisk, RequireMount: true}
	nas := Destination{Kind: DestinationSSH, Name: "nas", Address: testNAS, Path: testFar, MinFree: quantity.Threshold{Share: share("10%")}}
	nfs := Source{Kind: SourceDirectory, Name: "nfs", Directory: &DirectorySource{Path: testTree, Each: "*"}}
	host := Source{Kind: SourcePaths, Name: "host", Paths: []string{"/etc/pve"}}
	p := Policy{
		Timezone: Zone{}, Sources: []Source{nfs, host}, Destinations: []Destination{disk, nas},
		Layers: []Layer{
			{Kind: LayerFiles, Name: "weekly", From: Ref{"source", SourceDirectory, "nfs"}, To: disk.Ref(), Directory: "data", Version: "%Y-%m-%d", Schedule: calendar("Mon *-*-* 05:00")},
			{Kind: LayerSync, Name: "host", From: Ref{"source", SourcePaths, "host"}, To: disk.Ref(), Directory: "host", Schedule: calendar("Mon *-*-* 05:00")},
			{Kind: LayerSync, Name: "offsite", From: disk.Ref(), To: nas.Ref(), Directory: "pve", Schedule: calendar("*-*-* 06:00"), Retention: retention.Rules{Last: 4}},
		},
	}
	local := Disk{Path: testDisk, FileSystem: FileSystem{Device: "8:2", MountPoint: testDisk, Size: 1 << 40, Free: 1 << 39}}
	far := Disk{Address: testNAS, Path: testRoot, FileSystem: FileSystem{Device: "0:40", MountPoint: "/volume1", Size: 1 << 42, Free: 1 << 41}}
	here, there := Folder{Directory: "data", Depth: 2}, Folder{Directory: "data", Depth: 2}
	for week := range 4 {
		made := now.Add(-days(7 * (3 - week))).Truncate(24 * time.Hour).Add(5 * time.Hour)
		name := made.Format("2006-01-02")
		r := Receipt{
			Layer: "weekly", Volume: "web", Version: name, Path: "data/" + name + "/web", Slot: made, Started: made, Ended: made.Add(time.Minute),
			Files: 1000, Bytes: 100 << 20, NewBytes: 1 << 20, Directories: 10, Digest: "sha256:" + name,
		}
		here.Entries, local.Receipts = append(here.Entries, Entry{Path: name + "/web", Type: EntryFolder}), append(local.Receipts, r)
		if week < 2 {
			there.Entries, far.Receipts = append(there.Entries, Entry{Path: name + "/web", Type: EntryFolder}), append(far.Receipts, r)
		}
	}
	made := now.Truncate(24 * time.Hour).Add(5 * time.Hour)
	local.Receipts = append(local.Receipts, Receipt{Layer: "host", Volume: "host", Path: "host", Started: made, Ended: made, Files: 5, Bytes: 100, Digest: "sha256:host", Source: ReceiptSource{Paths: []string{"/etc/pve"}}})
	local.Folders = []Folder{here, {Directory: "host"}, {Directory: ".", Depth: 1, Entries: []Entry{{Path: "data", Type: EntryFolder}, {Path: "host", Type: EntryFolder}, {Path: "loose", Type: EntryFolder}, {Path: "lost+found", Type: EntryFolder}}}}
	far.Folders = []Folder{there, {Directory: "host"}, {Directory: ".", Depth: 1, Entries: []Entry{{Path: "data", Type: EntryFolder}, {Path: "long-gone", Type: EntryFolder}}}}
	tree := Tree{Path: testTree, FileSystem: FileSystem{Device: "8:1", MountPoint: testTree}, Children: []Child{{Name: "web", Type: EntryFolder}}}
	return p, Observation{
		Time: now, Host: "pve", Trees: []Tree{tree, {Path: "/etc/pve", FileSystem: FileSystem{MountPoint: "/etc/pve"}, Children: []Child{{Name: "a", Type: EntryFile}}}},
		Disks: []Disk{local, {Address: testNAS, Path: testFar, FileSystem: far.FileSystem}, far},
	}
}

// monday is one at seven, an hour after the offsite slot.
var monday = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func describe(actions []Action) []string {
	var list []string
	for _, a := range actions {
		text := fmt.Sprintf("%s %s: %s", a.Kind, a.ID, a.Reason.Detail)
		if a.Copy.Previous != "" {
			text += "; beside " + a.Copy.Previous
		}
		if e := a.Copy.Estimate; e != nil {
			text += fmt.Sprintf("; %d of %d MiB new", e.Bytes>>20, e.Size>>20)
		}
		if len(a.DependsOn) > 0 {
			text += "; after " + strings.Join(a.DependsOn, ", ")
		}
		if a.Blocked != nil {
			text += "; blocked: " + a.Blocked.Code
		}
		list = append(list, text)
	}
	return list
}

func TestOffsiteSendsWhatTheCopyLacks(t *testing.T) {
	p, o := month(monday)
	plan := Build(p, o, monday, Options{})
	want := []string{
		`create layer.offsite["web"]@weekly/2026-11-23: not there yet; beside 2026-11-09/web; 2 of 100 MiB new`,
		`create layer.offsite["host"]@host: not there yet; 0 of 0 MiB new`,
		`create layer.offsite["web"]@weekly/2026-11-16: not there yet; beside 2026-11-09/web; 1 of 100 MiB new`,
		`sync layer.offsite["sda"]: never synced`,
	}
	if diff := cmp.Diff(want, describe(plan.Actions)); diff != "" {
		t.Error(diff)
	}
	rest := plan.Actions[len(plan.Actions)-1].Copy
	if diff := cmp.Diff([]string{"/loose"}, rest.Only); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/.bkplan", "/data", "/host"}, rest.Exclude); diff != "" {
		t.Error(diff)
	}
	foreign := func(d Drift) bool {
		return d.Kind == Foreign && d.Name == testNAS+":"+testRoot+"/long-gone" && d.Detail == "a directory that /mnt/backup does not have"
	}
	if !slices.ContainsFunc(plan.Drift, foreign) {
		t.Errorf("what the disk does not have is no drift: %+v", plan.Drift)
	}
}

// What changed after the slot waits for the next one; what was there at the slot is
// late, and is sent at once.
func TestOffsiteWaitsForItsSlot(t *testing.T) {
	p, o := month(monday)
	far := &o.Disks[2]
	far.Receipts = append(far.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: monday.Add(-time.Hour).Add(time.Minute)})
	o.Disks[0].Receipts[3].Ended = monday.Add(-time.Minute)
	plan := Build(p, o, monday, Options{})
	want := []string{
		`create layer.offsite["host"]@host: not there yet; 0 of 0 MiB new`,
		`create layer.offsite["web"]@weekly/2026-11-16: not there yet; beside 2026-11-09/web; 1 of 100 MiB new`,
	}
	if diff := cmp.Diff(want, describe(plan.Actions)); diff != "" {
		t.Error(diff)
	}
}

// A version that this plan makes goes in the same run, and makes the oldest go.
func TestOffsiteSendsWhatTheSameRunMakes(t *testing.T) {
	p, o := month(monday)
	o.Disks[2].Folders[0] = o.Disks[0].Folders[0]
	o.Disks[2].Receipts = slices.Clone(o.Disks[0].Receipts)
	next := monday.Add(days(7))
	o.Time = next
	plan := Build(p, o, next, Options{})
	want := []string{
		`create layer.weekly["web"]: the newest, 2026-11-23 05:00, is older than the slot 2026-11-30 05:00; beside 2026-11-23/web; 1 of 0 MiB new`,
		`sync layer.host["host"]: last synced 2026-11-23 05:00, before the slot 2026-11-30 05:00`,
		`create layer.offsite["web"]@weekly/2026-11-30: not there yet; beside 2026-11-23/web; 1 of 100 MiB new; after layer.weekly["web"]`,
		`refresh layer.offsite["host"]@host: it has changed since it was sent; beside host; after layer.host["host"]`,
		`prune layer.offsite["web"]@weekly/2026-11-02: not among the last 4; beside 2026-11-30/web; 1 of 0 MiB new; after layer.offsite["web"]@weekly/2026-11-30`,
		`sync layer.offsite["sda"]: never synced`,
	}
	if diff := cmp.Diff(want, describe(plan.Actions)); diff != "" {
		t.Error(diff)
	}
}

// What this plan makes is expected to add over there what it adds here, if the version
// that it shares files with is there, and else all of it.
func TestOffsiteEstimatesWhatTheSameRunMakes(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Observation)
		want   *Estimate
	}{
		"the one before is there":  {func(*Observation) {}, &Estimate{Bytes: 1 << 20, Inodes: 10, Files: 1000, Size: 100 << 20}},
		"the one before is not":    {func(o *Observation) { o.Disks[2].Receipts, o.Disks[2].Folders = nil, nil }, &Estimate{Bytes: 100 << 20, Inodes: 10, Files: 1000, Size: 100 << 20}},
		"nothing was made before":  {func(o *Observation) { o.Disks[0].Receipts, o.Disks[0].Folders[0].Entries = nil, nil }, nil},
		"it was not known by then": {func(o *Observation) { o.Disks[0].Receipts[3].Bytes, o.Disks[0].Receipts[3].NewBytes = 0, 0 }, &Estimate{Inodes: 10, Files: 1000}},
	} {
		p, o := month(monday)
		o.Disks[2].Folders[0] = o.Disks[0].Folders[0]
		o.Disks[2].Receipts = slices.Clone(o.Disks[0].Receipts)
		test.change(&o)
		o.Time = monday.Add(days(7))
		a := action(t, Build(p, o, o.Time, Options{}), `layer.offsite["web"]@weekly/2026-11-30`)
		if diff := cmp.Diff(test.want, a.Copy.Estimate); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A version that this plan makes anew is expected to be what it was, and to add over
// there no more than here.
func TestOffsiteEstimatesWhatTheSameRunMakesAnew(t *testing.T) {
	p, o := month(monday)
	p.Layers[0].Schedule, p.Layers[0].Version = calendar("*-*-* 05:00"), "%G-%V"
	for d := range o.Disks {
		for i := range o.Disks[d].Receipts {
			if r := &o.Disks[d].Receipts[i]; r.Layer == "weekly" {
				r.Version = stamp.Format("%G-%V", r.Started)
				r.Path = "data/" + r.Version + "/web"
				o.Disks[d].Folders[0].Entries[i].Path = r.Version + "/web"
			}
		}
	}
	o.Disks[2].Folders[0] = o.Disks[0].Folders[0]
	o.Disks[2].Receipts = slices.Clone(o.Disks[0].Receipts)
	o.Time = monday.Add(days(1))
	plan := Build(p, o, o.Time, Options{})
	local, far := action(t, plan, `layer.weekly["web"]`), action(t, plan, `layer.offsite["web"]@weekly/2026-48`)
	if local.Kind != Refresh || far.Kind != Refresh || !slices.Equal(far.DependsOn, []string{local.ID}) {
		t.Fatalf("%+v, %+v", local, far)
	}
	if diff := cmp.Diff(&Estimate{Bytes: 1 << 20, Inodes: 10, Files: 1000, Size: 100 << 20}, far.Copy.Estimate); diff != "" {
		t.Error(diff)
	}
	// It was made anew before, and not sent since.
	o.Disks[0].Receipts[3].Digest, o.Disks[0].Receipts[3].NewBytes = "sha256:again", 5<<20
	far = action(t, Build(p, o, o.Time, Options{}), far.ID)
	if diff := cmp.Diff(&Estimate{Bytes: 9 << 20, Inodes: 10, Files: 1000, Size: 100 << 20}, far.Copy.Estimate); diff != "" {
		t.Error(diff)
	}
}

// What is compared is linked to the version after it, which is compared first.
func TestOffsiteComparesAllOnItsSchedule(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].FullSchedule = calendar("Sun *-*-* 06:00")
	far, sunday := &o.Disks[2], monday.Add(-days(1)).Add(-time.Hour)
	far.Receipts = append(far.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: monday.Add(-time.Minute), Full: sunday.Add(-time.Second)})
	plan := Build(p, o, monday, Options{})
	why := "it is compared as a whole: last done 2026-11-22 05:59, before the slot 2026-11-22 06:00"
	want := []string{
		`create layer.offsite["web"]@weekly/2026-11-23: not there yet; beside 2026-11-09/web; 2 of 100 MiB new`,
		`create layer.offsite["host"]@host: not there yet; 0 of 0 MiB new`,
		`create layer.offsite["web"]@weekly/2026-11-16: not there yet; beside 2026-11-09/web; 1 of 100 MiB new`,
		`refresh layer.offsite["web"]@weekly/2026-11-09: ` + why + `; beside 2026-11-09/web`,
		`refresh layer.offsite["web"]@weekly/2026-11-02: ` + why + `; beside 2026-11-09/web`,
		`sync layer.offsite["sda"]@full: ` + why + `; this notes that it was, and when; 0 of 0 MiB new; after layer.offsite["web"]@weekly/2026-11-09, layer.offsite["web"]@weekly/2026-11-02`,
	}
	if diff := cmp.Diff(want, describe(plan.Actions)); diff != "" {
		t.Error(diff)
	}
	for _, a := range plan.Actions {
		if a.Copy.Full != (a.Kind != Create) {
			t.Errorf("%s: %v", a.ID, a.Copy.Full)
		}
	}
	far.Receipts[len(far.Receipts)-1].Full = sunday
	for _, a := range Build(p, o, monday, Options{}).Actions {
		if a.Copy.Full {
			t.Errorf("again: %s", a.ID)
		}
	}
}

// A clock that was years ahead when all was compared does not put that off for years.
func TestOffsiteComparesAllAfterAWrongClock(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].FullSchedule = calendar("Sun *-*-* 06:00")
	far := &o.Disks[2]
	far.Receipts = append(far.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: monday.Add(-time.Minute), Full: monday.AddDate(10, 0, 0)})
	last := Build(p, o, monday, Options{}).Actions
	if note := last[len(last)-1]; note.ID != `layer.offsite["sda"]@full` || !strings.Contains(note.Reason.Detail, "in the future") {
		t.Errorf("%+v", note)
	}
}

// Before the first slot no receipt is written, so there is none to note anything in.
func TestOffsiteNotesNothingBeforeItsFirstSlot(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].Schedule, p.Layers[2].FullSchedule = calendar("2030-*-* 06:00"), calendar("Sun *-*-* 06:00")
	for _, a := range Build(p, o, monday, Options{}).Actions {
		if a.Layer == "offsite" && a.Kind == Sync {
			t.Errorf("%+v", a)
		}
	}
}

// What else lies on the disk does not wait for the comparisons, which may fail for
// ever, and a part of the plan does not wait for the rest of it.
func TestOffsiteComparesBesideItsMirror(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].FullSchedule = calendar("Sun *-*-* 06:00")
	far := &o.Disks[2]
	far.Receipts = append(far.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: monday.Add(-days(2)), Full: monday.Add(-days(2))})
	for name, filter := range map[string]Filter{"all": {}, "the disk": {Volumes: []string{"sda"}}, "a volume": {Volumes: []string{"web"}}} {
		plan := Build(p, o, monday, Options{Filter: filter})
		var syncs []string
		for _, a := range plan.Actions {
			if a.Kind == Sync {
				syncs = append(syncs, fmt.Sprintf("%s after %d", a.ID, len(a.DependsOn)))
			}
		}
		want := map[string][]string{
			"all":      {`layer.offsite["sda"] after 0`, `layer.offsite["sda"]@full after 3`},
			"the disk": {`layer.offsite["sda"] after 0`},
		}
		if diff := cmp.Diff(want[name], syncs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// Nobody knows when the versions were compared, for that receipt is lost.
	far.Receipts = far.Receipts[:len(far.Receipts)-1]
	last := Build(p, o, monday, Options{}).Actions
	if note := last[len(last)-1]; note.ID != `layer.offsite["sda"]@full` || len(note.DependsOn) != 3 || last[len(last)-2].Copy.Full {
		t.Errorf("%+v", note)
	}
	// There is nothing to compare at first: all is sent.
	far.Receipts, far.Folders = nil, nil
	last = Build(p, o, monday, Options{}).Actions
	if first := last[len(last)-1]; first.ID != `layer.offsite["sda"]` || !first.Copy.Full {
		t.Errorf("%+v", first)
	}
}

// A version that was made anew from the same content brings its receipt up to date;
// one whose content is another one is sent, and shares its files with the one after it.
func TestOffsiteRefreshes(t *testing.T) {
	p, o := month(monday)
	o.Disks[0].Receipts[0].Started = o.Disks[0].Receipts[0].Started.Add(time.Hour)
	o.Disks[0].Receipts[1].Digest, o.Disks[0].Receipts[1].NewBytes = "sha256:another", 2<<20
	plan := Build(p, o, monday, Options{Filter: Filter{Volumes: []string{"web"}}})
	want := []string{
		`create layer.offsite["web"]@weekly/2026-11-23: not there yet; beside 2026-11-09/web; 3 of 100 MiB new`,
		`create layer.offsite["web"]@weekly/2026-11-16: not there yet; beside 2026-11-23/web; 1 of 100 MiB new; after layer.offsite["web"]@weekly/2026-11-23`,
		`refresh layer.offsite["web"]@weekly/2026-11-09: it has changed since it was sent; beside 2026-11-16/web; 1 of 100 MiB new; after layer.offsite["web"]@weekly/2026-11-16`,
		`refresh layer.offsite["web"]@weekly/2026-11-02: it is the same, and was made anew since; beside 2026-11-02/web; 0 of 0 MiB new`,
	}
	if diff := cmp.Diff(want, describe(plan.Actions)); diff != "" {
		t.Error(diff)
	}
}

func TestOffsiteBlocks(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Policy, *Observation)
		code   string
	}{
		"quiet": {func(p *Policy, _ *Observation) {
			w, _ := schedule.ParseWindow("06:30-23:00")
			p.Destinations[1].Quiet = []schedule.Window{w}
		}, BlockQuiet},
		"full": {func(_ *Policy, o *Observation) { o.Disks[2].FileSystem.Free = 1 << 38 }, BlockSpace},
		"would not fit": {func(_ *Policy, o *Observation) {
			o.Disks[2].FileSystem.Free = 1<<42/10 + 1<<20
		}, BlockSpace},
	} {
		p, o := month(monday)
		test.change(&p, &o)
		a := Build(p, o, monday, Options{}).Actions[0]
		if a.Blocked == nil || a.Blocked.Code != test.code {
			t.Errorf("%s: %+v", name, a.Blocked)
		}
	}
}

// What was sent in part goes on; anything else that a killed run left is cleaned.
func TestOffsiteGoesOnWithWhatWasSent(t *testing.T) {
	p, o := month(monday)
	begun := WorkName(Create, "offsite", "web", "weekly/2026-11-23")
	o.Disks[2].Unfinished = []string{begun, "offsite-0123456789abcdef"}
	var cleaned []string
	for _, a := range Build(p, o, monday, Options{}).Actions {
		if a.Kind == Clean {
			cleaned = append(cleaned, a.Copy.Unfinished)
			if a.Copy.Remote == nil || a.Copy.Destination != testRoot {
				t.Errorf("it is cleaned elsewhere: %+v", a.Copy)
			}
		}
	}
	if diff := cmp.Diff([]string{"offsite-0123456789abcdef"}, cleaned); diff != "" {
		t.Error(diff)
	}
}

func TestSyncFollowsTheChangeJournal(t *testing.T) {
	point := JournalPoint{Span: "a", Segment: 7}
	for name, test := range map[string]struct {
		change func(*Policy, *Observation, *Receipt)
		want   string
	}{
		"it is complete": {func(*Policy, *Observation, *Receipt) {}, "; by the change journal 12 names changed, and 3 directories are compared as a whole"},
		"one directory":  {func(_ *Policy, o *Observation, _ *Receipt) { o.Changes[0].Subtrees = 1 }, "; by the change journal 12 names changed, and one directory is compared as a whole"},
		"the first Sunday": {func(p *Policy, _ *Observation, r *Receipt) {
			p.Layers[0].FullSchedule = calendar("Sun *-*-1..7 06:00")
			r.Full = time.Date(2026, 10, 4, 6, 5, 0, 0, time.UTC)
		}, "; everything is compared: last done 2026-10-04 06:05, before the slot 2026-11-01 06:00"},
		"by a clock that was wrong": {func(p *Policy, _ *Observation, r *Receipt) {
			p.Layers[0].FullSchedule = calendar("Sun *-*-1..7 06:00")
			r.Full = time.Date(2036, 10, 5, 6, 5, 0, 0, time.UTC)
		}, "; everything is compared: last done 2036-10-05 06:05, which is in the future"},
		"after the first Sunday": {func(p *Policy, _ *Observation, r *Receipt) {
			p.Layers[0].FullSchedule = calendar("Sun *-*-1..7 06:00")
			r.Full = time.Date(2026, 11, 1, 6, 5, 0, 0, time.UTC)
		}, "; by the change journal 12 names changed, and 3 directories are compared as a whole"},
		"a gap": {func(_ *Policy, o *Observation, _ *Receipt) {
			o.Changes[0].Why = "the queue overflowed at 03:00"
			o.Changes[0].NoCatalogue = "the catalogue is damaged"
		}, "; everything is compared: the queue overflowed at 03:00, and the catalogue is damaged"},
		"other excludes": {func(p *Policy, _ *Observation, _ *Receipt) { p.Layers[0].Exclude = []string{"/tmp/"} }, "; everything is compared: what is left out is not what it was"},
		"no point":       {func(_ *Policy, _ *Observation, r *Receipt) { r.Journal = nil }, "; everything is compared: the last sync did not go by a change journal, and there is no catalogue of the last sync"},
		"not observed":   {func(_ *Policy, o *Observation, _ *Receipt) { o.Changes = nil }, "; everything is compared: the observation says nothing of the change journal, and there is no catalogue of the last sync"},
		"another sync":   {func(_ *Policy, o *Observation, _ *Receipt) { o.Changes[0].Since.Segment = 6 }, "; everything is compared: the change journal was looked at from another sync on, and there is no catalogue of the last sync"},
		"a gap, and a catalogue": {func(_ *Policy, o *Observation, r *Receipt) {
			o.Changes[0].Why, o.Changes[0].Catalogue = "the queue overflowed at 03:00", r.Started
		}, "; everything here is compared with the catalogue of the last sync: the queue overflowed at 03:00"},
		"nobody watches, and a catalogue": {func(_ *Policy, o *Observation, r *Receipt) {
			r.Journal = nil
			o.Changes = []Changes{{Layer: "nfs", Catalogue: r.Started}}
		}, "; everything here is compared with the catalogue of the last sync: the last sync did not go by a change journal"},
		"a catalogue of another sync": {func(_ *Policy, o *Observation, r *Receipt) {
			o.Changes[0].Why, o.Changes[0].Catalogue = "the queue overflowed at 03:00", r.Started.Add(-time.Second)
		}, "; everything is compared: the queue overflowed at 03:00, and there is no catalogue of the last sync"},
		"the first Sunday, and a catalogue": {func(p *Policy, o *Observation, r *Receipt) {
			p.Layers[0].FullSchedule = calendar("Sun *-*-1..7 06:00")
			r.Full = time.Date(2026, 10, 4, 6, 5, 0, 0, time.UTC)
			o.Changes[0].Catalogue = r.Started
		}, "; everything is compared: last done 2026-10-04 06:05, before the slot 2026-11-01 06:00"},
		"another mount, and a catalogue": {func(_ *Policy, o *Observation, r *Receipt) {
			r.Source.MountPoint, o.Changes[0].Catalogue = "/elsewhere", r.Started
		}, "; everything is compared: the source lies on another mount than when it was last synced"},
	} {
		p, o := month(monday)
		p.Layers = []Layer{{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "nfs", Schedule: calendar("*-*-* 06:00"), TrackChanges: true}}
		r := Receipt{Layer: "nfs", Volume: "nfs", Path: "nfs", Started: monday.Add(-days(1)), Journal: &point}
		most := &Estimate{Bytes: 5, Files: 7, Size: 9}
		o.Changes = []Changes{{Layer: "nfs", Since: point, Names: 12, Subtrees: 3, Amount: most}}
		test.change(&p, &o, &r)
		o.Disks[1].Receipts = []Receipt{r}
		built := Build(p, o, monday, Options{Acknowledge: []string{"nfs"}})
		a := built.Actions[0]
		if _, why, _ := strings.Cut(a.Reason.Detail, "06:00"); why != test.want {
			t.Errorf("%s: %q, want %q", name, why, test.want)
		}
		if follows := a.Copy.Since != nil; follows != strings.HasPrefix(test.want, "; by") {
			t.Errorf("%s: follows the journal: %v", name, follows)
		} else if known := a.Copy.Estimate == most; known != follows {
			t.Errorf("%s: %+v", name, a.Copy.Estimate)
		} else if c := built.Capacity[0]; follows && (c.AtMost != 5 || c.Adds != 0 || c.FreeAfter != c.Free || c.Unknown != 0) {
			t.Errorf("%s: %+v", name, c)
		}
		if goesBy := !a.Copy.Catalogue.IsZero(); goesBy != strings.HasPrefix(test.want, "; everything here") {
			t.Errorf("%s: goes by the catalogue: %v", name, goesBy)
		}
	}
}

// A sync that follows the journal says so from the first one on, so that the second has
// something to go on from; where none can, the plan says why.
func TestTheFirstSyncBeginsToFollow(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Policy)
		want   string
	}{
		"a NAS":         {func(*Policy) {}, "never synced"},
		"a disk here":   {func(p *Policy) { p.Layers[0].To = p.Destinations[0].Ref() }, "never synced; everything is compared: a mirror on a disk of this machine does not go by the change journal"},
		"not asked for": {func(p *Policy) { p.Layers[0].TrackChanges = false }, "never synced"},
		"several paths": {func(p *Policy) {
			p.Sources = append(p.Sources, Source{Kind: SourcePaths, Name: "host", Paths: []string{"/srv/nfs"}})
			p.Layers[0].From = Ref{"source", SourcePaths, "host"}
		}, "never synced; everything is compared: a change journal is kept of a source \"directory\" only"},
	} {
		p, o := month(monday)
		p.Layers = []Layer{{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "nfs", Schedule: calendar("*-*-* 06:00"), TrackChanges: true}}
		test.change(&p)
		actions := Build(p, o, monday, Options{}).Actions
		if len(actions) == 0 {
			t.Errorf("%s: nothing is planned", name)
			continue
		}
		a := actions[0]
		if a.Reason.Detail != test.want || a.Copy.TrackChanges != (name == "a NAS") || a.Copy.Since != nil {
			t.Errorf("%s: %q, %+v", name, a.Reason.Detail, a.Copy)
		}
	}
}

// While the newest version over there is far smaller than others nothing is pruned,
// also when what this plan sends is older and looks right.
func TestOffsiteHoldsPrunesWhileTheNewestLooksWrong(t *testing.T) {
	p, o := month(monday)
	p.Layers[2].Retention = retention.Rules{Last: 2}
	local, far := &o.Disks[0], &o.Disks[2]
	local.Receipts[3].Files, local.Receipts[3].Bytes = 1, 1
	far.Folders[0].Entries = append(far.Folders[0].Entries, local.Folders[0].Entries[3])
	far.Receipts = append(far.Receipts, local.Receipts[3])
	var pruned int
	for _, a := range transfers(Build(p, o, monday, Options{}), Prune) {
		pruned++
		if a.Blocked == nil || a.Blocked.Code != BlockSuspect {
			t.Errorf("%s: %+v", a.ID, a.Blocked)
		}
	}
	if pruned == 0 {
		t.Error("nothing was to be pruned")
	}
}

// A clock an hour off over there is told, and changes nothing that is planned.
func TestOffsiteClockOverThere(t *testing.T) {
	p, o := month(monday)
	want := Build(p, o, monday, Options{})
	for by, warns := range map[time.Duration]bool{-time.Minute: false, 10 * time.Minute: false, time.Hour: true, -time.Hour: true, days(400): true} {
		o.Disks[2].Clock = monday.Add(by)
		got := Build(p, o, monday, Options{})
		told := slices.ContainsFunc(got.Warnings, func(w Warning) bool {
			return w.Code == WarnClock && strings.Contains(w.Detail, "at "+testNAS)
		})
		if told != warns {
			t.Errorf("%s: %+v", by, got.Warnings)
		}
		if !reflect.DeepEqual(want.Actions, got.Actions) {
			t.Errorf("%s: %+v", by, got.Actions)
		}
	}
}

// Where every directory is a layer's, the sync notes its time and adds nothing.
func TestOffsiteWithNothingToMirror(t *testing.T) {
	p, o := month(monday)
	top := &o.Disks[0].Folders[2]
	top.Entries = slices.DeleteFunc(top.Entries, func(e Entry) bool { return e.Path == "loose" })
	a := action(t, Build(p, o, monday, Options{}), `layer.offsite["sda"]`)
	if a.Copy.Estimate == nil || *a.Copy.Estimate != (Estimate{}) || !strings.Contains(a.Reason.Detail, "nothing is left to mirror") {
		t.Errorf("%+v, %+v", a.Reason, a.Copy.Estimate)
	}
}

// What an exclusion leaves in a mirror is drift as long as it lies there, however often
// the rest was synced since.
func TestExcludedVolumeStaysInTheMirror(t *testing.T) {
	p, o := month(monday)
	p.Layers = []Layer{{Kind: LayerSync, Name: "nfs", From: Ref{"source", SourceDirectory, "nfs"}, To: p.Destinations[1].Ref(), Directory: "nfs", Schedule: calendar("*-*-* 06:00")}}
	p.Excludes = []Exclude{{Name: "scratch", Volumes: []string{"temp"}, Reason: "it can be had again"}}
	o.Trees[0].Children = []Child{{Name: "photos", Type: EntryFolder}, {Name: "temp", Type: EntryFolder}}
	o.Disks[1].Receipts = []Receipt{{Layer: "nfs", Volume: "nfs", Path: "nfs", Started: monday.Add(-days(1)), Exclude: []string{"/temp"}}}
	for name, test := range map[string]struct {
		folders []Folder
		want    bool
	}{
		"it is there":       {[]Folder{{Directory: "nfs", Depth: 1, Entries: []Entry{{Path: "photos", Type: EntryFolder}, {Path: "temp", Type: EntryFolder}}}}, true},
		"it is gone":        {[]Folder{{Directory: "nfs", Depth: 1, Entries: []Entry{{Path: "photos", Type: EntryFolder}}}}, false},
		"nobody has looked": {[]Folder{{Directory: "nfs"}}, true},
	} {
		o.Disks[1].Folders = test.folders
		left := func(d Drift) bool { return d.Kind == Orphaned && d.Name == "temp" }
		if got := slices.ContainsFunc(Build(p, o, monday, Options{}).Drift, left); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
