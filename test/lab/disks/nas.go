package main

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// The Synology is on no image, since only ssh leads to it: what `bkplan observe` would
// tell of it is reckoned from what lies on the backup disk.
const (
	nasAddress = "Administrator@192.168.1.13"
	nasRoot    = "/volume1/Backup/homelab"
)

// lastOffsite is the run that sent what the disk had on Monday.
var lastOffsite = time.Date(2026, 11, 23, 6, 0, 0, 0, zone)

// earlierWeeks are over there alone, as the older script sent them: full copies, and
// no receipts.
var earlierWeeks = []string{"2026-42", "2026-43"}

// unsent are two volumes that the last run did not get to: the Synology installed
// an update and started anew.
var unsent = []string{"syncthing/syncthing-data", "minio/minio-data"}

// excluded are the volumes that the policy leaves out of the mirror. The models were
// there before it did.
var excluded = []string{"frigate", "ollama", "temp"}

// nas is the destination, and the copy of the disk that lies in it.
func nas(backup plan.Disk, trees []plan.Tree, now time.Time) []plan.Disk {
	system := plan.FileSystem{
		Device: "/dev/mapper/cachedev_0", Type: "btrfs", MountPoint: "/volume1", Size: 5_302_441_205_760, Free: 866_213_457_920,
	}
	share := plan.Disk{
		Address: nasAddress, Path: nasRoot, FileSystem: system, Clock: now,
		Folders: []plan.Folder{{Directory: "nfs", Depth: 1}, {Directory: "nfs-ssd", Depth: 1}},
		Receipts: []plan.Receipt{
			mirrored("nfs", "nfs", "/srv/nfs", "/srv/nfs", 41*time.Minute, 4_118_305, 2_604_918_337_536),
			mirrored("nfs_ssd", "nfs-ssd", "/srv/nfs-ssd", "/", 3*time.Minute, 402_611, 214_748_364_800),
		},
	}
	for i := range share.Folders {
		share.Folders[i].Entries = childrenThere(trees, share.Receipts[i].Source.Paths[0])
	}
	copied := plan.Disk{Address: nasAddress, Path: path.Join(nasRoot, "pve-backup"), FileSystem: system, Clock: now}
	for _, f := range backup.Folders {
		copied.Folders = append(copied.Folders, folderThere(f))
	}
	for _, r := range backup.Receipts {
		if isThere(r.Version, r.Volume) {
			copied.Receipts = append(copied.Receipts, r)
		}
	}
	for _, name := range excluded { // by the policy's exclude, too
		share.Receipts[0].Exclude = append(share.Receipts[0].Exclude, "/"+name+"/", "/"+name)
	}
	disk := mirrored("offsite", ".", backupDisk, backupDisk, 9*time.Minute, 0, 0)
	disk.Volume = "sda"
	copied.Receipts = append(copied.Receipts, disk)
	slices.SortFunc(copied.Receipts, func(a, b plan.Receipt) int { return strings.Compare(a.Layer+"\x00"+a.Path, b.Layer+"\x00"+b.Path) })
	return []plan.Disk{share, copied}
}

// childrenThere are the volumes of a tree that were mirrored.
func childrenThere(trees []plan.Tree, at string) []plan.Entry {
	var list []plan.Entry
	i := slices.IndexFunc(trees, func(t plan.Tree) bool { return t.Path == at })
	for _, c := range trees[i].Children {
		if !slices.Contains(excluded, c.Name) || c.Name == "ollama" {
			list = append(list, plan.Entry{Path: c.Name, Type: c.Type, Odd: c.Odd})
		}
	}
	return list
}

func isThere(version, volume string) bool {
	return version != "2026-47" || !slices.Contains(unsent, volume)
}

// folderThere is a layer's directory as the copy has it; its top has what a service
// left that has been gone for long.
func folderThere(f plan.Folder) plan.Folder {
	there := plan.Folder{Directory: f.Directory, Depth: f.Depth}
	for _, e := range f.Entries {
		version, volume, _ := strings.Cut(e.Path, "/")
		if isThere(version, volume) && e.Path != "lost+found" {
			there.Entries = append(there.Entries, e)
		}
		for _, week := range earlierWeeks {
			if version == oldWeeks[0] {
				there.Entries = append(there.Entries, plan.Entry{Path: path.Join(week, volume), Type: e.Type})
			}
		}
	}
	if f.Directory == "." {
		there.Entries = append(there.Entries, plan.Entry{Path: "truenas-config", Type: plan.EntryFolder})
	}
	slices.SortFunc(there.Entries, func(a, b plan.Entry) int { return strings.Compare(a.Path, b.Path) })
	return there
}

// mirrored is the receipt of a tree that was synced on Monday.
func mirrored(layer, at, source, mount string, took time.Duration, files, bytes int64) plan.Receipt {
	started := lastOffsite.Add(4 * time.Second).UTC()
	r := plan.Receipt{
		Layer: layer, Volume: layer, Path: at, Slot: lastOffsite.UTC(), Started: started, Ended: started.Add(took),
		Source: plan.ReceiptSource{Taken: started, Paths: []string{source}, MountPoint: mount},
		Files:  files, Bytes: bytes, NewBytes: bytes / 2000, Directories: files / 11, Full: started,
		Tools: map[string]string{"rsync": "3.2.7", "rsync over there": "3.1.2"},
	}
	r.Digest = "names-" + digest(r)
	return r
}
