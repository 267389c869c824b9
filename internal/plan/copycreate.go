package plan

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/stamp"
)

// planCopy makes the action that a volume which is due needs: create, or
// refresh where the version of that name is there already.
func (l *copyLayer) planCopy(v copyVolume, h copyHistory) *Action {
	slot := l.status.Slot
	if slot.IsZero() || h.newest != nil && !h.newest.time.Before(slot.Truncate(time.Second)) {
		return nil
	}
	name := stamp.Format(l.layer.Version, slot.In(l.zone()))
	a := Action{
		Kind: Create, Layer: l.layer.Name, Volume: v.name, Version: name, VersionTime: l.now.Truncate(time.Second),
		Reason: l.copyReason(v, h),
		Copy: &CopyAction{
			Destination: l.destination.Path, RequireMount: l.destination.RequireMount, Directory: l.layer.Directory,
			Path: path.Join(name, v.path), Slot: slot, From: v.access, Exclude: l.layer.Exclude,
			MinFree: l.destination.MinFree.Bytes(l.disk.FileSystem.Size), Timeout: l.layer.Timeout,
			AcceptLoss: l.acknowledged(),
		},
	}
	a.ID = a.Address()
	if h.newest != nil {
		a.Copy.Previous = h.newest.path
	}
	if slices.ContainsFunc(h.regular, func(c copyVersion) bool { return c.path == a.Copy.Path }) {
		a.Kind = Refresh
	}
	if v.needs != "" {
		a.DependsOn = []string{v.needs}
	}
	a.Copy.Estimate = v.estimate(h, a.Kind)
	if a.Blocked = l.copyBlock(v, h, a); a.Blocked == nil {
		a.Blocked = l.fit(a)
	}
	l.makes = append(l.makes, a)
	return &a
}

// copyBlock says why a volume that is due must not be copied now.
func (l *copyLayer) copyBlock(v copyVolume, h copyHistory, a Action) *Block {
	switch {
	case v.noCopy != nil:
		return v.noCopy
	case v.path != "" && !plainPath(v.path, l.folder.Depth-1):
		return &Block{BlockSource, fmt.Sprintf("%q can be no path of folders", v.path), "rename the volume"}
	case v.state == unnamed && len(l.excluding(l.layer.Name)) > 0:
		return unnamedBlock(v.volume)
	case l.inTheWay(a):
		return &Block{BlockForeign, fmt.Sprintf("%s is in the way, and is no version of this layer", path.Join(l.layer.Directory, a.Copy.Path)), "move it"}
	case l.isInFuture(v, a):
		return &Block{BlockClock, fmt.Sprintf("%s is there already, and says that it was made in the future", path.Join(l.layer.Directory, a.Copy.Path)), "set the clock, or remove the version by hand"}
	case h.moved(v.access) != "" && !l.acknowledged():
		return &Block{BlockSource, h.moved(v.access), "mount the source; if it has moved for good, run again with --acknowledge-prunes " + l.layer.Name}
	}
	return l.space
}

func unnamedBlock(v volume) *Block {
	return &Block{BlockNames, fmt.Sprintf("the cluster did not answer and did not know %s when it last did, so it could be excluded", v.lvName),
		"let the cluster answer"}
}

// inTheWay says whether something else has the name of the version.
func (l *copyLayer) inTheWay(a Action) bool {
	return slices.ContainsFunc(l.holding.foreign, func(e Entry) bool { return e.Path == "." || under(a.Copy.Path, e.Path) })
}

// isInFuture says whether the version to be created is there, and counts for
// nothing because of its time.
func (l *copyLayer) isInFuture(v copyVolume, a Action) bool {
	return a.Kind == Create && slices.ContainsFunc(l.holding.of(v.path), func(c copyVersion) bool { return c.path == a.Copy.Path })
}

// moved says where the source lay when the newest version was made, if it lies
// on another mount now: an unmounted source shows what is below it.
func (h copyHistory) moved(access *Access) string {
	if h.newest == nil || h.newest.receipt == nil || access.MountPoint == "" {
		return ""
	}
	was := h.newest.receipt.Source.MountPoint
	if was == "" || was == access.MountPoint {
		return ""
	}
	return fmt.Sprintf("%s lies on %s now, and lay on %s when it was last copied", access.Paths[0], access.MountPoint, was)
}

func (l *copyLayer) copyReason(v copyVolume, h copyHistory) Reason {
	if h.newest == nil {
		return Reason{ReasonNoVersion, "no version yet"}
	}
	detail := fmt.Sprintf("the newest, %s, is older than the slot %s", l.clockText(h.newest.time), l.clockText(l.status.Slot))
	if h.unchanged(v.access) {
		return Reason{ReasonUnchanged, detail + ", and its snapshot is the same"}
	}
	return Reason{ReasonDue, detail}
}

// unchanged says whether the newest version was made from the very snapshot
// that would be read: that much can be known without changing anything.
func (h copyHistory) unchanged(access *Access) bool {
	if h.newest == nil || h.newest.receipt == nil || access == nil || access.Snapshot == nil {
		return false
	}
	was := h.newest.receipt.Source.Snapshot
	return was != nil && was.UUID != "" && was.UUID == access.Snapshot.UUID
}

// estimate is what copying the volume will add: what the newest version added,
// when that is known. All of the first one was new, which says nothing of the next. An
// unchanged one adds the folders of its links, and none where its version stays.
func (v copyVolume) estimate(h copyHistory, kind ActionKind) *Estimate {
	if h.newest == nil || h.newest.receipt == nil {
		return nil
	}
	r := h.newest.receipt
	e := Estimate{Bytes: max(0, min(r.NewBytes, r.Bytes)), Inodes: max(0, r.Directories)}
	switch {
	case h.unchanged(v.access):
		e.Bytes = 0
		if kind == Refresh {
			e.Inodes = 0
		}
	case len(h.regular) == 1 && r.NewBytes >= r.Bytes && r.Bytes > 0:
		return nil
	}
	return &e
}
