package plan

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/schedule"
)

// offsiteWorld is a world of copies with a machine far away that has copies of
// them: of some, of some as they were before, and of some that are gone here.
type offsiteWorld struct {
	copyWorld
	far map[string]bool // versions over there by path, by construction
}

const (
	testNAS  = "admin@nas"
	testFar  = "/volume1/Backup"
	testRoot = testFar + "/pve"
)

func drawOffsiteWorld(t *rapid.T) *offsiteWorld {
	w := &offsiteWorld{copyWorld: *drawCopyWorld(t), far: map[string]bool{}}
	nas := Destination{Kind: DestinationSSH, Name: "nas", Address: testNAS, Path: testFar, MinFree: drawThreshold(t)}
	if rapid.IntRange(0, 9).Draw(t, "quiet") == 0 {
		quiet, _ := schedule.ParseWindow("00:00-24:00")
		nas.Quiet = []schedule.Window{quiet}
	}
	w.policy.Destinations = append(w.policy.Destinations, nas)
	l := Layer{
		Kind: LayerSync, Name: "offsite", From: w.policy.Destinations[0].Ref(), To: nas.Ref(), Directory: "pve",
		Schedule: calendar(rapid.SampledFrom([]string{"*-*-* 06:00", "Mon *-*-* 06:00", "hourly"}).Draw(t, "offsite schedule")),
	}
	if rapid.Bool().Draw(t, "offsite retention") {
		l.Retention = retention.Rules{Last: rapid.IntRange(1, 6).Draw(t, "offsite last")}
	}
	if rapid.Bool().Draw(t, "offsite max prune") {
		l.Guard.MaxPrune = share("100%")
	}
	if rapid.Bool().Draw(t, "full schedule") {
		l.FullSchedule = calendar("Sun *-*-* 06:00")
	}
	w.policy.Layers = append(w.policy.Layers, l)
	w.drawFar(t)
	return w
}

func (w *offsiteWorld) drawFar(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "NAS is seen") == 0 {
		w.observation.Unknown = append(w.observation.Unknown, Unknown{DiskAddress(Place(testNAS, testFar)), "it does not answer"})
		return
	}
	system := FileSystem{Device: "0:40", MountPoint: "/volume1", Size: 1 << 42, Free: rapid.SampledFrom([]int64{1 << 41, 1 << 41, 1 << 20}).Draw(t, "free there")}
	far := Disk{Address: testNAS, Path: testRoot, FileSystem: system, Folders: []Folder{{Directory: ".", Depth: 1, Entries: []Entry{{Path: "old", Type: EntryFolder}}}}}
	for i := range w.observation.Disks {
		w.observation.Disks[i].Folders = append(w.observation.Disks[i].Folders, Folder{Directory: ".", Depth: 1, Entries: []Entry{{Path: "loose", Type: EntryFolder}, {Path: "shared-data", Type: EntryFolder}}})
		far.Folders = append(far.Folders, w.drawSent(t, w.observation.Disks[i], &far)...)
	}
	if rapid.Bool().Draw(t, "synced before") {
		at := w.now.Add(-rapid.SampledFrom([]time.Duration{time.Minute, days(1), days(8)}).Draw(t, "last sync"))
		far.Receipts = append(far.Receipts, Receipt{Layer: "offsite", Volume: "sda", Path: ".", Started: at, Ended: at, Slot: at, Full: at})
	}
	if rapid.Bool().Draw(t, "unfinished there") {
		far.Unfinished = []string{"offsite-0123456789abcdef"}
	}
	w.observation.Disks = append(w.observation.Disks, Disk{Address: testNAS, Path: testFar, FileSystem: system}, far)
}

// drawSent fills the directories of the layers over there.
func (w *offsiteWorld) drawSent(t *rapid.T, disk Disk, far *Disk) []Folder {
	var folders []Folder
	for _, f := range disk.Folders {
		if f.Directory == "." {
			continue
		}
		l, _ := w.policy.Layer(strings.TrimSuffix(f.Directory, "-data"))
		sent := Folder{Directory: f.Directory, Depth: f.Depth}
		for _, e := range f.Entries {
			truth, isVersion := w.truth[path.Join(f.Directory, e.Path)]
			if !isVersion || rapid.Bool().Draw(t, "sent") {
				continue
			}
			w.addSent(t, l, &sent, far, truth, e.Path)
		}
		for n := range rapid.IntRange(0, 3).Draw(t, "older ones") {
			at := w.now.Add(-days(60 + 7*n))
			volume := []string{1: "", 2: "web", 3: "apps/web"}[f.Depth]
			name := at.In(w.policy.Timezone.Location()).Format("2006-01-02")
			if l.Version == "%Y-%m-%d" {
				w.addSent(t, l, &sent, far, trueCopy{layer: l.Name, volume: volume, time: at, start: at, files: 1000, receipt: true}, path.Join(name, volume))
			}
		}
		folders = append(folders, sent)
	}
	return folders
}

func (w *offsiteWorld) addSent(t *rapid.T, l Layer, sent *Folder, far *Disk, truth trueCopy, at string) {
	e := Entry{Path: at, Type: EntryFolder}
	if slices.Contains(sent.Entries, e) {
		return
	}
	sent.Entries = append(sent.Entries, e)
	w.far[path.Join(sent.Directory, at)] = true
	if !truth.receipt || rapid.IntRange(0, 9).Draw(t, "unproven there") == 0 {
		return
	}
	name, _, _ := strings.Cut(at, "/")
	r := Receipt{
		Layer: l.Name, Volume: cmp.Or(truth.volume, l.From.Name), Version: name, Path: path.Join(l.Directory, at), Started: truth.time, Ended: truth.time, Slot: truth.time,
		Files: truth.files, Bytes: 1 << 30, NewBytes: 1 << 20, Digest: l.Name + truth.volume + name,
	}
	if rapid.IntRange(0, 4).Draw(t, "changed since") == 0 {
		r.Digest += " before"
	}
	far.Receipts = append(far.Receipts, r)
}

// simulateTransfer carries out one action on the machine far away: what it sends
// must be here, what it removes there.
func simulateTransfer(a Action, o *Observation) error {
	c := a.Copy
	find := func(place string) int {
		return slices.IndexFunc(o.Disks, func(d Disk) bool { return d.Place() == place })
	}
	i := find(Place(c.Remote.Address, c.Destination))
	if i < 0 {
		return errors.New("nobody is there")
	}
	far := &o.Disks[i]
	far.Receipts, far.Folders = slices.Clone(far.Receipts), slices.Clone(far.Folders)
	if a.Kind == Sync && c.From == nil {
		k := slices.IndexFunc(far.Receipts, func(r Receipt) bool { return r.Path == "." })
		if k < 0 || !c.Full {
			return fmt.Errorf("%s: there is no receipt to note it in", a.ID)
		}
		far.Receipts[k].Full = a.VersionTime
		return nil
	}
	if a.Kind == Sync {
		last := Receipt{}
		if r := far.receiptOf(a.Layer, "."); r != nil {
			last = *r
		}
		far.Receipts = slices.DeleteFunc(far.Receipts, func(r Receipt) bool { return r.Path == "." })
		r := Receipt{Layer: a.Layer, Volume: a.Volume, Path: ".", Started: a.VersionTime, Ended: a.VersionTime, Slot: c.Slot}
		if r.Full = last.Full; c.Full {
			r.Full = a.VersionTime
		}
		far.Receipts = append(far.Receipts, r)
		return nil
	}
	j := slices.IndexFunc(far.Folders, func(f Folder) bool { return f.Directory == c.Directory })
	from := c.From.Version
	if j < 0 || from.Path != path.Join(c.Directory, c.Path) {
		return fmt.Errorf("%s lies at %s below %s", from.Path, c.Path, c.Directory)
	}
	folder := &far.Folders[j]
	has := func(p string) int { return slices.IndexFunc(folder.Entries, func(e Entry) bool { return e.Path == p }) }
	proven := slices.ContainsFunc(far.Receipts, func(r Receipt) bool { return r.Path == path.Join(c.Directory, c.Previous) })
	if c.Previous != "" && (has(c.Previous) < 0 || !proven && a.Kind != Prune) {
		return fmt.Errorf("%s %s: %s is not there", a.Kind, a.ID, c.Previous)
	}
	at := has(c.Path)
	if (a.Kind == Create) != (at < 0) {
		return fmt.Errorf("%s %s: the world is another one", a.Kind, a.ID)
	}
	far.Receipts = slices.DeleteFunc(far.Receipts, func(r Receipt) bool { return r.Path == from.Path })
	if a.Kind == Prune {
		folder.Entries = slices.Delete(slices.Clone(folder.Entries), at, at+1)
		return nil
	}
	here := o.Disks[find(from.Root)]
	k := slices.IndexFunc(here.Receipts, func(r Receipt) bool {
		return r.Path == from.Path && r.Layer == from.Layer && r.Volume == from.Volume && r.Version == from.Version
	})
	if k < 0 || from.Digest != "" && here.Receipts[k].Digest != from.Digest {
		return fmt.Errorf("%s: there is no such version here", a.ID)
	}
	if a.Kind == Create {
		folder.Entries = append(slices.Clone(folder.Entries), Entry{Path: c.Path, Type: EntryFolder})
	}
	far.Receipts = append(far.Receipts, here.Receipts[k])
	return nil
}
