package plan

import (
	"fmt"
	"time"
)

// planCreate makes the create action of a volume that is due, blocked where it
// must not be carried out.
func (l *snapshotLayer) planCreate(v volume, h history) *Action {
	if l.status.Slot.IsZero() || h.newest != nil && !h.newest.time.Before(l.status.Slot.Truncate(time.Second)) {
		return nil
	}
	pool := l.survey.pool
	a := Action{
		Kind: Create, Layer: l.layer.Name, Volume: v.name, VersionTime: l.now.Truncate(time.Second), // as its tag will say
		Reason: l.dueReason(h),
		Snapshot: &SnapshotAction{
			VolumeGroup: pool.VolumeGroup, Pool: pool.Name, Origin: v.lvName, OriginUUID: v.lv.UUID,
			Tags: snapshotTags(l.layer.Name, v, l.now, l.status.Slot),
		},
	}
	name, fits := snapshotName(pool.VolumeGroup, v.lvName, l.now.In(l.zone()), l.taken)
	a.Version, a.Snapshot.Name = name, name
	a.ID = a.Address()
	switch {
	case !fits:
		a.Blocked = &Block{BlockNameTooLong, fmt.Sprintf("LVM has no room for the name of a snapshot of %s/%s", pool.VolumeGroup, v.lvName), "rename the volume"}
	case v.state == unnamed && len(l.excluding(l.layer.Name)) > 0:
		a.Blocked = unnamedBlock(v)
	default:
		a.Blocked = l.space
	}
	newest := Precondition{Kind: NewestIs, VolumeGroup: pool.VolumeGroup}
	if h.newest != nil {
		newest.Name = h.newest.lv.Name
	}
	a.Preconditions = []Precondition{
		{Kind: VolumeIs, VolumeGroup: pool.VolumeGroup, Name: v.lvName, UUID: v.lv.UUID},
		{Kind: NameFree, VolumeGroup: pool.VolumeGroup, Name: name},
		l.limits(), newest,
	}
	if a.Blocked == nil {
		l.reserved[pool.VolumeGroup+"/"+name] = true
		l.made[layerVolume{l.layer.Name, v.lvName}] = a
	}
	l.creates = append(l.creates, a)
	return &a
}

func (l *snapshotLayer) taken(name string) bool {
	return l.survey.facts.Taken(name) || l.reserved[l.survey.pool.VolumeGroup+"/"+name]
}

func (l *snapshotLayer) dueReason(h history) Reason {
	if h.newest == nil {
		return Reason{ReasonNoVersion, "no version yet"}
	}
	return Reason{ReasonDue, fmt.Sprintf("the newest, %s, is older than the slot %s", l.clockText(h.newest.time), l.clockText(l.status.Slot))}
}
