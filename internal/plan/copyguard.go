package plan

import (
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/quantity"
)

// findDisk finds the layer's destination, and the reason for which nothing may
// be written there (safety rules 6 and 12).
func (l *copyLayer) findDisk() *Block {
	disk, block := l.builder.findDisk(l.destination)
	l.disk = disk
	return block
}

// findFolder finds the layer's directory as it was listed. One that was listed
// for another policy, or to another depth, says nothing of versions.
func (l *copyLayer) findFolder() *Block {
	folder, found := l.disk.Folder(l.layer.Directory)
	u := Unknown{Address: DiskAddress(l.destination.Path)}
	switch depth := l.policy.Depth(l.layer); {
	case !found:
		u.Detail = fmt.Sprintf("the observation does not hold its directory %q", l.layer.Directory)
	case folder.Depth != depth:
		u.Detail = fmt.Sprintf("the observation holds its directory %q %d names deep, and %d are needed", l.layer.Directory, folder.Depth, depth)
	default:
		l.folder = folder
		return nil
	}
	return unknownBlock(u)
}

func (b *builder) findDisk(d Destination) (Disk, *Block) {
	disk, found := b.observation.Disk(d.Place())
	switch {
	case !found:
		return disk, unknownBlock(b.unseen(DiskAddress(d.Place())))
	case d.RequireMount && disk.FileSystem.MountPoint != d.Path:
		return disk, &Block{BlockMount, fmt.Sprintf("%s is not mounted: what is there lies on %s", d.Place(), disk.FileSystem.MountPoint), "mount it"}
	case disk.FileSystem.ReadOnly:
		return disk, &Block{BlockMount, d.Place() + " is mounted read-only", "look why (the kernel does that after an error), and mount it writable"}
	}
	return disk, nil
}

// checkClock is safety rule 11: when a version lies in the future or the time
// is behind the last run, nothing is pruned.
func (l *copyLayer) checkClock() *Block {
	if b := l.lastRunBlock(); b != nil {
		return b
	}
	for _, v := range l.volumes {
		for _, version := range l.holding.of(v.path) {
			if InFuture(version.time, l.now) {
				block := &Block{BlockClock, fmt.Sprintf("%s/%s says it is of %s, which is in the future", l.layer.Directory, version.path, l.clockText(version.time)),
					"set the clock, check the policy's time zone, or remove the version by hand"}
				l.warnings = append(l.warnings, Warning{WarnClock, block.Detail, block.Unblock})
				return block
			}
		}
	}
	return nil
}

// checkSpace is safety rule 4: a disk that is low gets nothing new.
func (l *copyLayer) checkSpace() *Block {
	fs, least := l.disk.FileSystem, l.destination.MinFree
	switch {
	case least.IsZero():
		return nil
	case fs.Free < least.Bytes(fs.Size):
		return l.lowSpace(fmt.Sprintf("%s has %s free, and %s is the least", l.destination.Place(), quantity.Size(fs.Free).Human(), least), least.Bytes(fs.Size)-fs.Free)
	case fs.Inodes > 0 && !least.Share.IsZero() && fs.InodesFree < least.Share.Of(fs.Inodes):
		return l.lowSpace(fmt.Sprintf("%s has %d inodes free of %d, and %s is the least", l.destination.Place(), fs.InodesFree, fs.Inodes, least), 0)
	}
	return nil
}

// lowSpace says how to make room for the bytes that are missing.
func (l *copyLayer) lowSpace(detail string, missing int64) *Block {
	return &Block{BlockSpace, detail, "free space there, let fewer versions be kept, or lower the guard of destination." + l.destination.Name + l.makeRoom(l.destination, missing)}
}

// fit says why an action would not fit: each one takes what it is expected to
// add, one after the other, and nothing may go below the least that must stay
// free. What a filter leaves out takes nothing, and a guess takes what there is.
func (l *copyLayer) fit(a Action) *Block {
	if a.Copy.Estimate == nil || !l.options.Filter.selects(a) {
		return nil
	}
	fs, usage, e := l.disk.FileSystem, l.used[l.destination.Place()], *a.Copy.Estimate
	least := l.destination.MinFree.Bytes(fs.Size)
	if a.isGuess() {
		e.Bytes = min(e.Bytes, max(0, fs.Free-usage.Bytes-least))
		e.Inodes = min(e.Inodes, max(0, fs.InodesFree-usage.Inodes))
	}
	switch {
	case e.Bytes > fs.Free-usage.Bytes-least:
		return l.lowSpace(fmt.Sprintf("it is expected to add %s, and %s has %s free of which %s must stay",
			quantity.Size(e.Bytes).Human(), l.destination.Place(), quantity.Size(fs.Free-usage.Bytes).Human(), quantity.Size(least).Human()), e.Bytes-(fs.Free-usage.Bytes-least))
	case fs.Inodes > 0 && e.Inodes > fs.InodesFree-usage.Inodes:
		return l.lowSpace(fmt.Sprintf("it is expected to need %d inodes, and %s has %d", e.Inodes, l.destination.Place(), fs.InodesFree-usage.Inodes), 0)
	}
	l.used[l.destination.Place()] = usage.plus(e)
	return nil
}

// isGuess says of an estimate that it is made from what is expected of a version that
// this plan makes, or is the most that one which was brought up to date since it was sent
// can add. Nothing is refused because of it: when the version is there to be sent, the
// space is looked at again, with its manifest.
func (a Action) isGuess() bool {
	from := a.Copy.From
	return from != nil && from.Version != nil && (from.Version.Digest == "" || a.Kind == Refresh)
}

func (l *copyLayer) acknowledged() bool {
	return slices.Contains(l.options.Acknowledge, l.layer.Name)
}

// budget is what the prune budget of a layer is reckoned from.
type budget struct {
	layer   Layer
	kept    int // versions
	creates []Action
}

// keepBudget is safety rule 13: a plan that prunes more than its share is
// blocked. One prune for each version that the plan creates is rotation and
// shrinks nothing.
func (b *builder) keepBudget(of budget, prunes []Action) {
	if b.unbounded || slices.Contains(b.options.Acknowledge, of.layer.Name) {
		return
	}
	created := len(keep(of.creates, func(a Action) bool { return a.Blocked == nil && a.Kind == Create }))
	share := (of.kept + created) / 3
	if !of.layer.Guard.MaxPrune.IsZero() {
		share = int(of.layer.Guard.MaxPrune.Of(int64(of.kept + created)))
	}
	wanted := len(keep(prunes, func(a Action) bool { return a.Blocked == nil }))
	if wanted <= max(share, created) {
		return
	}
	block := &Block{BlockBudget, fmt.Sprintf("the layer would lose %d of its %d versions at once; %d is the limit", wanted, of.kept, max(share, created)),
		"look at them with -v; if they are meant to go, run again with --acknowledge-prunes " + of.layer.Name}
	for i := range prunes {
		if prunes[i].Blocked == nil {
			prunes[i].Blocked = block
		}
	}
}
