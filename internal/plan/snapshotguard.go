package plan

import (
	"fmt"
	"time"

	"github.com/bkplan/bkplan/internal/quantity"
)

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
