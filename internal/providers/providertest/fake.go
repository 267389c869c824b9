package providertest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// Fake is LVM in memory: thin pools that actions change. What it does depends
// on nothing but the pools it began with and the actions it was given; UUIDs
// come from names and a count. It may be used from several goroutines.
type Fake struct {
	mu     sync.Mutex
	pools  []plan.Pool
	made   uint64
	faults map[string]error
}

var _ providers.Batcher = (*Fake)(nil)

// NewFake makes a Fake of pools, which it copies.
func NewFake(pools ...plan.Pool) *Fake {
	f := &Fake{faults: map[string]error{}}
	for _, pool := range pools {
		f.pools = append(f.pools, clonePool(pool))
	}
	return f
}

// Fail makes every action whose snapshot, or whose origin, has this name fail
// with err and change nothing. A nil err mends it.
func (f *Fake) Fail(name string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[name] = err
}

// Change changes a pool by hand, as an administrator would.
func (f *Fake) Change(volumeGroup, name string, change func(*plan.Pool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pool, err := f.find(volumeGroup, name)
	if err != nil {
		panic(err)
	}
	change(pool)
	sortVolumes(pool)
}

// Pools are copies of the pools as they are now.
func (f *Fake) Pools() []plan.Pool {
	f.mu.Lock()
	defer f.mu.Unlock()
	pools := make([]plan.Pool, len(f.pools))
	for i, pool := range f.pools {
		pools[i] = clonePool(pool)
	}
	return pools
}

// Info is that of the lvm provider, but for the commands: there are none.
func (f *Fake) Info() providers.Info {
	return providers.Info{Batch: map[plan.ActionKind]int{plan.Prune: 100}}
}

// Observe gives a copy of the target's pool.
func (f *Fake) Observe(ctx context.Context, target providers.Target) (providers.Part, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	source := target.Source.LVMThin
	if source == nil {
		return providers.Part{}, fmt.Errorf("observe source.%s: %w", target.Source.Name, providers.ErrUnsupported)
	}
	found, err := f.find(source.VolumeGroup, source.ThinPool)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return providers.Part{}, err
	}
	pool := clonePool(*found)
	return providers.Part{Pool: &pool}, nil
}

// Do changes the pool. A snapshot is created at the action's VersionTime.
func (f *Fake) Do(ctx context.Context, action plan.Action) (providers.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return providers.Result{}, err
	}
	s := action.Snapshot
	if s == nil || action.Kind != plan.Create && action.Kind != plan.Prune {
		return providers.Result{}, fmt.Errorf("%s %s: %w", action.Kind, action.Address(), providers.ErrUnsupported)
	}
	for _, name := range []string{s.Name, s.Origin} {
		if err := f.faults[name]; err != nil {
			return providers.Result{}, err
		}
	}
	pool, err := f.find(s.VolumeGroup, s.Pool)
	if err != nil {
		return providers.Result{}, err
	}
	if action.Kind == plan.Create {
		return f.create(pool, action)
	}
	return f.prune(pool, action)
}

// DoAll does one action after the other.
func (f *Fake) DoAll(ctx context.Context, actions []plan.Action) []providers.Outcome {
	outcomes := make([]providers.Outcome, len(actions))
	for i, a := range actions {
		outcomes[i].Result, outcomes[i].Err = f.Do(ctx, a)
	}
	return outcomes
}

func (f *Fake) create(pool *plan.Pool, a plan.Action) (providers.Result, error) {
	s := a.Snapshot
	facts := plan.Facts(*pool)
	if old, found := facts.Volume(s.Name); found && old.OriginUUID == s.OriginUUID && sameSet(old.Tags, s.Tags) {
		return providers.Result{Already: true}, nil
	}
	err := hold(facts, append([]plan.Precondition{
		{Kind: plan.VolumeIs, VolumeGroup: s.VolumeGroup, Name: s.Origin, UUID: s.OriginUUID},
		{Kind: plan.NameFree, VolumeGroup: s.VolumeGroup, Name: s.Name},
	}, a.Preconditions...))
	if err != nil {
		return providers.Result{}, err
	}
	origin, _ := facts.Volume(s.Origin)
	f.made++
	pool.Volumes = append(pool.Volumes, plan.LogicalVolume{
		Name: s.Name, UUID: fakeUUID(s.VolumeGroup, s.Name, f.made), Origin: origin.Name, OriginUUID: origin.UUID,
		Size: origin.Size, ThinID: nextThinID(*pool), SkipActivation: true,
		Tags: slices.Sorted(slices.Values(s.Tags)), Created: a.VersionTime,
	})
	sortVolumes(pool)
	return providers.Result{}, nil
}

func (f *Fake) prune(pool *plan.Pool, a plan.Action) (providers.Result, error) {
	s := a.Snapshot
	place := slices.IndexFunc(pool.Volumes, func(v plan.LogicalVolume) bool { return v.UUID == s.UUID })
	facts := plan.Facts(*pool)
	if place < 0 && !facts.Taken(s.Name) {
		return providers.Result{Already: true}, nil
	}
	itself := plan.Precondition{Kind: plan.VolumeIs, VolumeGroup: s.VolumeGroup, Name: s.Name, UUID: s.UUID}
	if err := hold(facts, append([]plan.Precondition{itself}, a.Preconditions...)); err != nil {
		return providers.Result{}, err
	}
	volume := pool.Volumes[place]
	switch {
	case !sameSet(volume.Tags, s.Tags):
		return providers.Result{}, stale(itself, "the tags of "+s.Name+" have changed")
	case volume.Open:
		return providers.Result{}, fmt.Errorf("remove %s/%s: it is in use", s.VolumeGroup, s.Name)
	}
	removeVolume(pool, s.UUID)
	return providers.Result{}, nil
}

// removeVolume removes a volume; its snapshots forget it, as LVM's do.
func removeVolume(pool *plan.Pool, uuid string) {
	pool.Volumes = slices.DeleteFunc(pool.Volumes, func(v plan.LogicalVolume) bool { return v.UUID == uuid })
	for i := range pool.Volumes {
		if pool.Volumes[i].OriginUUID == uuid {
			pool.Volumes[i].Origin, pool.Volumes[i].OriginUUID = "", ""
		}
	}
}

// hold returns a StaleError for the first precondition that does not hold.
func hold(facts plan.PoolFacts, preconditions []plan.Precondition) error {
	for _, p := range preconditions {
		if violation := facts.Check(p); violation != nil {
			return &providers.StaleError{Violation: *violation}
		}
	}
	return nil
}

func stale(p plan.Precondition, detail string) error {
	return &providers.StaleError{Violation: plan.Violation{Precondition: p, Detail: detail}}
}

func (f *Fake) find(volumeGroup, name string) (*plan.Pool, error) {
	for i := range f.pools {
		if f.pools[i].VolumeGroup == volumeGroup && f.pools[i].Name == name {
			return &f.pools[i], nil
		}
	}
	return nil, fmt.Errorf("there is no thin pool %q in volume group %q", name, volumeGroup)
}

func clonePool(pool plan.Pool) plan.Pool {
	pool.Volumes, pool.Others = slices.Clone(pool.Volumes), slices.Clone(pool.Others)
	for i := range pool.Volumes {
		pool.Volumes[i].Tags = slices.Clone(pool.Volumes[i].Tags)
	}
	return pool
}

func sortVolumes(pool *plan.Pool) {
	slices.SortFunc(pool.Volumes, func(a, b plan.LogicalVolume) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(pool.Others)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

func nextThinID(pool plan.Pool) int64 {
	next := int64(1)
	for _, v := range pool.Volumes {
		next = max(next, v.ThinID+1)
	}
	return next
}

// fakeUUID makes a UUID in LVM's form, 6-4-4-4-4-4-6.
func fakeUUID(volumeGroup, name string, count uint64) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digest := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(volumeGroup+"/"+name+"\x00"), count))
	var uuid strings.Builder
	for i, b := range digest {
		if i >= 6 && i <= 26 && (i-6)%4 == 0 {
			uuid.WriteByte('-')
		}
		uuid.WriteByte(letters[int(b)%len(letters)])
	}
	return uuid.String()
}
