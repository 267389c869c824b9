package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
)

// CopyAction is what a provider needs to create, refresh or prune a version on
// a disk, to sync a tree to it, or to clean up what a killed run left.
type CopyAction struct {
	// Remote is the machine that has the destination; nil is this one.
	Remote       *Remote `json:"remote,omitempty"`
	Destination  string  `json:"destination,omitempty"` // root, an absolute path
	RequireMount bool    `json:"require_mount,omitempty"`
	Directory    string  `json:"directory,omitempty"` // the layer's, relative to Destination
	// Path is the version's, relative to Directory. A sync has none: Directory
	// itself is the copy.
	Path string    `json:"path,omitempty"`
	Slot time.Time `json:"slot,omitzero"`
	From *Access   `json:"from,omitempty"` // create, refresh and sync
	// Previous is the path, relative to Directory, of the newest complete version
	// of the volume when the plan was made; over ssh of the one that is nearest to what
	// is sent. Files that did not change become links to it. For a prune it is the version
	// that stays: the one that the prune waits for, where it waits for one.
	Previous string   `json:"previous,omitempty"`
	Exclude  []string `json:"exclude,omitempty"` // rsync's patterns
	// TrackChanges says that a sync writes down where the change journal of its source
	// stands, so that the next one can go on from there.
	TrackChanges bool `json:"track_changes,omitempty"`
	// Since is where the change journal stood at the last sync: what it says has
	// changed is all that need be looked at. Without one everything is. It is looked at
	// again before anything is sent.
	Since *JournalPoint `json:"since,omitempty"`
	// Full says of a version on another machine that it is compared although both have
	// the same receipt, and of a sync of a disk that its receipt may say that all versions
	// were compared: it is the first, or it has no From and notes nothing else.
	Full bool `json:"full,omitempty"`
	// Catalogue is when the last sync began, if there is a catalogue of it on this machine:
	// where the change journal proves nothing, what differs from that is all that need be
	// looked at.
	Catalogue time.Time `json:"catalogue,omitzero"`
	// Only are patterns for names at the top of the source: a sync of a disk, whose
	// Directory is ".", leaves alone, here and there, what is none of them.
	Only []string `json:"only,omitempty"`
	// MinFree is what must stay free at the destination, in bytes.
	MinFree   int64              `json:"min_free_bytes,omitempty"`
	MaxDelete quantity.Threshold `json:"max_delete,omitzero"` // of a sync
	// AcceptLoss: a person has acknowledged that far less may be there than
	// before.
	AcceptLoss bool              `json:"accept_loss,omitempty"`
	Timeout    quantity.Duration `json:"timeout,omitzero"` // zero is the provider's default
	// StartBefore is when it is too late to begin, because a quiet time of the
	// destination has come; zero is never.
	StartBefore time.Time `json:"start_before,omitzero"`
	// Unfinished is a name below WorkFolder, and Leftover what is open on this
	// machine: a clean has one of them.
	Unfinished string    `json:"unfinished,omitempty"`
	Leftover   *Leftover `json:"leftover,omitempty"`
	// Estimate is what the action is expected to add, or to free; nil is not known
	// before it is done. Of a sync by the change journal it is the most that can be sent.
	Estimate *Estimate `json:"estimate,omitempty"`
}

// Estimate is an amount of data and of names for it.
type Estimate struct {
	Bytes  int64 `json:"bytes"`
	Inodes int64 `json:"inodes"`
	// Files and Size are those of a version that is sent, whatever of it is there
	// already.
	Files int64 `json:"files,omitempty"`
	Size  int64 `json:"size_bytes,omitempty"`
}

// Remote says how another machine is reached: by ssh.
type Remote struct {
	Address      string `json:"address"` // user@host:port, or a Host of ssh_config
	IdentityFile string `json:"identity_file,omitempty"`
	// Path is the destination's, which must be there: the root of a copy in it may
	// be made. Empty is the root itself.
	Path string `json:"path,omitempty"`
	// MountPoint is what the root lay on when the plan was made, and must lie on.
	MountPoint string `json:"mount_point,omitempty"`
	// BandwidthLimit is in bytes a second; zero is none.
	BandwidthLimit quantity.Size `json:"bandwidth_limit,omitzero"`
}

// VersionAccess is a version on a disk of this machine that is copied as it is,
// with its receipt and its manifest, to the same Path below the root of the copy.
type VersionAccess struct {
	Root         string `json:"root"` // of the disk, an absolute path
	RequireMount bool   `json:"require_mount,omitempty"`
	// Layer, Volume and Version are those of its receipt; Version is empty for a
	// synced tree.
	Layer   string `json:"layer"`
	Volume  string `json:"volume"`
	Version string `json:"version,omitempty"`
	Path    string `json:"path"` // relative to Root
	// Digest is that of its receipt; empty when this plan makes the version.
	Digest string `json:"digest,omitempty"`
}

// WorkName is the name below WorkFolder that an action has for itself: the same on
// every run. The layer's name is in it for people.
func WorkName(kind ActionKind, layer, volume, version string) string {
	digest := sha256.Sum256([]byte(strings.Join([]string{string(kind), layer, volume, version}, "\x00")))
	return workPrefix(layer) + hex.EncodeToString(digest[:8])
}

// workPrefix begins the names below WorkFolder of a layer's actions.
func workPrefix(layer string) string {
	if len(layer) > 100 || strings.ContainsAny(layer, "/\x00") || layer[0] == '.' {
		layer = "layer"
	}
	return layer + "-"
}

// isWorkOf says whether a name is one that WorkName gives for a layer: another
// layer's name may begin like it.
func isWorkOf(layer, name string) bool {
	digest, found := strings.CutPrefix(name, workPrefix(layer))
	_, err := hex.DecodeString(digest)
	return found && len(digest) == 16 && err == nil
}

// Access says how the content of a volume is reached. Exactly one of Snapshot,
// Paths, Version and PFSense is set.
type Access struct {
	Snapshot *SnapshotAccess `json:"snapshot,omitempty"`
	Version  *VersionAccess  `json:"version,omitempty"`
	// Paths are trees of this machine. RequireMount and MountPoint say what the
	// first one must be, or was seen on.
	Paths        []string `json:"paths,omitempty"`
	RequireMount bool     `json:"require_mount,omitempty"`
	MountPoint   string   `json:"mount_point,omitempty"`
	// Whole says that what is below the only path is the volume; else each path
	// is kept under its full name.
	Whole    bool           `json:"whole,omitempty"`
	PFSense  *PFSenseSource `json:"pfsense,omitempty"`
	Artifact string         `json:"artifact,omitempty"` // of a pfSense: ArtifactConfig or ArtifactFiles
}

// What can be fetched from a pfSense.
const (
	ArtifactConfig = "config"     // config.xml
	ArtifactFiles  = "filesystem" // a tar of the whole file system
)

// SnapshotAccess is a thin snapshot whose content is to be read.
type SnapshotAccess struct {
	VolumeGroup string `json:"volume_group"`
	Pool        string `json:"pool"`
	Name        string `json:"name"`
	UUID        string `json:"uuid,omitempty"` // empty when this plan makes the snapshot
	// Origin is the logical volume of which it is a snapshot.
	Origin  string    `json:"origin"`
	Taken   time.Time `json:"taken"`
	KeyFile string    `json:"key_file,omitempty"` // of LUKS; a name, never a key
	// OpenName names whatever is opened for it, MountFolder is where.
	OpenName    string `json:"open_name"`
	MountFolder string `json:"mount_folder"`
}

// openPrefix begins the names of what is opened: by it what a killed run left is
// recognised.
const openPrefix = "bkplan-"

// OpenName is the name of the mount, the mapping and the clone that are made to
// read a volume for a layer. It is the same on every run.
func OpenName(layer, volume string) string {
	digest := sha256.Sum256([]byte(layer + "\x00" + volume))
	return openPrefix + hex.EncodeToString(digest[:8])
}

// IsOpenName says whether a name is one that OpenName gives.
func IsOpenName(name string) bool {
	if len(name) != len(openPrefix)+16 || name[:len(openPrefix)] != openPrefix {
		return false
	}
	_, err := hex.DecodeString(name[len(openPrefix):])
	return err == nil
}

// TagClone marks a throw-away clone of a snapshot; its value is the OpenName.
const TagClone = tagPrefix + "clone="
