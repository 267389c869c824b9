package plan

import (
	"cmp"
	"slices"
	"strings"
)

// copyLayer plans one layer that keeps versions on a disk: files, sqlite and
// fetch layers. Its volumes are found in copysource.go, its versions in
// copyversion.go.
type copyLayer struct {
	*builder
	layer       Layer
	status      *LayerStatus
	destination Destination
	disk        Disk
	folder      Folder // the layer's directory
	holding     holding

	kept    int    // versions of volumes that are not excluded
	clock   *Block // no pruning in this layer
	space   *Block // no creating in this layer
	makes   []Action
	prunes  []Action
	volumes []copyVolume
}

// copyVolume is a volume as a copy layer sees it.
type copyVolume struct {
	volume
	path    string  // below the folder of a version; empty where that is the volume's
	access  *Access // nil when there is nothing to copy from
	needs   string  // ID of the action that makes what access names
	noCopy  *Block  // why access is nil
	missing bool    // a claim whose logical volume is not there: its versions do not age
}

func (l *copyLayer) plan() {
	if l.status.Blocked = l.blocked(); l.status.Blocked != nil {
		return
	}
	l.holding = l.recognise()
	l.noteLive()
	l.volumes = append(l.volumes, l.goneVolumes()...)
	l.clock, l.space = l.checkClock(), l.checkSpace()
	for _, v := range l.volumes {
		l.planVolume(v)
	}
	l.driftOfHolding()
	b := budget{layer: l.layer, kept: l.kept, creates: l.makes}
	l.keepBudget(b, l.prunes)
	l.emit(l.prunes, l.makes)
}

// noteLive notes what the source has, for copies of this layer's versions. While some
// volumes have no name that is not known.
func (l *copyLayer) noteLive() {
	if l.namesMissing() {
		return
	}
	live := map[string]bool{}
	for _, v := range l.volumes {
		live[v.path] = true
	}
	l.live[l.layer.Name] = live
}

// blocked says why nothing of the layer can be planned at all; else it has
// found disk and volumes.
func (l *copyLayer) blocked() *Block {
	if block := l.findDisk(); block != nil {
		return block
	}
	if block := l.findFolder(); block != nil {
		return block
	}
	return l.findVolumes()
}

// planVolume is one volume's share of the layer.
func (l *copyLayer) planVolume(v copyVolume) {
	versions := l.holding.of(v.path)
	l.status.Versions += len(versions)
	if e, excluded := l.excludes(l.layer, v.volume); excluded {
		if v.state != gone {
			l.excluded = append(l.excluded, Skipped{l.layer.Name, v.name, e.Name, e.Reason, e.Accept})
		}
		if len(versions) > 0 {
			l.orphans(v, versions, "the volume is excluded from "+l.layer.Address()+" now")
		}
		return
	}
	l.kept += len(versions)
	h := newCopyHistory(versions, l.now)
	l.held[layerVolume{l.layer.Name, v.key()}] = held{newest: h.age(), count: len(versions)}
	var next *Action
	if v.state != gone && v.state != released {
		l.status.Volumes++
		l.holdCopies(l.layer.Name, v.name, versions)
		next = l.planCopy(v, h)
		if next != nil && next.Blocked == nil {
			l.held[layerVolume{l.layer.Name, v.key()}] = held{newest: h.age(), count: len(versions), planned: true}
		}
	} else if len(versions) > 0 {
		l.orphans(v, versions, l.orphanDetail(v))
	}
	l.planCopyPrunes(v, h, next)
}

// key identifies the volume among those of its source.
func (v copyVolume) key() string { return cmp.Or(v.lvName, v.name) }

func (l *copyLayer) orphanDetail(v copyVolume) string {
	switch {
	case v.state == released || !v.missing && l.hasReleased(v.path):
		return "its persistent volume is released"
	case v.missing:
		return ""
	}
	return "its volume is gone"
}

// hasReleased says whether the claim of a path has left a volume behind, which goes
// by the name of its logical volume now.
func (l *copyLayer) hasReleased(path string) bool {
	return slices.ContainsFunc(l.volumes, func(v copyVolume) bool { return v.state == released && v.was == path })
}

// orphans reports versions that nothing new will follow.
func (l *copyLayer) orphans(v copyVolume, versions []copyVersion, why string) {
	if why == "" {
		return // a missing volume is reported as what it is
	}
	l.addDrift(Orphaned, v.name, l.layer.Name,
		sized(len(versions), receiptsOf(versions))+" left, the newest of "+l.clockText(versions[0].time)+": "+why,
		"remove by hand what is not wanted; the newest is never pruned")
}

// excluding are the exclude blocks that concern a layer.
func (b *builder) excluding(layer string) []Exclude {
	return keep(b.policy.Excludes, func(e Exclude) bool { return e.concerns(layer) })
}

// emit orders a layer's actions: prunes that need nothing first, because they
// free space, then what is made, then prunes that this makes possible.
func (b *builder) emit(prunes, makes []Action) {
	byVolume := func(a, b Action) int {
		return cmp.Or(strings.Compare(a.Volume, b.Volume), a.VersionTime.Compare(b.VersionTime), strings.Compare(a.ID, b.ID))
	}
	free := keep(prunes, func(a Action) bool { return len(a.DependsOn) == 0 })
	rest := keep(prunes, func(a Action) bool { return len(a.DependsOn) > 0 })
	for _, group := range [][]Action{free, makes, rest} {
		slices.SortFunc(group, byVolume)
		b.actions = append(b.actions, group...)
	}
}
