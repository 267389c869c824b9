package plan

import (
	"cmp"
	"fmt"
	"slices"
)

// snapshotLayer plans one layer of thin snapshots.
type snapshotLayer struct {
	*builder
	layer  Layer
	survey survey
	status *LayerStatus

	kept    int    // versions of volumes that are not excluded
	clock   *Block // no pruning in this layer
	space   *Block // no creating in this layer
	creates []Action
	prunes  []Action
}

func (l *snapshotLayer) plan() {
	if l.status.Blocked = l.blocked(); l.status.Blocked != nil {
		return
	}
	l.clock, l.space = l.checkClock(), l.checkSpace()
	for _, v := range l.survey.volumes {
		l.planVolume(v)
	}
	l.keepBudget(budget{layer: l.layer, kept: l.kept, creates: l.creates}, l.prunes)
	l.emit(l.prunes, l.creates)
}

// blocked says why nothing of the layer can be planned at all.
func (l *snapshotLayer) blocked() *Block {
	s := l.survey
	if s.unknown != nil {
		return unknownBlock(*s.unknown)
	}
	if s.noNames != nil && len(l.excluding(l.layer.Name)) > 0 {
		return l.namesBlock()
	}
	return l.overlap()
}

func (l *snapshotLayer) namesBlock() *Block {
	u := l.survey.noNames
	return &Block{BlockNames, fmt.Sprintf("%s gave no names, so which volumes are excluded is not known: %s", u.Address, u.Detail),
		"let the right cluster answer once; its last good answer is kept"}
}

// overlap finds another source that has volumes of this one: both would look
// after the same versions, each by its own rules.
func (l *snapshotLayer) overlap() *Block {
	for _, other := range l.surveysOf(l.survey.pool) {
		if other.source.Name == l.survey.source.Name {
			continue
		}
		for _, v := range l.survey.volumes {
			if v.state != gone && Match(other.source.LVMThin.Match, v.lvName) {
				return &Block{BlockOverlap, fmt.Sprintf("source.%s and source.%s both match %s/%s", l.survey.source.Name, other.source.Name, other.pool.VolumeGroup, v.lvName),
					"narrow the match of one of them"}
			}
		}
	}
	return nil
}

// concerns says whether the block leaves something out of the layer.
func (e Exclude) concerns(layer string) bool {
	return len(e.Layers) == 0 || slices.Contains(e.Layers, layer)
}

// matches says whether the block selects the volume, by exact identity.
func (e Exclude) matches(v volume) bool {
	return v.namespace != "" && slices.Contains(e.Namespaces, v.namespace) ||
		matchAny(e.Volumes, v.name) || v.was != "" && matchAny(e.Volumes, v.was)
}

// versions are the layer's versions of a volume, newest first and in
// the order of the retention engine where times are equal. What older scripts
// made belongs to the first snapshot layer of the source.
func (l *snapshotLayer) versions(v volume) []snapshot {
	adopts := l.adopts()
	own := keep(l.survey.snapshots[v.lvName], func(s snapshot) bool {
		return s.layer == l.layer.Name || s.layer == "" && adopts
	})
	slices.SortFunc(own, func(a, b snapshot) int {
		return cmp.Or(b.time.Compare(a.time), cmp.Compare(a.lv.Name, b.lv.Name))
	})
	return own
}

func (l *snapshotLayer) adopts() bool {
	for _, other := range l.policy.Layers {
		if other.Kind == LayerSnapshot && other.From == l.layer.From {
			return other.Name == l.layer.Name
		}
	}
	return false
}

// planVolume is one volume's share of the layer.
func (l *snapshotLayer) planVolume(v volume) {
	versions := l.versions(v)
	l.status.Versions += len(versions)
	if e, excluded := l.excludes(l.layer, v); excluded {
		if v.state != gone {
			l.excluded = append(l.excluded, Skipped{l.layer.Name, v.name, e.Name, e.Reason, e.Accept})
		}
		return
	}
	l.kept += len(versions)
	history := newHistory(versions, l.now)
	h := held{count: len(versions)}
	if history.newest != nil {
		h.newest = history.newest.time
	}
	var create *Action
	if v.state != gone && v.state != released {
		l.status.Volumes++
		l.holdSnapshots(l.layer.Name, v.name, versions, h.newest)
		create = l.planCreate(v, history)
		h.planned = create != nil && create.Blocked == nil
	}
	l.held[layerVolume{l.layer.Name, v.lvName}] = h
	l.planPrunes(v, history, create)
}
