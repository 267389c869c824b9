package providers

import (
	"context"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
)

// Producer fills a folder with one version of one volume. What becomes of the
// folder (its sync, its name, its receipt) is no business of a Producer: an
// error means that it is thrown away.
type Producer interface {
	// Produce fills job.Into. It writes nowhere else and reads nothing outside
	// of job.Roots and job.Previous, whatever links it meets in them.
	Produce(ctx context.Context, job Job) (Produced, error)
}

// Job is one version to be made.
type Job struct {
	Action plan.Action
	// Roots are the folders that hold the volume's content, one for each path of
	// the action's Access, or the root of the opened snapshot; none where the
	// content comes over the network. They are read only.
	Roots []string
	// Previous is the folder of the newest complete version, never to be written
	// into; empty when there is none. Files that have not changed are linked to
	// it.
	Previous string
	Into     string // an empty folder on the destination's file system
}

// Produced is what a Producer tells of a version.
type Produced struct {
	// Tools are the versions of the programs that made it, by name.
	Tools map[string]string
	// Notes are what was left out and why, for people: the action's result tells the
	// first one.
	Notes []string
	// Limits are notes that hold for every version made like this one: only its receipt
	// has them.
	Limits []string
}

// Opener makes the content of thin snapshots readable. It may be used from
// several goroutines.
type Opener interface {
	// Open makes a snapshot's content readable below Opened.Root. Whatever
	// happens, nothing is left open when it returns an error.
	Open(ctx context.Context, access plan.SnapshotAccess) (Opened, error)
	// Differences tells for each pair of snapshots of one pool how much differs by
	// the pool's own account; nil where that cannot be told.
	Differences(ctx context.Context, pairs []SnapshotPair) []*Difference
	// Clean closes and removes what a killed run left open; what is gone already
	// is no error.
	Clean(ctx context.Context, leftover plan.Leftover) error
}

// Opened is a snapshot whose content can be read.
type Opened struct {
	Root       string
	FileSystem string // ext4, xfs, btrfs
	// UUID is that of the snapshot.
	UUID string
	// Close takes down all that Open set up. It must be called once, and with a
	// context that has not ended.
	Close func(ctx context.Context) error
}

// Difference is how much two snapshots of a volume differ.
type Difference struct {
	Bytes  int64
	ToUUID string // of the second
}

// SnapshotPair is two snapshots of one volume in a pool. They are named by UUID
// where there is one, else by name.
type SnapshotPair struct {
	VolumeGroup, Pool string
	FromUUID          string // empty where it is not known: by FromName
	FromName          string
	ToUUID            string
	ToName            string
}

// Verifier looks whether versions on a disk are what they were when they were
// made.
type Verifier interface {
	// Verify compares a version with its receipt: names, sizes and times, and with
	// data the contents too, for which each file is read once however many
	// versions are verified by the same Verifier. Findings are for people, one a
	// line.
	Verify(ctx context.Context, version plan.HeldVersion, data bool) (findings []string, err error)
	Adopter
}

// Adopter knows versions that older scripts made.
type Adopter interface {
	// Adopt gives a version without a receipt one, after a walk of all of it.
	Adopt(ctx context.Context, version plan.HeldVersion, now time.Time) (plan.Receipt, error)
}

// Restorer gives back what a version holds.
type Restorer interface {
	// Restore copies a version with a receipt into an empty folder of this machine,
	// gives all in it the owners, modes and times that its manifest has, and compares
	// it with that, contents included. Nothing but the folder is changed.
	Restore(ctx context.Context, version plan.HeldVersion, into string) (Restored, error)
}

// Restored is how a restore came out.
type Restored struct {
	// Unproven says that there is no manifest to compare with, so that all that is
	// known is that each file was copied.
	Unproven bool
	// Findings are what is not as the manifest says, for people, one a line.
	Findings []string
}

// Linker can tell what versions on another machine would share.
type Linker interface {
	// Shares tells for each relink of one volume, in their order, what it would do if
	// all of them were carried out: how many files become links, and by how much the
	// last name of what they were goes. It goes by names, sizes and times: contents are
	// compared only by the actions themselves. Nothing is changed.
	Shares(ctx context.Context, relinks []plan.Action) ([]plan.Estimate, error)
}

// Inspector is a Producer that can tell whether what it once made can be used:
// that databases are sound, and archives whole. It changes nothing.
type Inspector interface {
	Inspect(ctx context.Context, folder string) (findings []string, err error)
}
