package watch

import (
	"fmt"
	"slices"

	"github.com/moby/sys/mountinfo"
)

// mounts are what is mounted below a tree. What lies there is on another file
// system, of which nothing is heard: it is compared as a whole, every time.
type mounts []mount

type mount struct {
	name         string // in the tree
	id           int
	major, minor int
}

func mountsBelow(root string) (mounts, error) {
	infos, err := mountinfo.GetMounts(mountinfo.PrefixFilter(root))
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var list mounts
	for _, i := range infos {
		if name, ok := relative(root, i.Mountpoint); ok && i.Mountpoint != root {
			list = append(list, mount{name, i.ID, i.Major, i.Minor})
		}
	}
	return list, nil
}

func (m mounts) has(name string) bool {
	return slices.ContainsFunc(m, func(m mount) bool { return m.name == name })
}

// check says whether what is mounted is still the same.
func (m mounts) check(root string) error {
	now, err := mountsBelow(root)
	if err != nil {
		return err
	}
	if !slices.Equal(m, now) {
		return errMounts
	}
	return nil
}

// tell has what is mounted compared.
func (m mounts) tell(to *recorder) error {
	for _, mount := range m {
		if err := to.subtree(mount.name); err != nil {
			return err
		}
	}
	return nil
}
