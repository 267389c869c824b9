package plan

import (
	"strings"
)

// looksLive says whether a volume that the cluster does not name is one all
// the same: it is no snapshot of a volume of the source, but a clone of a
// template for one, or it was restored from a version of its own.
func (s *surveyor) looksLive(lv LogicalVolume) bool {
	if _, ok := parseSnapshotName(lv.Name, s.zone); ok {
		return false
	}
	return lv.Origin == "" || !Match(s.source.LVMThin.Match, lv.Origin) || s.isCopyOf(lv.Origin, lv.Name)
}

// recognise decides whether a logical volume is a version. Tags and name must
// agree, and LVM must know the origin that they name; it may have forgotten
// one that is gone, and after a restore it knows the `_pre_restore_` copy that
// the origin became.
func (s *surveyor) recognise(lv *LogicalVolume) (snapshot, bool) {
	snap, ok := s.read(lv)
	if !ok || !Match(s.source.LVMThin.Match, snap.origin) {
		return snapshot{}, false
	}
	switch lv.Origin {
	case snap.origin:
		return snap, true
	case "":
		_, alive := s.facts.Volume(snap.origin)
		return snap, snap.layer != "" || snap.preRestore || !alive
	}
	return snap, s.isCopyOf(lv.Origin, snap.origin)
}

// read takes a version from bkplan's tags, or where there are none from the
// name that an older script gave it. Tags that cannot be read are another
// bkplan's, so their logical volume is not this one's.
func (s *surveyor) read(lv *LogicalVolume) (snapshot, bool) {
	if isTagged(lv.Tags) {
		return s.readTags(lv)
	}
	st, ok := parseSnapshotName(lv.Name, s.zone)
	return snapshot{lv: lv, origin: st.origin, time: st.time, preRestore: st.preRestore}, ok
}

func (s *surveyor) readTags(lv *LogicalVolume) (snapshot, bool) {
	layer, origin, name, at, ok := ownTags(lv.Tags)
	i := strings.LastIndex(lv.Name, snapInfix)
	if !ok || i < 0 {
		return snapshot{}, false
	}
	expected, ok := fitName(s.pool.VolumeGroup, origin, lv.Name[i:])
	if !ok || expected != lv.Name {
		return snapshot{}, false
	}
	return snapshot{lv: lv, layer: layer, origin: origin, volume: name, time: at}, true
}

// isCopyOf says whether a logical volume is a version or a `_pre_restore_`
// copy of another, going by tags and name alone.
func (s *surveyor) isCopyOf(name, origin string) bool {
	lv := s.facts.volumes[name]
	if lv == nil {
		lv = &LogicalVolume{Name: name}
	}
	snap, ok := s.read(lv)
	return ok && snap.origin == origin
}
