package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // names of snapshots are in the policy's zone

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
)

const backupDisk = "/mnt/backup"

// The older script made the weeks up to 2026-45 and left no receipts, bkplan those
// after it: the last time on Monday 23 November, the first day of week 47.
var (
	oldWeeks = []string{"2026-44", "2026-45"}
	zone     = must(time.LoadLocation("Europe/Sofia"))
	lastRun  = time.Date(2026, 11, 23, 5, 0, 0, 0, zone)
)

// databases are the namespaces whose applications keep SQLite databases.
var databases = strings.Fields(`actualbudget calibre-web forgejo freshrss gitea-mirror gotify grafana headscale
	home-assistant jellyfin karakeep kavita linkding mealie memos n8n novelapp ntfy stirling-pdf trilium uptime-kuma vaultwarden`)

// snapshotsGone are the deleted volumes of the recording that no persistent volume
// names any more.
var snapshotsGone = map[string]string{"vm-9999-pvc-46f7124c-5adc-3e2d-7000-bbc669a42c1d": "excalidraw/excalidraw-data"}

// copied is a volume that has snapshots, and so copies on the disk.
type copied struct {
	name      string // namespace/claim
	size      int64
	snapshots map[string]plan.LogicalVolume // by their day, "20261123"
}

func (v copied) database() bool {
	namespace, _, _ := strings.Cut(v.name, "/")
	return slices.Contains(databases, namespace)
}

// fillDisk lays out the backup disk as the nights until the recording left it.
func fillDisk(root string, recorded plan.Observation) error {
	d := disk{root: root}
	volumes := findCopied(recorded)
	for i, v := range volumes {
		d.volume(v, time.Duration(i)*40*time.Second)
	}
	d.gateway()
	d.mirror()
	return d.err
}

// findCopied finds the volumes of the pool that have snapshots, in order of name.
func findCopied(o plan.Observation) []copied {
	claims := map[string]string{}
	for lv, name := range snapshotsGone {
		claims[lv] = name
	}
	for _, pv := range o.Clusters[0].Volumes {
		lv := pv.Handle[strings.LastIndexAny(pv.Handle, "/:")+1:]
		claims[lv] = pv.Namespace + "/" + pv.Claim
	}
	found := map[string]*copied{}
	for _, lv := range o.Pools[0].Volumes {
		origin, day, ok := strings.Cut(lv.Name, "_snap_")
		name := claims[origin]
		if !ok || name == "" {
			continue
		}
		if found[name] == nil {
			found[name] = &copied{name: name, size: lv.Size, snapshots: map[string]plan.LogicalVolume{}}
		}
		found[name].snapshots[strings.TrimSuffix(day, "_0300")] = lv
	}
	var list []copied
	for _, c := range found {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b copied) int { return strings.Compare(a.name, b.name) })
	return list
}

// disk is the backup disk while it is filled; the first error ends it.
type disk struct {
	root string
	err  error
}

func (d *disk) directory(at string) {
	if d.err == nil {
		d.err = os.MkdirAll(filepath.Join(d.root, at), 0o700)
	}
}

// version makes a version's directory and its receipt.
func (d *disk) version(r plan.Receipt) {
	d.directory(r.Path)
	if d.err != nil {
		return
	}
	r.Digest = digest(r)
	r.Started, r.Ended, r.Source.Taken = r.Started.UTC(), r.Ended.UTC(), r.Source.Taken.UTC()
	r.Slot = r.Slot.UTC()
	d.err = receipt.Write(d.root, r)
}

// digest stands for that of a content that there is not.
func digest(r plan.Receipt) string {
	sum := sha256.Sum256([]byte(r.Layer + "\x00" + r.Path))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// volume makes the versions of a volume: in the old weeks if it was there then, in
// each of the new ones from the last snapshot of it in that week.
func (d *disk) volume(v copied, after time.Duration) {
	if v.old() {
		for _, week := range oldWeeks {
			d.directory(path.Join("pvc-data", week, v.name))
			if v.database() {
				d.directory(path.Join("sqlite-backup", week, v.name))
			}
		}
	}
	for _, week := range []struct {
		name string
		last time.Time
	}{{"2026-46", lastRun.AddDate(0, 0, -1)}, {"2026-47", lastRun}} {
		days := snapshotsOf(v, week.last)
		if len(days) == 0 || week.name == "2026-47" && days[0] != lastRun.Format("20060102") {
			continue
		}
		day := must(time.ParseInLocation("20060102", days[0], zone))
		d.version(v.files(week.name, day, after))
		d.version(v.sqlite(week.name, day, after))
	}
}

// old says whether the volume was there before the first snapshot that is left: it
// has that one, or is gone since.
func (v copied) old() bool {
	_, early := v.snapshots["20261117"]
	_, live := v.snapshots[lastRun.Format("20060102")]
	return early || !live
}

// snapshotsOf are the days up to one of which there is a snapshot, the newest
// first.
func snapshotsOf(v copied, until time.Time) []string {
	var days []string
	for day := range v.snapshots {
		if day <= until.Format("20060102") {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	slices.Reverse(days)
	return days
}

// receipt is one of a night's copies of the volume; what was copied is not in it.
func (v copied) receipt(layer, directory, week string, day time.Time, after time.Duration) plan.Receipt {
	slot := day.Add(5 * time.Hour)
	lv := v.snapshots[day.Format("20060102")]
	started := slot.Add(4*time.Second + after)
	return plan.Receipt{
		Layer: layer, Volume: v.name, Version: week, Path: path.Join(directory, week, v.name),
		Slot: slot, Started: started, Ended: started.Add(time.Duration(2+v.chance("takes", 36)) * time.Second),
		Source: plan.ReceiptSource{Taken: day.Add(3 * time.Hour), Snapshot: &plan.SnapshotRef{VolumeGroup: "pve", Name: lv.Name, UUID: lv.UUID}},
	}
}

// files is the receipt of the volume's files: some share of it is filled, and
// little of that is new each day.
func (v copied) files(week string, day time.Time, after time.Duration) plan.Receipt {
	r := v.receipt("weekly", "pvc-data", week, day, after)
	r.Bytes = v.size/1000*(120+v.chance("filled", 260)) + v.chance("odd", 1<<20)
	r.Files = 20 + r.Bytes>>20/(1+v.chance("large", 9)) + v.chance("files", 900)
	r.Directories = 1 + r.Files/(4+v.chance("flat", 30))
	r.NewBytes = r.Bytes/10000*v.chance("new"+day.String(), 120) + v.chance("some"+day.String(), 1<<18)
	r.Tools = map[string]string{"rsync": "3.2.7"}
	return r
}

// sqlite is the receipt of the volume's databases, which are copied as a whole;
// many volumes have none.
func (v copied) sqlite(week string, day time.Time, after time.Duration) plan.Receipt {
	r := v.receipt("sqlite", "sqlite-backup", week, day, after+time.Hour)
	r.Tools, r.Directories = map[string]string{"sqlite": "3.53.2"}, 1
	if !v.database() {
		r.Notes = []string{"no SQLite database in this volume"}
		return r
	}
	r.Files = 1 + v.chance("databases", 3)
	r.Bytes = 1<<20 + v.chance("database", 180<<20)>>12<<12
	r.NewBytes, r.Directories = r.Bytes, 2
	return r
}

// chance gives a number below n that depends on the volume and on what it is for.
func (v copied) chance(what string, n int64) int64 {
	sum := sha256.Sum256([]byte(v.name + "\x00" + what))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1 % uint64(n))
}

// gateway makes the versions of the pfSense: its config.xml of each day, its files
// of each Sunday.
func (d *disk) gateway() {
	sunday := lastRun.AddDate(0, 0, -1)
	for _, week := range oldWeeks {
		d.directory(path.Join("pfsense", week))
		d.directory(path.Join("pfsense-files", week))
	}
	for _, r := range []plan.Receipt{
		fetched("pfsense", "2026-46", sunday, 214_906), fetched("pfsense", "2026-47", lastRun, 215_133),
		fetched("pfsense_files", "2026-46", sunday, 1_482_330_112),
	} {
		d.version(r)
	}
}

func fetched(layer, week string, slot time.Time, size int64) plan.Receipt {
	started := slot.Add(3 * time.Second)
	return plan.Receipt{
		Layer: layer, Volume: "gateway", Version: week, Path: path.Join(strings.ReplaceAll(layer, "_", "-"), week),
		Slot: slot, Started: started, Ended: started.Add(time.Duration(2+size>>24) * time.Second),
		Source: plan.ReceiptSource{Taken: started, Address: "root@10.0.20.1"},
		Files:  1, Bytes: size, NewBytes: size, Directories: 1, Tools: map[string]string{"ssh": "OpenSSH_9.2p1"},
	}
}

// mirror makes the copy of the host's own files.
func (d *disk) mirror() {
	started := lastRun.Add(2 * time.Second)
	d.version(plan.Receipt{
		Layer: "pve_config", Volume: "pve_config", Path: "pve-config", Slot: lastRun, Started: started, Ended: started.Add(3 * time.Second),
		Source: plan.ReceiptSource{Taken: started, Paths: strings.Fields("/etc/pve /usr/local/bin /etc/systemd/system")},
		Files:  187, Bytes: 96_403_112, NewBytes: 18_204, Directories: 41, Tools: map[string]string{"rsync": "3.2.7"},
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprint("a constant is wrong: ", err))
	}
	return value
}
