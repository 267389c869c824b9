package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// syncLayer plans one layer that mirrors a source into a directory of a
// destination.
// It has one copy, which is the source's as a whole.
type syncLayer struct {
	*builder
	layer       Layer
	status      *LayerStatus
	destination Destination
	disk        Disk
	source      Source
}

func (l *syncLayer) plan() {
	disk, block := l.findDisk(l.destination)
	l.disk, l.status.Blocked = disk, block
	if block != nil {
		return
	}
	access, block := l.access()
	if l.status.Blocked = block; block != nil {
		return
	}
	receipt := l.disk.receiptOf(l.layer.Name, l.layer.Directory)
	patterns, all := l.leaveOut(receipt)
	if all {
		return
	}
	l.status.Volumes = 1
	h := held{}
	l.holdMirror(l.layer.Name, l.source.Name, receipt)
	if receipt.isWhole() {
		l.status.Versions = 1
		h = held{newest: receipt.Source.Taken, count: 1}
	} else if receipt != nil && !InFuture(receipt.Started, l.now) {
		l.status.Whole = receipt.Started
	}
	if a := l.planSync(access, receipt); a != nil {
		a.Copy.Exclude = slices.Concat(a.Copy.Exclude, patterns)
		l.follow(a, receipt)
		h.planned = a.Blocked == nil
		l.actions = append(l.actions, *a)
	}
	for _, name := range l.volumesOf(l.source) {
		l.held[layerVolume{l.layer.Name, name}] = h
	}
}

// access is the source's trees, each proven to be what it should.
func (l *syncLayer) access() (*Access, *Block) {
	l.source, _ = l.policy.Source(l.layer.From)
	if d := l.source.Directory; d != nil {
		tree, block := l.findTree(d.Path, d.RequireMount)
		return &Access{Paths: []string{d.Path}, RequireMount: d.RequireMount, MountPoint: tree.FileSystem.MountPoint, Whole: true}, block
	}
	for _, p := range l.source.Paths {
		if _, block := l.findTree(p, false); block != nil {
			return nil, block
		}
	}
	return &Access{Paths: l.source.Paths}, nil
}

// leaveOut finds what exclude blocks leave out of the mirror: patterns for some
// of its volumes, or all of it. What was mirrored before stays where it is, and is
// drift while it does.
func (l *syncLayer) leaveOut(last *Receipt) (patterns []string, all bool) {
	names := l.volumesOf(l.source)
	for _, name := range names {
		e, excluded := l.excludes(l.layer, volume{name: name})
		if !excluded {
			continue
		}
		l.excluded = append(l.excluded, Skipped{l.layer.Name, name, e.Name, e.Reason, e.Accept})
		patterns = append(patterns, rsyncPattern(name))
		if l.mirrored(name, last) {
			l.addDrift(Orphaned, name, l.layer.Name, "the volume is excluded from "+l.layer.Address()+" now: what was mirrored before stays", "remove it by hand if it is not needed")
		}
	}
	return patterns, len(names) > 0 && len(patterns) == len(names)
}

// mirrored says whether the mirror has a volume. One that was not listed is taken to.
func (l *syncLayer) mirrored(name string, last *Receipt) bool {
	folder, found := l.disk.Folder(l.layer.Directory)
	if !found || folder.Depth == 0 {
		return last != nil
	}
	return slices.ContainsFunc(folder.Entries, func(e Entry) bool { return e.Path == name })
}

// rsyncPattern matches one name at the top of what is mirrored, and nothing else.
// A backslash is one for rsync, unless something in the pattern is a wildcard.
func rsyncPattern(name string) string {
	if strings.ContainsAny(name, "*?[") {
		name = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
	}
	return "/" + name
}

func (l *syncLayer) planSync(access *Access, last *Receipt) *Action {
	slot := l.status.Slot
	if slot.IsZero() || last != nil && !last.Started.Before(slot.Truncate(time.Second)) && !InFuture(last.Started, l.now) {
		return nil
	}
	a := Action{
		ID: Address(l.layer.Name, l.source.Name), Kind: Sync, Layer: l.layer.Name, Volume: l.source.Name,
		VersionTime: l.now.Truncate(time.Second), Reason: Reason{ReasonNoVersion, "never synced"},
		Copy: &CopyAction{
			Remote: l.remote(l.destination), Destination: l.destination.Path, StartBefore: l.startBefore(l.destination), RequireMount: l.destination.RequireMount, Directory: l.layer.Directory,
			Slot: slot, From: access, Exclude: l.layer.Exclude, Timeout: l.layer.Timeout,
			MinFree: l.destination.MinFree.Bytes(l.disk.FileSystem.Size), MaxDelete: l.layer.Guard.MaxDelete,
			AcceptLoss: slices.Contains(l.options.Acknowledge, l.layer.Name),
		},
	}
	if last != nil {
		a.Reason = Reason{ReasonDue, fmt.Sprintf("last synced %s, before the slot %s", l.clockText(last.Started), l.clockText(slot))}
		if was := last.Source.MountPoint; was != "" && access.MountPoint != "" && was != access.MountPoint && !a.Copy.AcceptLoss {
			a.Blocked = &Block{BlockSource, fmt.Sprintf("%s lies on %s now, and lay on %s when it was last synced", access.Paths[0], access.MountPoint, was),
				"mount the source; if it has moved for good, run again with --acknowledge-prunes " + l.layer.Name}
		}
	}
	if a.Blocked == nil {
		a.Blocked = l.quiet(l.destination)
	}
	if a.Blocked == nil {
		a.Blocked = (&copyLayer{builder: l.builder, layer: l.layer, destination: l.destination, disk: l.disk}).checkSpace()
	}
	a.tellBegun(l.disk)
	return &a
}

// volumesOf are the volumes of a source that are directories of this machine.
func (b *builder) volumesOf(s Source) []string {
	if s.Directory == nil || s.Directory.Each == "" {
		return []string{s.Name}
	}
	tree, _ := b.observation.Tree(s.Directory.Path)
	return tree.volumes(s.Directory.Each)
}
