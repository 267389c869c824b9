package plan

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"time"
)

// offsiteLayer plans one sync layer that copies a disk of this machine to another
// one. Each version goes by itself, so that its hard links survive the trip; what
// no layer owns goes as one mirror. Its versions are found in offsiteversion.go.
type offsiteLayer struct {
	*builder
	layer    Layer
	status   *LayerStatus
	from, to Destination
	here     Disk
	there    Disk // the root of the copy
	last     *Receipt
	due      bool
	full     string // why all that is there is compared; empty where it is not
	clock    *Block // no pruning over there
	apart    *Block // nor of what ages by the clock here alone
	noStart  *Block // no transfer now

	pending map[string]Action // by path below the disk: what this plan makes on it
	leaving map[string]bool   // by path below the disk: what this plan prunes on it
	kept    int
	makes   []Action
	prunes  []Action
}

func (l *offsiteLayer) plan() {
	if l.status.Blocked = l.blocked(); l.status.Blocked != nil {
		return
	}
	l.last = l.there.receiptOf(l.layer.Name, ".")
	l.due = l.last == nil || l.last.Started.Before(l.status.Slot.Truncate(time.Second)) || InFuture(l.last.Started, l.now)
	l.findPending()
	volumes := l.volumes()
	l.full = l.whyFull(volumes)
	l.clock, l.noStart = l.checkClock(volumes), cmp.Or(l.quiet(l.to), l.guard().checkSpace())
	for _, v := range volumes {
		l.planVolume(v)
	}
	l.keepBudget(budget{layer: l.layer, kept: l.kept, creates: l.makes}, l.prunes)
	// The newest of all volumes come first, and older ones can link to them.
	slices.SortStableFunc(l.makes, func(a, b Action) int { return b.VersionTime.Compare(a.VersionTime) })
	makes := l.makes
	l.emit(l.prunes, nil)
	at := slices.IndexFunc(l.actions, func(a Action) bool { return a.Layer == l.layer.Name && len(a.DependsOn) > 0 })
	if at < 0 {
		at = len(l.actions)
	}
	l.actions = slices.Insert(l.actions, at, makes...)
	l.planRest()
	l.planNote()
	l.holdMirror(l.layer.Name, l.from.Name, l.last)
	l.status.Whole = l.wholeSince()
	l.driftOfCopy(volumes)
}

// blocked says why nothing of the layer can be planned at all; else it has found
// both ends.
func (l *offsiteLayer) blocked() *Block {
	l.from, _ = l.policy.Destination(l.layer.From)
	disk, block := l.findDisk(l.from)
	if block != nil && !disk.FileSystem.ReadOnly {
		return block
	}
	if _, block := l.findDisk(l.to); block != nil {
		return block
	}
	place := Place(l.to.Address, path.Join(l.to.Path, l.layer.Directory))
	copied, found := l.observation.Disk(place)
	if !found {
		return unknownBlock(l.unseen(DiskAddress(place)))
	}
	l.here, l.there = disk, copied
	l.compareClocks()
	return nil
}

// clockApart is how far another machine's clock may be from this one's. A look takes
// minutes.
const clockApart = 15 * time.Minute

// compareClocks warns of a clock over there that is not as this one. One of them is wrong,
// and it may be this one: nothing ages by it. All else goes by the times in receipts,
// which are written here.
func (l *offsiteLayer) compareClocks() {
	apart := l.there.Clock.Sub(l.observation.Time)
	if l.there.Clock.IsZero() || apart.Abs() < clockApart {
		return
	}
	w := Warning{WarnClock, fmt.Sprintf("it is %s at %s, and %s here", l.clockText(l.there.Clock), l.to.Address, l.clockText(l.observation.Time)),
		"set the clock there; what is copied keeps the times that it has here"}
	l.apart = &Block{BlockClock, w.Detail + ": what only the copy has goes by the time now", "set the clock that is wrong"}
	if !slices.Contains(l.warnings, w) { // of another layer
		l.warnings = append(l.warnings, w)
	}
}

// whyFull says why all versions over there are compared with those here: the layer's
// own schedule for that wants it.
func (l *offsiteLayer) whyFull(volumes []offsiteVolume) string {
	slot, scheduled := l.layer.FullSchedule.Prev(l.now, l.zone())
	sent := func(v offsiteVolume) bool { return len(v.there) > 0 }
	switch {
	case !scheduled:
		return ""
	case l.last == nil || l.last.Full.IsZero():
		if slices.ContainsFunc(volumes, sent) {
			return "it is compared as a whole: it is not known when that was last done"
		}
		return ""
	case InFuture(l.last.Full, l.now):
		return fmt.Sprintf("it is compared as a whole: last done %s, which is in the future", l.clockText(l.last.Full))
	case l.last.Full.Before(slot.Truncate(time.Second)):
		return fmt.Sprintf("it is compared as a whole: last done %s, before the slot %s", l.clockText(l.last.Full), l.clockText(slot))
	}
	return ""
}

// guard looks after the space of the destination.
func (l *offsiteLayer) guard() *copyLayer {
	return &copyLayer{builder: l.builder, layer: l.layer, destination: l.to, disk: l.there}
}

// findPending finds what this plan makes and prunes on the disk. What a filter
// leaves out it does not.
func (l *offsiteLayer) findPending() {
	l.pending, l.leaving = map[string]Action{}, map[string]bool{}
	for _, a := range l.actions {
		c := a.Copy
		if c == nil || c.Remote != nil || c.Destination != l.from.Path || a.Blocked != nil || !l.options.Filter.selects(a) {
			continue
		}
		switch at := path.Join(c.Directory, c.Path); a.Kind {
		case Create, Refresh, Sync:
			l.pending[at] = a
		case Prune:
			l.leaving[at] = true
		}
	}
}

// quiet says whether a destination is in a time in which no transfer begins.
func (b *builder) quiet(d Destination) *Block {
	for _, w := range d.Quiet {
		if w.Contains(b.now, b.zone()) {
			return &Block{BlockQuiet, fmt.Sprintf("no transfer to destination.%s begins between %s", d.Name, w), "wait, or change `quiet` of the destination"}
		}
	}
	return nil
}

// startBefore is when the next quiet time of a destination begins.
func (b *builder) startBefore(d Destination) time.Time {
	var first time.Time
	for _, w := range d.Quiet {
		if next := w.Next(b.now, b.zone()); first.IsZero() || next.Before(first) {
			first = next
		}
	}
	return first
}

// remote says how a destination is reached, and on what it must lie; nil where that
// is by a path.
func (b *builder) remote(d Destination) *Remote {
	if d.Kind != DestinationSSH {
		return nil
	}
	disk, _ := b.observation.Disk(d.Place())
	return &Remote{
		Address: d.Address, IdentityFile: d.IdentityFile, Path: d.Path, MountPoint: disk.FileSystem.MountPoint, BandwidthLimit: d.BandwidthLimit,
	}
}

// receiptOf is that of a synced tree; nil where there is none.
func (d Disk) receiptOf(layer, at string) *Receipt {
	i := slices.IndexFunc(d.Receipts, func(r Receipt) bool { return r.Layer == layer && r.Path == at && r.Version == "" })
	if i < 0 {
		return nil
	}
	return &d.Receipts[i]
}

// isWhole says whether a mirror is what its source was: there is one, and no sync has
// been cut off in it since.
func (r *Receipt) isWhole() bool { return r != nil && len(r.Source.Paths) > 0 }

// checkClock is safety rule 11.
func (l *offsiteLayer) checkClock(volumes []offsiteVolume) *Block {
	if b := l.lastRunBlock(); b != nil {
		return b
	}
	for _, v := range volumes {
		for _, version := range slices.Concat(v.there, v.here) {
			if InFuture(version.time, l.now) {
				block := &Block{BlockClock, fmt.Sprintf("%s of %s says it is of %s, which is in the future", version.name, v.of.Address(), l.clockText(version.time)),
					"set the clock, check the policy's time zone, or remove the version by hand"}
				l.warnings = append(l.warnings, Warning{WarnClock, block.Detail, block.Unblock})
				return block
			}
		}
	}
	return nil
}

// planRest mirrors what lies at the top of the disk and belongs to no layer that
// bkplan carries out. What the copy has there beyond that is never removed. Its
// receipt says when the layer was last synced.
func (l *offsiteLayer) planRest() {
	if !l.due || l.status.Slot.IsZero() {
		return
	}
	a := Action{
		ID: Address(l.layer.Name, l.from.Name), Kind: Sync, Layer: l.layer.Name, Volume: l.from.Name, VersionTime: l.now.Truncate(time.Second),
		Reason: Reason{ReasonNoVersion, "never synced"}, Blocked: l.noStart,
		Copy: &CopyAction{
			Remote: l.remote(l.to), Destination: l.there.Path, RequireMount: l.to.RequireMount, Directory: ".", Slot: l.status.Slot, Timeout: l.layer.Timeout,
			MinFree: l.to.MinFree.Bytes(l.there.FileSystem.Size), MaxDelete: l.layer.Guard.MaxDelete, StartBefore: l.startBefore(l.to),
			Full: l.full == "" && l.last == nil, AcceptLoss: slices.Contains(l.options.Acknowledge, l.layer.Name), Exclude: slices.Concat(l.layer.Exclude, l.owned()),
			From: &Access{Paths: []string{l.from.Path}, RequireMount: l.from.RequireMount, MountPoint: l.here.FileSystem.MountPoint, Whole: true},
		},
	}
	if l.last != nil {
		a.Reason = Reason{ReasonDue, fmt.Sprintf("last synced %s, before the slot %s", l.clockText(l.last.Started), l.clockText(l.status.Slot))}
	}
	if a.Copy.Only = l.unowned(); len(a.Copy.Only) == 0 {
		a.Reason.Detail += "; nothing is left to mirror beside what the layers own, so this notes the time alone"
		a.Copy.Estimate = &Estimate{}
	}
	a.tellBegun(l.there)
	l.actions = append(l.actions, a)
}

// planNote notes that all versions were compared, in the receipt of the copy, when they
// were: after each of the actions that do it, none of which is blocked or filtered out.
func (l *offsiteLayer) planNote() {
	id := Address(l.layer.Name, l.from.Name)
	var after []string
	for _, a := range l.actions {
		compares := a.Layer == l.layer.Name && a.Kind == Refresh && a.Copy.Full
		if !compares && a.ID != id {
			continue
		}
		if a.Blocked != nil || !l.options.Filter.selects(a) {
			return
		}
		after = append(after, a.ID)
	}
	if l.full == "" || l.noStart != nil || l.last == nil && l.status.Slot.IsZero() {
		return
	}
	l.actions = append(l.actions, Action{
		ID: id + "@full", Kind: Sync, Layer: l.layer.Name, Volume: l.from.Name, VersionTime: l.now.Truncate(time.Second), DependsOn: after,
		Reason: Reason{ReasonDue, l.full + "; this notes that it was, and when"},
		Copy: &CopyAction{
			Remote: l.remote(l.to), Destination: l.there.Path, RequireMount: l.to.RequireMount, Directory: ".", Slot: l.status.Slot, StartBefore: l.startBefore(l.to), Full: true, Estimate: &Estimate{},
		},
	})
}

// owners are the layers that keep something on the disk.
func (l *offsiteLayer) owners() []Layer {
	return keep(l.policy.Layers, func(of Layer) bool { return of.To.Name == l.from.Name && l.carriesOut(of) })
}

// owned are patterns for what the mirror leaves to the layers that own it.
func (l *offsiteLayer) owned() []string {
	patterns := []string{rsyncPattern(OwnFolder)}
	for _, of := range l.owners() {
		patterns = append(patterns, rsyncPattern(of.Directory))
	}
	return patterns
}

// unowned are patterns for the names at the top of the disk that are mirrored. One that
// is not UTF-8 is none that a plan could name: driftOfCopy tells of it.
func (l *offsiteLayer) unowned() []string {
	top, _ := l.here.Folder(".")
	owners := l.owners()
	var names []string
	for _, e := range top.Entries {
		ownedBy := func(of Layer) bool { return of.Directory == e.Path }
		if e.Path != OwnFolder && e.Path != "lost+found" && !e.Odd && !slices.ContainsFunc(owners, ownedBy) {
			names = append(names, rsyncPattern(e.Path))
		}
	}
	return names
}
