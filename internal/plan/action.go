package plan

import (
	"strconv"
	"time"
)

// ActionKind is what an action does to the world.
type ActionKind string

// The kinds of action.
const (
	Create  ActionKind = "create"
	Refresh ActionKind = "refresh"
	Prune   ActionKind = "prune"
	Sync    ActionKind = "sync"
	Trigger ActionKind = "trigger"
	Clean   ActionKind = "clean"
	// Relink gives a version files of another one in place of its own that are the
	// same. Only BuildRelink plans it.
	Relink ActionKind = "relink"
)

// Destructive says whether the action removes something. The core decides
// this, never a provider.
func (k ActionKind) Destructive() bool { return k == Prune || k == Clean }

// Action is one step from the observation to the policy.
type Action struct {
	// ID is unique in a plan and the same for the same step in every plan made
	// from the same policy and observation.
	ID          string     `json:"id"`
	Kind        ActionKind `json:"kind"`
	Layer       string     `json:"layer"`  // name of the layer
	Volume      string     `json:"volume"` // name of the volume
	Version     string     `json:"version"`
	VersionTime time.Time  `json:"version_time"`
	Reason      Reason     `json:"reason"`
	// Preconditions are what the action relies on; whoever carries it out
	// looks at them again first.
	Preconditions []Precondition `json:"preconditions,omitempty"`
	// DependsOn are IDs of actions that must succeed first.
	DependsOn []string `json:"depends_on,omitempty"`
	// Blocked is set when the action is due and must not be carried out.
	Blocked  *Block          `json:"blocked,omitempty"`
	Snapshot *SnapshotAction `json:"snapshot,omitempty"`
	Copy     *CopyAction     `json:"copy,omitempty"`
}

// Address is how people refer to the volume in the layer:
// `layer.weekly["vaultwarden/data"]`. It is escaped, so safe to print.
func (a Action) Address() string { return Address(a.Layer, a.Volume) }

// Address is the address of a volume in a layer, safe to print.
func Address(layer, volume string) string {
	return "layer." + layer + "[" + strconv.Quote(volume) + "]"
}

// Reason says why. Code is stable and for machines, Detail is a sentence
// fragment for people.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Reason codes.
const (
	ReasonNoVersion  = "no_version"       // create: the volume has none yet
	ReasonDue        = "due"              // create: the newest is older than the latest slot
	ReasonRetention  = "retention"        // prune: no rule keeps it
	ReasonOrphan     = "orphan_retention" // prune: its volume is gone and no rule, counted from now, keeps it
	ReasonPreRestore = "pre_restore_retention"
	ReasonUnchanged  = "due_unchanged" // create, refresh: due, and its snapshot was copied before
	ReasonDiffers    = "differs"       // refresh: the copy is not what the disk has
	ReasonLeftover   = "leftover"      // clean: a killed run left it
	ReasonSameFiles  = "same_files"    // relink: another version has them too
)

// Block says why an action is not carried out, and what would change that.
type Block struct {
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Unblock string `json:"unblock"`
}

// Block codes.
const (
	BlockSpace       = "low_space"
	BlockCapacity    = "unknown_capacity"
	BlockNames       = "unknown_names"
	BlockClock       = "clock"
	BlockBudget      = "prune_budget"
	BlockNameTooLong = "name_too_long"
	BlockSuspect     = "suspect"
	BlockUnknown     = "unknown"
	BlockOverlap     = "overlapping_sources"
	BlockSource      = "source"  // it is not what it should be, or has nothing to copy
	BlockMount       = "mount"   // the destination is not mounted, or not writable
	BlockForeign     = "foreign" // something else has the version's name
	BlockQuiet       = "quiet"   // no transfer begins at this time of day
)

// SnapshotAction is what the lvm provider needs to create or prune a thin
// snapshot.
type SnapshotAction struct {
	VolumeGroup string `json:"volume_group"`
	Pool        string `json:"pool"`
	Origin      string `json:"origin"`
	OriginUUID  string `json:"origin_uuid,omitempty"` // create only
	Name        string `json:"name"`
	UUID        string `json:"uuid,omitempty"` // prune only
	// Tags are set in the very command that makes the snapshot; by them its
	// layer recognises it.
	Tags []string `json:"tags,omitempty"`
}

// PreconditionKind is a kind of precondition.
type PreconditionKind string

// The kinds of precondition.
const (
	// VolumeIs: the logical volume VolumeGroup/Name exists with this UUID.
	VolumeIs PreconditionKind = "volume_is"
	// NameFree: there is no logical volume VolumeGroup/Name.
	NameFree PreconditionKind = "name_free"
	// PoolBelow: the pool VolumeGroup/Name is used by no more than MaxData and
	// MaxMetadata percent.
	PoolBelow PreconditionKind = "pool_below"
	// NewestIs: the newest version of the action's volume in its layer is the
	// logical volume Name; empty when there is none.
	NewestIs PreconditionKind = "newest_is"
)

// Precondition is a fact that an action relies on.
type Precondition struct {
	Kind        PreconditionKind `json:"kind"`
	VolumeGroup string           `json:"volume_group,omitempty"`
	Name        string           `json:"name,omitempty"`
	UUID        string           `json:"uuid,omitempty"`
	MaxData     float64          `json:"max_data_percent,omitempty"`
	MaxMetadata float64          `json:"max_metadata_percent,omitempty"`
}
