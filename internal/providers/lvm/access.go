package lvm

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
)

// checkAccess looks at everything of an access that could reach an argv.
func checkAccess(a plan.SnapshotAccess) error {
	problems := []error{
		checkGroup(a.VolumeGroup), checkName(a.VolumeGroup, a.Pool), checkName(a.VolumeGroup, a.Name),
		checkName(a.VolumeGroup, a.Origin), checkOpenName(a.OpenName), checkDevice(a.VolumeGroup, a.OpenName),
	}
	if a.UUID != "" {
		problems = append(problems, checkUUID(a.UUID))
	}
	if !filepath.IsAbs(a.MountFolder) {
		problems = append(problems, fmt.Errorf("the mount folder %q is no absolute path", a.MountFolder))
	}
	return errors.Join(problems...)
}

func checkOpenName(name string) error {
	if !plan.IsOpenName(name) {
		return fmt.Errorf("%q is no name of something that bkplan opens", name)
	}
	return nil
}

// tagOrigin is the beginning of the tag by which a snapshot knows its origin
// even when LVM does not any more. Names of LVM are not escaped in it.
const tagOrigin = "bkplan.origin="

// snapshot finds the very snapshot that an access means.
func (g volumeGroup) snapshot(a plan.SnapshotAccess) (*volumeRow, error) {
	stale := func(format string, args ...any) error {
		itself := plan.Precondition{Kind: plan.VolumeIs, VolumeGroup: a.VolumeGroup, Name: a.Name, UUID: a.UUID}
		return &providers.StaleError{Violation: plan.Violation{Precondition: itself, Detail: fmt.Sprintf(format, args...)}}
	}
	row := g.byName[a.Name]
	switch {
	case row == nil:
		return nil, stale("the snapshot %s/%s is gone", g.name, a.Name)
	case a.UUID != "" && row.UUID != a.UUID:
		return nil, stale("%s/%s is another volume now (UUID %s, was %s)", g.name, a.Name, row.UUID, a.UUID)
	case row.Pool != a.Pool:
		return nil, stale("%s/%s is not in the thin pool %s", g.name, a.Name, a.Pool)
	case !row.isSnapshotOf(a.Origin):
		return nil, stale("%s/%s is no snapshot of %s", g.name, a.Name, a.Origin)
	}
	return row, nil
}

// isSnapshotOf goes by what LVM knows, else by the tags, and without any by the
// name that older scripts gave.
func (r *volumeRow) isSnapshotOf(origin string) bool {
	tagged := r.taggedOrigin()
	if r.Origin == origin || tagged != "" {
		return r.Origin == origin || tagged == origin
	}
	return strings.HasPrefix(r.Name, origin+"_snap_") || strings.HasPrefix(r.Name, origin+"_pre_restore_")
}

func (r *volumeRow) taggedOrigin() string {
	for _, tag := range r.tags() {
		if origin, found := strings.CutPrefix(tag, tagOrigin); found {
			return origin
		}
	}
	return ""
}
