package lvm

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/moby/sys/mountinfo"
)

// leftovers lists by name what a killed run left open below a state directory,
// on this machine and in the group's pool. It runs nothing.
func (h host) leftovers(stateDir string, group volumeGroup, pool string) ([]plan.Leftover, error) {
	found := map[string]*plan.Leftover{}
	at := func(name string) *plan.Leftover {
		if found[name] == nil {
			found[name] = &plan.Leftover{Name: name}
		}
		return found[name]
	}
	below := resolved(stateDir) + "/"
	mounts, err := h.mountsWhere(func(path string) bool {
		return strings.HasPrefix(path, below) && plan.IsOpenName(filepath.Base(path))
	})
	if err != nil {
		return nil, err
	}
	for _, m := range mounts {
		at(filepath.Base(m.Mountpoint)).Mounted = m.Mountpoint
	}
	mappings, err := h.mappings()
	if err != nil {
		return nil, fmt.Errorf("look at the device mappings: %w", err)
	}
	for _, m := range mappings {
		if m.isLUKS() && plan.IsOpenName(m.name) {
			at(m.name).Mapping = m.name
		}
	}
	for _, row := range group.rows {
		if row.Pool == pool && row.isClone() {
			left := at(row.Name)
			left.VolumeGroup, left.Clone, left.CloneUUID = group.name, row.Name, row.UUID
		}
	}
	list := make([]plan.Leftover, 0, len(found))
	for _, left := range found {
		list = append(list, *left)
	}
	slices.SortFunc(list, func(a, b plan.Leftover) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// resolved is a path as the kernel shows it; one that is not there is itself.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// leftover is what is open under the opening's own name; nil is nothing.
func (s *opening) leftover(group volumeGroup) (*plan.Leftover, error) {
	name := s.access.OpenName
	if row := group.byName[name]; row != nil && !row.isClone() {
		return nil, fmt.Errorf("the name %s/%s is taken by a volume that bkplan did not make", group.name, name)
	}
	all, err := s.host.leftovers(s.access.MountFolder, group, s.access.Pool)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(left plan.Leftover) bool { return left.Name == name }); i >= 0 {
		return &all[i], nil
	}
	return nil, nil
}

// Clean closes and removes what a killed run left open. Every step is tried,
// whatever became of the others; what is gone already is no error, and what
// bkplan cannot have made is refused.
func (o *Opener) Clean(ctx context.Context, left plan.Leftover) error {
	if err := o.checkLeftover(left); err != nil {
		return fmt.Errorf("clean %q: %w", left.Name, err)
	}
	var problems []error
	if left.Mounted != "" {
		problems = append(problems, o.unmountLeftover(ctx, left.Mounted), removeFolder(left.Mounted))
	}
	if left.Mapping != "" {
		problems = append(problems, o.closeMapping(ctx, left.Mapping))
	}
	if left.Clone != "" {
		problems = append(problems, o.removeClone(ctx, left.VolumeGroup, left.Clone, left.CloneUUID))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("clean %s: %w", left.Name, err)
	}
	return nil
}

// unmountLeftover unmounts what is mounted at a path, and deactivates it where it
// is a snapshot itself: nobody else's, since it was still activated for the mount.
func (o *Opener) unmountLeftover(ctx context.Context, point string) error {
	volumes, err := o.host.mountedVolumes(point)
	if err != nil {
		return err
	}
	if err := o.unmount(ctx, point); err != nil {
		return err
	}
	for _, m := range volumes {
		if err := o.putToSleep(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// mountedVolumes are the logical volumes mounted at a path.
func (h host) mountedVolumes(point string) ([]mapping, error) {
	mounts, err := h.mountsAt(point)
	if err != nil || len(mounts) == 0 {
		return nil, err
	}
	all, err := h.mappings()
	return slices.DeleteFunc(all, func(m mapping) bool {
		return !strings.HasPrefix(m.uuid, "LVM-") || !slices.ContainsFunc(mounts, func(i *mountinfo.Info) bool {
			return isOf(i, device{number: m.number})
		})
	}), err
}

// putToSleep deactivates a volume that activation passes over, unless it is in
// use or gone.
func (o *Opener) putToSleep(ctx context.Context, m mapping) error {
	group, name, ok := volumeName(m.name)
	if err := errors.Join(checkGroup(group), checkName(group, name)); err != nil || !ok {
		return err
	}
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
	if row == nil || !m.isVolume(row.UUID) || row.SkipActivation == "" || row.isOpen() {
		return nil
	}
	return p.deactivate(ctx, group, name, row.UUID)
}

// checkLeftover refuses names that are not what Open gives.
func (o *Opener) checkLeftover(left plan.Leftover) error {
	problems := []error{checkOpenName(left.Name)}
	if left.Mounted != "" {
		inside := filepath.Clean(left.Mounted) == left.Mounted && strings.HasPrefix(left.Mounted, resolved(o.stateDir)+"/")
		if !inside || filepath.Base(left.Mounted) != left.Name {
			problems = append(problems, fmt.Errorf("%q is no mount point of its", left.Mounted))
		}
	}
	if left.Mapping != "" && left.Mapping != left.Name {
		problems = append(problems, fmt.Errorf("%q is no mapping of its", left.Mapping))
	}
	if left.Clone != "" {
		problems = append(problems, checkGroup(left.VolumeGroup), checkUUID(left.CloneUUID))
		if left.Clone != left.Name {
			problems = append(problems, fmt.Errorf("%q is no clone of its", left.Clone))
		}
	}
	return errors.Join(problems...)
}
