package plan

import (
	"strings"
	"time"
)

// FileSystem is the file system that a path lies on.
type FileSystem struct {
	// Device is the kernel's number of it, "8:1"; two paths with the same one
	// fail together.
	Device     string `json:"device"`
	Type       string `json:"type"`        // the kernel's word: ext4, xfs, nfs4
	MountPoint string `json:"mount_point"` // the path itself when it is one
	ReadOnly   bool   `json:"read_only,omitempty"`
	Size       int64  `json:"size_bytes"`
	Free       int64  `json:"free_bytes"` // to whoever looked
	Inodes     int64  `json:"inodes"`     // 0 where the file system makes them as needed
	InodesFree int64  `json:"inodes_free"`
}

// Tree is a directory that a source names, as it was found.
type Tree struct {
	Path       string     `json:"path"`
	FileSystem FileSystem `json:"file_system"`
	// Children are what lies directly in it, in order of name. An empty tree has
	// none, which is no proof that nothing should be there.
	Children []Child `json:"children,omitempty"`
}

// Child is an entry of a folder. A Name that is not UTF-8 has its other bytes
// replaced, and Odd set: it can be shown, not used.
type Child struct {
	Name string    `json:"name"`
	Type EntryType `json:"type"`
	Odd  bool      `json:"odd_name,omitempty"`
}

// EntryType is what an entry of a folder is; links are not followed.
type EntryType string

// The types of entries.
const (
	EntryFolder EntryType = "directory"
	EntryFile   EntryType = "file"
	EntryLink   EntryType = "link"
	EntryOther  EntryType = "other"
)

// Disk is a root of copies, as it was found: a destination on this machine or,
// where it has an Address, one that is reached by ssh. When it is not mounted and
// should be, what it holds says nothing.
type Disk struct {
	Address    string     `json:"address,omitempty"`
	Path       string     `json:"path"`
	FileSystem FileSystem `json:"file_system"`
	// Clock is what time it is on the other machine, to the second; zero on this one.
	Clock time.Time `json:"clock,omitzero"`
	// ShareSnapshots is set where the policy names the share.
	ShareSnapshots *ShareSnapshots `json:"share_snapshots,omitempty"`
	// Folders are the directories of the layers that keep versions here.
	Folders  []Folder     `json:"folders,omitempty"`
	Receipts []Receipt    `json:"receipts,omitempty"`
	Bad      []BadReceipt `json:"bad_receipts,omitempty"`
	// Unfinished are names below WorkFolder: what a run was building or removing
	// when it ended.
	Unfinished []string `json:"unfinished,omitempty"`
}

// ShareSnapshots is what a Synology says of the snapshots that it takes of a share by
// itself: what is pruned takes up room until they are gone as well.
type ShareSnapshots struct {
	Share     string `json:"share"`
	Retention string `json:"retention,omitempty"` // in the words of its own tool
	Detail    string `json:"detail,omitempty"`    // why that cannot be told
}

// Folder is one layer's directory, listed down to where its versions lie, and
// no further.
type Folder struct {
	Directory string  `json:"directory"` // relative to the disk's path
	Depth     int     `json:"depth"`     // names from the directory to a version of a volume
	Entries   []Entry `json:"entries,omitempty"`
}

// Entry is something found in a Folder: a directory of full depth, which may be
// a version, or anything that is not a directory above that.
type Entry struct {
	Path string    `json:"path"` // relative to the folder, "2026-46/vaultwarden/data"
	Type EntryType `json:"type"`
	Odd  bool      `json:"odd_name,omitempty"` // as in Child
}

// What bkplan keeps for itself lies below these folders of a destination's root.
const (
	OwnFolder      = ".bkplan"
	ReceiptFolder  = OwnFolder + "/receipts"
	ManifestFolder = OwnFolder + "/manifests"
	WorkFolder     = OwnFolder + "/work"
)

// Receipt proves that a version is complete: it is written last, after all of
// the version was synced and given its name.
type Receipt struct {
	Layer   string    `json:"layer"`
	Volume  string    `json:"volume"`
	Version string    `json:"version"` // name; empty for a synced tree
	Path    string    `json:"path"`    // of the version, relative to the destination's root
	Slot    time.Time `json:"slot"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Source is what the version was made from; its Taken is the age of the data.
	Source ReceiptSource `json:"source"`
	Files  int64         `json:"files"` // entries of the tree but directories
	Bytes  int64         `json:"bytes"` // of all regular files, each once
	// NewBytes are those of files that are not hard links to an earlier version. Where
	// the version was brought up to date they are all that was new each time: some of it
	// may be gone, so that they can be more than Bytes. NewSince tells of the last times.
	NewBytes    int64 `json:"new_bytes"`
	Directories int64 `json:"directories"`
	// Digest is that of the version's manifest: names, sizes, times, modes and
	// contents.
	Digest string `json:"digest"`
	// Exclude are the patterns by which some of the source was left out.
	Exclude []string          `json:"exclude,omitempty"`
	Tools   map[string]string `json:"tools,omitempty"` // versions of what made it, by name
	// Notes are for people: what was left out of the version, and why.
	Notes []string `json:"notes,omitempty"`
	// Journal is where the change journal of a synced tree stood: all that changed
	// before is in it. Full is when everything in it was last compared, of a disk every
	// version as well. A sync by the journal after that knows what it changed, and not
	// all there is: Files and Directories then are those of Full, with what rsync says
	// it has made and removed since, Bytes are those of Full, and there is no Digest.
	Journal *JournalPoint `json:"journal,omitempty"`
	Full    time.Time     `json:"full,omitzero"`
	// Adopted says that an older script made the version, and that the receipt
	// was written after a look at it.
	Adopted bool `json:"adopted,omitempty"`
}

// ReceiptSource is what a version was made from: a snapshot, or a tree.
type ReceiptSource struct {
	Taken      time.Time    `json:"taken"`
	Snapshot   *SnapshotRef `json:"snapshot,omitempty"`
	Paths      []string     `json:"paths,omitempty"`
	MountPoint string       `json:"mount_point,omitempty"` // of the first path
	Address    string       `json:"address,omitempty"`     // of what was asked over the network
}

// SnapshotRef names a thin snapshot for good: names are used again, UUIDs are
// not.
type SnapshotRef struct {
	VolumeGroup string `json:"volume_group"`
	Name        string `json:"name"`
	UUID        string `json:"uuid"`
}

// BadReceipt is a file among the receipts that is none, and why.
type BadReceipt struct {
	File   string `json:"file"` // relative to ReceiptFolder
	Detail string `json:"detail"`
}

// Leftover is what a killed run left open on this machine: of one name, a
// mount, a mapping of LUKS, a clone, or several of them.
type Leftover struct {
	Name    string `json:"name"`              // OpenName of a layer and a volume
	Mounted string `json:"mounted,omitempty"` // mount point
	Mapping string `json:"mapping,omitempty"` // name of the device mapping
	// Clone is the throw-away copy of a snapshot, a logical volume of
	// VolumeGroup.
	VolumeGroup string `json:"volume_group,omitempty"`
	Clone       string `json:"clone,omitempty"`
	CloneUUID   string `json:"clone_uuid,omitempty"`
}

// TreeAddress names a tree in Unknown.
func TreeAddress(path string) string { return "tree " + path }

// DiskAddress names a root of copies in Unknown, by its Place.
func DiskAddress(place string) string { return "disk " + place }

// Place is a path, with the address of the machine where that is another one:
// "admin@nas:/volume1/Backup".
func Place(address, path string) string {
	if address == "" {
		return path
	}
	return address + ":" + path
}

// Place says where the root lies.
func (d Disk) Place() string { return Place(d.Address, d.Path) }

// Tree finds the observation of a source's directory.
func (o Observation) Tree(path string) (Tree, bool) {
	for _, t := range o.Trees {
		if t.Path == path {
			return t, true
		}
	}
	return Tree{}, false
}

// Disk finds the observation of a root of copies, by its Place.
func (o Observation) Disk(place string) (Disk, bool) {
	for _, d := range o.Disks {
		if d.Place() == place {
			return d, true
		}
	}
	return Disk{}, false
}

// Folder finds a layer's directory on the disk.
func (d Disk) Folder(directory string) (Folder, bool) {
	for _, f := range d.Folders {
		if f.Directory == directory {
			return f, true
		}
	}
	return Folder{}, false
}

// under says whether a path is a folder or below it.
func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
