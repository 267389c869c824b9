package lvm

import (
	"context"
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// create makes a thin snapshot. It looks first: at the pool's space as well,
// which each snapshot before this one has used some of.
func (p *Provider) create(ctx context.Context, a plan.Action) (providers.Result, error) {
	if err := checkAction(a); err != nil {
		return providers.Result{}, fmt.Errorf("create a snapshot: %w", err)
	}
	if err := p.begin(ctx); err != nil {
		return providers.Result{}, err
	}
	defer p.end()
	s := a.Snapshot
	group, err := p.look(ctx, s.VolumeGroup, namesIn(a)...)
	if err != nil {
		return providers.Result{}, err
	}
	if row := group.byName[s.Name]; row != nil && isSnapshot(row, *s) {
		return providers.Result{Already: true}, nil
	}
	pool, err := group.pool(s.Pool)
	if err != nil {
		return providers.Result{}, err
	}
	if violation := firstViolation(plan.Facts(pool), a); violation != nil {
		return providers.Result{}, &providers.StaleError{Violation: *violation}
	}
	return providers.Result{}, p.makeSnapshot(context.WithoutCancel(ctx), *s)
}

// makeSnapshot must be given a context that does not end: an lvcreate that is
// killed leaves the pool between two states.
func (p *Provider) makeSnapshot(ctx context.Context, s plan.SnapshotAction) error {
	argv := []string{"lvcreate", "--snapshot", "--yes", "--setactivationskip", "y", "--name", s.Name}
	for _, tag := range s.Tags {
		argv = append(argv, "--addtag", tag)
	}
	_, err := p.run(ctx, p.limits.create, append(argv, s.VolumeGroup+"/"+s.Origin)...)
	return err
}

// namesIn are the volumes that decide whether the action may be carried out.
func namesIn(a plan.Action) []string {
	names := []string{a.Snapshot.Pool, a.Snapshot.Origin, a.Snapshot.Name}
	for _, p := range a.Preconditions {
		if p.Kind != plan.NewestIs && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// isSnapshot says whether the volume is the very snapshot that the action
// would make.
func isSnapshot(row *volumeRow, s plan.SnapshotAction) bool {
	return row.Pool == s.Pool && row.OriginUUID == s.OriginUUID && sameTags(row.tags(), s.Tags)
}

// sameTags compares tags as sets; sorted is what its name says.
func sameTags(sorted, tags []string) bool {
	return slices.Equal(sorted, slices.Compact(slices.Sorted(slices.Values(tags))))
}

// firstViolation looks at what the action states, and at what every action of
// its kind relies on whether it states it or not.
func firstViolation(facts plan.PoolFacts, a plan.Action) *plan.Violation {
	s := a.Snapshot
	implied := []plan.Precondition{{Kind: plan.VolumeIs, VolumeGroup: s.VolumeGroup, Name: s.Name, UUID: s.UUID}}
	if a.Kind == plan.Create {
		implied = []plan.Precondition{
			{Kind: plan.VolumeIs, VolumeGroup: s.VolumeGroup, Name: s.Origin, UUID: s.OriginUUID},
			{Kind: plan.NameFree, VolumeGroup: s.VolumeGroup, Name: s.Name},
		}
	}
	for _, p := range append(implied, a.Preconditions...) {
		if violation := facts.Check(p); violation != nil {
			return violation
		}
	}
	return nil
}
