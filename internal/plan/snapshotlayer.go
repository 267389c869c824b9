package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/retention"
)

// snapshotLayer plans one layer of thin snapshots.
type snapshotLayer struct {
	*builder
	layer  Layer
	survey survey
	status *LayerStatus

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
	l.keepBudget()
	l.emit()
}

// blocked says why nothing of the layer can be planned at all.
func (l *snapshotLayer) blocked() *Block {
	s := l.survey
	if s.unknown != nil {
		return &Block{BlockUnknown, fmt.Sprintf("%s could not be observed: %s", s.unknown.Address, s.unknown.Detail),
			"mend what stopped the observation; until then nothing of this layer is created or pruned"}
	}
	if s.noNames != nil && len(l.excludes()) > 0 {
		return &Block{BlockNames, fmt.Sprintf("%s has never answered, so which volumes are excluded is not known: %s", s.noNames.Address, s.noNames.Detail),
			"let the cluster answer once; its last good answer is kept"}
	}
	return nil
}

// excludes are the exclude blocks that concern the layer.
func (l *snapshotLayer) excludes() []Exclude {
	return keep(l.policy.Excludes, func(e Exclude) bool { return e.concerns(l.layer.Name) })
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

// checkClock is safety rule 11: when a version lies in the future or the time
// is behind the last run, nothing is pruned.
func (l *snapshotLayer) checkClock() *Block {
	if b := l.lastRunBlock(); b != nil {
		return b
	}
	for _, v := range l.survey.volumes {
		for _, snap := range l.versions(v) {
			if InFuture(snap.time, l.now) {
				block := &Block{BlockClock, fmt.Sprintf("%s says it was made %s, which is in the future", snap.lv.Name, l.clockText(snap.time)),
					"set the clock, check the policy's time zone, or remove the version by hand"}
				l.warnings = append(l.warnings, Warning{WarnClock, block.Detail, block.Unblock})
				return block
			}
		}
	}
	return nil
}

func (b *builder) lastRunBlock() *Block {
	if !InFuture(b.observation.LastRun, b.now) {
		return nil
	}
	return &Block{BlockClock, fmt.Sprintf("the time is %s, and the last run was at %s", b.clockText(b.now), b.clockText(b.observation.LastRun)),
		"set the clock; nothing is pruned until it is past the last run"}
}

func (b *builder) clockText(t time.Time) string { return t.In(b.zone()).Format("2006-01-02 15:04") }

// checkSpace is safety rule 4: a pool that is low on data or metadata gets no
// new snapshot; one of which it is not known gets none either.
func (l *snapshotLayer) checkSpace() *Block {
	limits := l.limits()
	violation := l.survey.facts.Check(limits)
	switch {
	case violation == nil:
		return nil
	case l.survey.pool.DataPercent == nil || l.survey.pool.MetadataPercent == nil:
		return &Block{BlockCapacity, violation.Detail, "activate the pool"}
	}
	return &Block{BlockSpace, violation.Detail, "free or add space in the pool, or lower the guard of " + l.layer.Address()}
}

// limits are the layer's guard, as shares of the pool that may be used.
func (l *snapshotLayer) limits() Precondition {
	pool := l.survey.pool
	return Precondition{
		Kind: PoolBelow, VolumeGroup: pool.VolumeGroup, Name: pool.Name,
		MaxData:     maxUsed(l.layer.Guard.MinFreeData, pool.Size),
		MaxMetadata: maxUsed(l.layer.Guard.MinFreeMetadata, pool.MetadataSize),
	}
}

// maxUsed turns the least free space into the greatest used share, in percent.
// Of a pool whose size is not known no size is known to be free.
func maxUsed(minFree quantity.Threshold, size int64) float64 {
	switch {
	case minFree.IsZero():
		return 100
	case !minFree.Share.IsZero():
		return 100 - minFree.Share.Percent()
	case size <= 0:
		return 0
	}
	return max(0, 100-100*float64(minFree.Size)/float64(size))
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
	if e, excluded := l.excludedBy(v); excluded {
		if v.state != gone {
			l.excluded = append(l.excluded, Skipped{l.layer.Name, v.name, e.Name, e.Reason, e.Accept})
		}
		return
	}
	history := newHistory(versions, l.now)
	h := held{count: len(versions)}
	if history.newest != nil {
		h.newest = history.newest.time
	}
	var create *Action
	if v.state != gone && v.state != released {
		l.status.Volumes++
		create = l.planCreate(v, history)
		h.planned = create != nil && create.Blocked == nil
	}
	l.held[layerVolume{l.layer.Name, v.lvName}] = h
	l.planPrunes(v, history, create)
}

func (l *snapshotLayer) excludedBy(v volume) (Exclude, bool) {
	for _, e := range l.excludes() {
		if e.matches(v) {
			return e, true
		}
	}
	return Exclude{}, false
}

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
	case v.state == unnamed && len(l.excludes()) > 0:
		a.Blocked = &Block{BlockNames, fmt.Sprintf("the cluster did not answer and did not know %s when it last did, so it could be excluded", v.lvName),
			"let the cluster answer"}
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

// emit orders the layer's actions: prunes that need nothing first, because
// they free space, then creates, then prunes that a create makes possible.
func (l *snapshotLayer) emit() {
	byVolume := func(a, b Action) int {
		return cmp.Or(strings.Compare(a.Volume, b.Volume), a.VersionTime.Compare(b.VersionTime), strings.Compare(a.ID, b.ID))
	}
	free := keep(l.prunes, func(a Action) bool { return len(a.DependsOn) == 0 })
	rest := keep(l.prunes, func(a Action) bool { return len(a.DependsOn) > 0 })
	for _, group := range [][]Action{free, l.creates, rest} {
		slices.SortFunc(group, byVolume)
		l.actions = append(l.actions, group...)
	}
}

// keepBudget is safety rule 13: a plan that prunes more than its share is
// blocked. One prune for each version that the plan creates is rotation and
// shrinks nothing.
func (l *snapshotLayer) keepBudget() {
	if slices.Contains(l.options.Acknowledge, l.layer.Name) {
		return
	}
	created := 0
	for _, a := range l.creates {
		if a.Blocked == nil {
			created++
		}
	}
	share := (l.status.Versions + created) / 3
	if !l.layer.Guard.MaxPrune.IsZero() {
		share = int(l.layer.Guard.MaxPrune.Of(int64(l.status.Versions + created)))
	}
	wanted := len(keep(l.prunes, func(a Action) bool { return a.Blocked == nil }))
	if wanted <= max(share, created) {
		return
	}
	block := &Block{BlockBudget, fmt.Sprintf("the layer would lose %d of its %d versions at once; %d is the limit", wanted, l.status.Versions, max(share, created)),
		"look at them with -v; if they are meant to go, run again with --acknowledge-prunes " + l.layer.Name}
	for i := range l.prunes {
		if l.prunes[i].Blocked == nil {
			l.prunes[i].Blocked = block
		}
	}
}

// history is what there is of a volume in a layer.
type history struct {
	regular    []snapshot // complete, not in the future, newest first
	preRestore []snapshot
	newest     *snapshot // of regular
	suspect    *snapshot // not older than the newest complete one, and not whole
}

func newHistory(versions []snapshot, now time.Time) history {
	var h history
	for i := range versions {
		v := &versions[i]
		switch {
		case InFuture(v.time, now):
		case v.lv.Health != "":
			if h.suspect == nil && (h.newest == nil || h.newest.time.Equal(v.time)) {
				h.suspect = v
			}
		case v.preRestore:
			h.preRestore = append(h.preRestore, *v)
		default:
			h.regular = append(h.regular, *v)
			if h.newest == nil {
				h.newest = v
			}
		}
	}
	return h
}

// retained asks the retention engine which of the versions go, by name.
func retained(versions []snapshot, rules retention.Rules, ref time.Time, zone *time.Location) map[string]retention.Reason {
	list := make([]retention.Version, len(versions))
	for i, v := range versions {
		list[i] = retention.Version{Time: v.time, ID: v.lv.Name}
	}
	going := map[string]retention.Reason{}
	for _, d := range retention.Select(list, rules, ref, zone) {
		if !d.Keep {
			going[d.Version.ID] = d.Reasons[0]
		}
	}
	return going
}
