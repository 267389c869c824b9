package lvm

import (
	"context"
	"fmt"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
)

// maxClonePercent is how full a pool, or its metadata, may be for a clone to be
// made: what replays a journal in a pool without room waits inside the kernel.
const maxClonePercent = 98

// activate finds the snapshot, cleans what a killed run left of its OpenName,
// and makes its device appear.
func (s *opening) activate(ctx context.Context) (device, error) {
	left, err := s.wake(ctx)
	if err == nil && left != nil {
		if err = s.Clean(ctx, *left); err == nil {
			left, err = s.wake(ctx)
		}
	}
	switch {
	case err != nil:
		return device{}, err
	case left != nil:
		return device{}, fmt.Errorf("what a killed run left of %s is still there", left.Name)
	}
	return s.await(ctx, s.access.VolumeGroup+"/"+s.access.Name, func(m mapping) bool { return m.isVolume(s.uuid) })
}

// wake activates the snapshot, unless there is something left over to be cleaned
// first. Thin snapshots are made to be passed over by activation, so that is
// asked for expressly. One that is active already is somebody else's to
// deactivate.
func (s *opening) wake(ctx context.Context) (*plan.Leftover, error) {
	p, a := s.provider, s.access
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	defer p.end()
	group, err := p.look(ctx, a.VolumeGroup, a.Pool, a.Name, a.OpenName)
	if err != nil {
		return nil, err
	}
	row, err := group.snapshot(a)
	if err != nil {
		return nil, err
	}
	s.uuid, s.group = row.UUID, group
	left, err := s.leftover(group)
	if err != nil || left != nil {
		return left, err
	}
	if row.Active != "" {
		return nil, nil
	}
	s.activated = true
	_, err = p.run(context.WithoutCancel(ctx), p.limits.activate, "lvchange", "-ay", "-K", a.VolumeGroup+"/"+a.Name)
	return nil, err
}

// deactivate undoes wake.
func (s *opening) deactivate(ctx context.Context) error {
	if !s.activated {
		return nil
	}
	p := s.provider
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.end()
	if err := p.deactivate(ctx, s.access.VolumeGroup, s.access.Name, s.uuid); err != nil {
		return err
	}
	s.activated = false
	return nil
}

// deactivate takes a volume's device away, in the Provider's turn. The UUID sees
// to it that it is the same volume still.
func (p *Provider) deactivate(ctx context.Context, group, name, uuid string) error {
	_, err := p.run(context.WithoutCancel(ctx), p.limits.activate,
		"lvchange", "-an", "-S", selection("lv_uuid", []string{uuid}), group+"/"+name)
	return err
}

// clone makes a throw-away writable copy of the snapshot, which is not needed
// any more then.
func (s *opening) clone(ctx context.Context) (device, error) {
	if err := s.makeClone(ctx); err != nil {
		return device{}, err
	}
	if err := s.deactivate(ctx); err != nil {
		return device{}, err
	}
	return s.await(ctx, s.access.VolumeGroup+"/"+s.access.OpenName, func(m mapping) bool { return m.isVolume(s.cloneUUID) })
}

func (s *opening) makeClone(ctx context.Context) error {
	p, a := s.provider, s.access
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.end()
	if err := s.group.roomForClone(a); err != nil {
		return err
	}
	s.cloned = true
	ctx = context.WithoutCancel(ctx)
	if _, err := p.run(ctx, p.limits.create, "lvcreate", "--snapshot", "--yes", "--setactivationskip", "n",
		"--name", a.OpenName, "--addtag", plan.TagClone+a.OpenName, a.VolumeGroup+"/"+a.Name); err != nil {
		return err
	}
	group, err := p.look(ctx, a.VolumeGroup, a.OpenName)
	if err != nil {
		return err
	}
	row := group.byName[a.OpenName]
	if row == nil || !row.isClone() {
		return fmt.Errorf("lvcreate reported success and made no %s/%s", a.VolumeGroup, a.OpenName)
	}
	s.cloneUUID = row.UUID
	return nil
}

// roomForClone looks at the pool's space.
func (g volumeGroup) roomForClone(a plan.SnapshotAccess) error {
	pool, err := g.pool(a.Pool)
	if err != nil {
		return err
	}
	if violation := plan.Facts(pool).Check(plan.Precondition{
		Kind: plan.PoolBelow, VolumeGroup: g.name, Name: a.Pool, MaxData: maxClonePercent, MaxMetadata: maxClonePercent,
	}); violation != nil {
		return fmt.Errorf("no clone can be made to read it from: %s", violation.Detail)
	}
	return nil
}

// isClone says whether a volume is a throw-away clone, by its name and its tag.
func (r *volumeRow) isClone() bool {
	return plan.IsOpenName(r.Name) && slices.Contains(r.tags(), plan.TagClone+r.Name)
}

// removeClone removes a clone; gone already is fine. Without a UUID it is
// whichever clone has the name.
func (o *Opener) removeClone(ctx context.Context, group, name, uuid string) error {
	p := o.provider
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.end()
	found, err := p.look(ctx, group, name)
	if err != nil {
		return err
	}
	row := found.byName[name]
	switch {
	case row == nil:
		return nil
	case !row.isClone():
		return fmt.Errorf("%s/%s is no clone that bkplan made: it is left alone", group, name)
	case uuid != "" && row.UUID != uuid:
		return fmt.Errorf("%s/%s is another volume now (UUID %s, was %s): it is left alone", group, name, row.UUID, uuid)
	}
	ctx = context.WithoutCancel(ctx)
	_, err = p.run(ctx, p.limits.prune, "lvremove", "--yes", "-S", selection("lv_uuid", []string{row.UUID}), group+"/"+name)
	if err != nil {
		return err
	}
	if found, err = p.look(ctx, group, name); err != nil {
		return err
	}
	if found.byName[name] != nil {
		return fmt.Errorf("lvremove reported success and left %s/%s", group, name)
	}
	return nil
}
