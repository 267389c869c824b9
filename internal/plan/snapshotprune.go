package plan

import (
	"fmt"
	"time"
)

// planPrunes makes the prune actions of a volume. They are worked out for the
// world as it will be, with the version that create makes; those that would
// not be without it depend on it, as do all where it takes the place of a
// newest version that looks wrong.
func (l *snapshotLayer) planPrunes(v volume, h history, create *Action) {
	ref := time.Time{}
	if v.state == gone && !v.claimed || v.state == released {
		ref = l.now
	}
	if create != nil && create.Blocked != nil {
		create = nil
	}
	mended := h.suspect != nil && create != nil && create.VersionTime.After(h.suspect.time)
	if mended {
		h.suspect = nil
	}
	now := retained(h.regular, l.layer.Retention, ref, l.zone())
	going := now
	if create != nil {
		made := snapshot{time: create.VersionTime, lv: &LogicalVolume{Name: create.Snapshot.Name}}
		going = retained(append([]snapshot{made}, h.regular...), l.layer.Retention, ref, l.zone())
	}
	code := ReasonRetention
	if !ref.IsZero() {
		code = ReasonOrphan
	}
	for _, snap := range h.regular {
		reason, goes := going[snap.lv.Name]
		_, goesAnyway := now[snap.lv.Name]
		needs := ""
		if create != nil && (mended || !goesAnyway) {
			needs = create.ID
		}
		if !goes || needs == "" && snap.lv.Name == h.newest.lv.Name {
			continue
		}
		l.prune(v, h, snap, Reason{code, reason.Detail}, needs)
	}
	l.prunePreRestore(v, h, create, mended)
}

// prunePreRestore ages the copies that were made before a restore: from now,
// since nothing new of their kind comes, and never the newest of all.
func (l *snapshotLayer) prunePreRestore(v volume, h history, create *Action, mended bool) {
	going := retained(h.preRestore, l.layer.PreRestore, l.now, l.zone())
	for _, snap := range h.preRestore {
		reason, goes := going[snap.lv.Name]
		newer := h.newest != nil && h.newest.time.After(snap.time)
		needs := ""
		if create != nil && (mended || !newer) && create.VersionTime.After(snap.time) {
			needs = create.ID
		}
		if goes && (newer || needs != "") {
			l.prune(v, h, snap, Reason{ReasonPreRestore, reason.Detail}, needs)
		}
	}
}

func (l *snapshotLayer) prune(v volume, h history, snap snapshot, reason Reason, dependsOn string) {
	group := l.survey.pool.VolumeGroup
	a := Action{
		ID:   Address(l.layer.Name, v.name) + "@" + snap.lv.Name,
		Kind: Prune, Layer: l.layer.Name, Volume: v.name, Version: snap.lv.Name, VersionTime: snap.time,
		Reason: reason,
		Snapshot: &SnapshotAction{
			VolumeGroup: group, Pool: l.survey.pool.Name, Origin: v.lvName, Name: snap.lv.Name, UUID: snap.lv.UUID, Tags: snap.lv.Tags,
		},
		Preconditions: []Precondition{{Kind: VolumeIs, VolumeGroup: group, Name: snap.lv.Name, UUID: snap.lv.UUID}},
		Blocked:       l.clock,
	}
	if dependsOn != "" {
		a.DependsOn = []string{dependsOn}
	} else if keeper := h.newest; keeper != nil {
		a.Preconditions = append(a.Preconditions,
			Precondition{Kind: VolumeIs, VolumeGroup: group, Name: keeper.lv.Name, UUID: keeper.lv.UUID})
	}
	if l.survey.noNames != nil || v.state == unnamed {
		a.Blocked = &Block{BlockNames, "the cluster did not say which volumes are in use, so this one may be", "let the cluster answer"}
	}
	if h.suspect != nil {
		a.Blocked = &Block{BlockSuspect, fmt.Sprintf("the newest version, %s, looks wrong: %s", h.suspect.lv.Name, h.suspect.lv.Health),
			"look at it; remove it by hand if it is lost"}
	}
	l.prunes = append(l.prunes, a)
}
