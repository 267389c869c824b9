package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
	"github.com/bkplan/bkplan/internal/stamp"
)

// copyWorld is a world of snapshots with a disk on which layers keep copies: of
// the snapshots, and of the children of a directory.
type copyWorld struct {
	world
	truth map[string]trueCopy // by path below the disk: what is a version, by construction
}

// trueCopy is a version that belongs to a layer.
type trueCopy struct {
	layer, volume string // path of the volume below a version
	time, start   time.Time
	files         int64 // 0 without a receipt
	receipt       bool
}

const (
	testDisk = "/mnt/backup"
	testTree = "/srv/nfs"
)

var copyFormats = []string{"%Y-%W", "%G-W%V", "%Y-%m-%d", "%Y-%m-%d_%H%M"}

var copyNames = []string{"web", "a b", "-rf", "$(reboot)", "x\ny", "..x", "_", "photos"}

func drawCopyWorld(t *rapid.T) *copyWorld {
	w := &copyWorld{world: *drawWorld(t), truth: map[string]trueCopy{}}
	w.policy.StateDir = "/var/lib/bkplan"
	w.policy.Sources = append(w.policy.Sources, Source{Kind: SourceDirectory, Name: "nfs", Directory: &DirectorySource{
		Path: testTree, Each: "*", RequireMount: rapid.Bool().Draw(t, "require mount of the source"),
	}})
	w.policy.Destinations = []Destination{{Kind: DestinationDisk, Name: "sda", Path: testDisk, RequireMount: true, MinFree: drawThreshold(t)}}
	w.drawCopyLayers(t)
	w.drawTree(t)
	w.drawDisk(t)
	return w
}

func drawThreshold(t *rapid.T) quantity.Threshold {
	if rapid.Bool().Draw(t, "min free") {
		return quantity.Threshold{Share: share("15%")}
	}
	return quantity.Threshold{}
}

func (w *copyWorld) drawCopyLayers(t *rapid.T) {
	add := func(kind, name string, from Ref) {
		l := Layer{
			Kind: kind, Name: name, From: from, To: Ref{"destination", DestinationDisk, "sda"}, Directory: name + "-data",
			Version: rapid.SampledFrom(copyFormats).Draw(t, "format"), Schedule: calendar(rapid.SampledFrom([]string{"*-*-* 05:00", "Mon *-*-* 05:00", "hourly"}).Draw(t, "schedule")),
		}
		if rapid.Bool().Draw(t, "retention") {
			l.Retention = retention.Rules{Last: rapid.IntRange(1, 4).Draw(t, "last")}
		}
		if rapid.Bool().Draw(t, "age") {
			l.Retention.Within = quantity.Duration{Days: rapid.IntRange(1, 30).Draw(t, "within")}
		}
		if rapid.Bool().Draw(t, "max prune") {
			l.Guard.MaxPrune = share("100%")
		}
		w.policy.Layers = append(w.policy.Layers, l)
	}
	add(LayerFiles, "shared", Ref{"source", SourceDirectory, "nfs"})
	for _, l := range w.policy.Layers {
		if l.Kind == LayerSnapshot {
			add(LayerFiles, "weekly", Ref{"layer", LayerSnapshot, l.Name})
			if rapid.Bool().Draw(t, "sqlite layer") {
				add(LayerSQLite, "databases", Ref{"layer", LayerSnapshot, l.Name})
			}
			break
		}
	}
	w.policy.Sources = append(w.policy.Sources, Source{Kind: SourcePFSense, Name: "router", PFSense: &PFSenseSource{Address: "admin@10.0.0.1"}})
	add(LayerFetch, "firewall", Ref{"source", SourcePFSense, "router"})
}

// keepsCopies says whether a layer of a copyWorld keeps versions on the disk.
func keepsCopies(l Layer) bool { return l.To.Name == "sda" }

func (w *copyWorld) drawTree(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "tree is seen") == 0 {
		w.observation.Unknown = append(w.observation.Unknown, Unknown{TreeAddress(testTree), "it does not answer"})
		return
	}
	tree := Tree{Path: testTree, FileSystem: FileSystem{Device: "8:1", MountPoint: rapid.SampledFrom([]string{testTree, testTree, testTree, "/"}).Draw(t, "mount point")}}
	for _, name := range copyNames {
		if rapid.Bool().Draw(t, "child "+name) {
			tree.Children = append(tree.Children, Child{Name: name, Type: EntryFolder})
		}
	}
	if len(tree.Children) > 0 && rapid.Bool().Draw(t, "stray file") {
		tree.Children = append(tree.Children, Child{Name: "stray", Type: EntryFile})
	}
	w.observation.Trees = append(w.observation.Trees, tree)
}

func (w *copyWorld) drawDisk(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "disk is seen") == 0 {
		w.observation.Unknown = append(w.observation.Unknown, Unknown{DiskAddress(testDisk), "it does not answer"})
		return
	}
	disk := Disk{Path: testDisk, FileSystem: FileSystem{
		Device: "8:2", MountPoint: rapid.SampledFrom([]string{testDisk, testDisk, testDisk, testDisk, testDisk, testDisk, "/"}).Draw(t, "disk's mount point"),
		ReadOnly: rapid.IntRange(0, 14).Draw(t, "read-only") == 0,
		Size:     1 << 40, Free: rapid.SampledFrom([]int64{1 << 39, 1 << 39, 1 << 39, 1 << 37, 1<<40/100*15 + 3<<20, 1 << 20}).Draw(t, "free"),
	}}
	for _, l := range w.policy.Layers {
		if keepsCopies(l) {
			disk.Folders = append(disk.Folders, w.drawFolder(t, l, &disk))
		}
	}
	if rapid.Bool().Draw(t, "unfinished") {
		disk.Unfinished = []string{"shared-0123456789abcdef", "gone-layer"}
	}
	w.observation.Disks = []Disk{disk}
}

// drawFolder fills a layer's directory with versions and with what is none.
func (w *copyWorld) drawFolder(t *rapid.T, l Layer, disk *Disk) Folder {
	f := Folder{Directory: l.Directory, Depth: w.policy.Depth(l)}
	volumes, most := []string{"web", "x\ny", "-rf"}, 6
	switch f.Depth {
	case 1: // the version's folder is the only volume's
		volumes, most = []string{""}, 18
	case 3:
		volumes = []string{"apps/web", "dbaas/postgresql", "gone/gone", "_/vm-9999-pvc-1"}
		for _, v := range w.volumes {
			if v.claim != "" {
				volumes = append(volumes, v.claimName())
			}
		}
	}
	slices.Sort(volumes)
	future := rapid.IntRange(0, 9).Draw(t, "future") == 0
	for _, volume := range slices.Compact(volumes) {
		step := rapid.SampledFrom([]time.Duration{time.Hour, days(1), days(7), days(7)}).Draw(t, "step")
		age := rapid.SampledFrom([]time.Duration{time.Minute, days(1), days(7)}).Draw(t, "age of the newest")
		for n := range rapid.IntRange(0, most).Draw(t, "versions of "+volume) {
			at := w.now.Add(-time.Duration(n)*step - age)
			if future && rapid.IntRange(0, 4).Draw(t, "in the future") == 0 {
				at = w.now.Add(days(400))
			}
			w.addCopy(t, l, &f, disk, volume, at)
		}
	}
	for _, odd := range []Entry{{Path: "lost+found", Type: EntryFolder}, {Path: path.Join("2026-46x", volumes[0]), Type: EntryFolder}, {Path: "2026-46", Type: EntryLink}} {
		taken := slices.ContainsFunc(f.Entries, func(e Entry) bool { return e.Path == odd.Path })
		if rapid.IntRange(0, 4).Draw(t, "odd entry") == 0 && !taken {
			f.Entries = append(f.Entries, odd)
		}
	}
	return f
}

func (w *copyWorld) addCopy(t *rapid.T, l Layer, f *Folder, disk *Disk, volume string, at time.Time) {
	zone := w.policy.Timezone.Location()
	name := stamp.Format(l.Version, at.In(zone))
	e := Entry{Path: path.Join(name, volume), Type: EntryFolder}
	if slices.Contains(f.Entries, e) {
		return
	}
	f.Entries = append(f.Entries, e)
	start, _ := stamp.Parse(l.Version, name, zone)
	truth := trueCopy{layer: l.Name, volume: volume, time: start, start: start}
	if rapid.IntRange(0, 2).Draw(t, "receipt") > 0 {
		if late := at.Add(days(6)); rapid.IntRange(0, 4).Draw(t, "late") == 0 && late.Before(w.now) {
			at = late
		}
		truth.time, truth.receipt, truth.files = at, true, 1000
		if rapid.IntRange(0, 5).Draw(t, "small") == 0 {
			truth.files = 5
		}
		disk.Receipts = append(disk.Receipts, Receipt{
			Layer: l.Name, Volume: cmp.Or(volume, l.From.Name), Version: name, Path: path.Join(l.Directory, e.Path), Slot: at, Started: at, Ended: at,
			Source: ReceiptSource{Taken: at}, Digest: l.Name + volume + name, Files: truth.files, NewBytes: 1 << 20, Bytes: 1 << 30,
		})
	}
	w.truth[path.Join(l.Directory, e.Path)] = truth
}

// copies are the true versions of a volume in a layer, newest first.
func (w *copyWorld) copies(layer, volume string) []trueCopy {
	var list []trueCopy
	for _, c := range w.truth {
		if c.layer == layer && c.volume == volume && !InFuture(c.time, w.now) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b trueCopy) int { return cmp.Or(b.time.Compare(a.time), b.start.Compare(a.start)) })
	return list
}

// copied is the true version that a prune is about.
func (w *copyWorld) copied(a Action) (trueCopy, bool) {
	c, known := w.truth[path.Join(a.Copy.Directory, a.Copy.Path)]
	return c, known
}

// simulateCopy carries out one action on disks, as apply does.
func simulateCopy(a Action, o *Observation) error {
	c := a.Copy
	if a.Kind == Clean {
		o.Leftovers = nil
		for i := range o.Disks {
			o.Disks[i].Unfinished = nil
		}
		return nil
	}
	if c.Remote != nil {
		return simulateTransfer(a, o)
	}
	i := slices.IndexFunc(o.Disks, func(d Disk) bool { return d.Path == c.Destination })
	if i < 0 || c.RequireMount && o.Disks[i].FileSystem.MountPoint != c.Destination {
		return fmt.Errorf("%s is not there", c.Destination)
	}
	o.Disks[i].Folders, o.Disks[i].Receipts = slices.Clone(o.Disks[i].Folders), slices.Clone(o.Disks[i].Receipts)
	disk := &o.Disks[i]
	j := slices.IndexFunc(disk.Folders, func(f Folder) bool { return f.Directory == c.Directory })
	if j < 0 || c.Path == "" || strings.Contains(c.Path, "..") && !strings.Contains(c.Path, "..x") {
		return fmt.Errorf("bad path %q in %q", c.Path, c.Directory)
	}
	folder := &disk.Folders[j]
	at := slices.IndexFunc(folder.Entries, func(e Entry) bool { return e.Path == c.Path })
	whole := path.Join(c.Directory, c.Path)
	disk.Receipts = slices.DeleteFunc(disk.Receipts, func(r Receipt) bool { return r.Path == whole })
	switch {
	case a.Kind == Prune && at < 0, a.Kind == Refresh && at < 0, a.Kind == Create && at >= 0:
		return fmt.Errorf("%s %s: there is another thing", a.Kind, c.Path)
	case a.Kind == Prune:
		folder.Entries = slices.Delete(slices.Clone(folder.Entries), at, at+1)
		return nil
	case a.Kind == Create:
		folder.Entries = append(slices.Clone(folder.Entries), Entry{Path: c.Path, Type: EntryFolder})
	}
	disk.Receipts = append(disk.Receipts, Receipt{
		Layer: a.Layer, Volume: a.Volume, Version: a.Version, Path: whole, Slot: c.Slot, Started: a.VersionTime, Ended: a.VersionTime,
		Source: ReceiptSource{Taken: a.VersionTime}, Files: 1000, Bytes: 1 << 30, Digest: "made",
	})
	return nil
}
