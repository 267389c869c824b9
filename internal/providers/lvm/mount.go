package lvm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/sys/mountinfo"
)

// mount mounts a device read-only at the opening's mount point, and looks
// whether the kernel mounted that very device.
func (s *opening) mount(ctx context.Context, d device, found content) error {
	point, err := mountPoint(s.access.MountFolder, s.access.OpenName)
	if err != nil {
		return err
	}
	s.point = point
	options := "ro,nodev,nosuid,noexec"
	switch found.kind {
	case kindXFS:
		options += ",nouuid"
	case kindBtrfs:
		if err := s.tune(ctx, d, found); err != nil {
			return err
		}
	}
	return s.mountAs(ctx, d, found.kind, options)
}

func (s *opening) mountAs(ctx context.Context, d device, kind, options string) error {
	if _, err := s.run(ctx, s.limits.mount, "mount", "-t", kind, "-o", options, d.path, s.point); err != nil {
		return err
	}
	mounts, err := s.host.mountsAt(s.point)
	switch {
	case err != nil:
		return err
	case len(mounts) != 1:
		return fmt.Errorf("mount reported success, and there are %d mounts at %s", len(mounts), s.point)
	case !isOf(mounts[0], d):
		return fmt.Errorf("the kernel mounted %s in the place of %s", mounts[0].Source, d.path)
	}
	return nil
}

// isOf says whether a mount is of the device. A btrfs has a device number of its
// own, and tells the device by name.
func isOf(mount *mountinfo.Info, d device) bool {
	if mount.Major != 0 {
		return fmt.Sprintf("%d:%d", mount.Major, mount.Minor) == d.number
	}
	number, err := deviceNumber(mount.Source)
	return err == nil && number == d.number
}

// mountPoint makes the folder to mount at, for root alone, and gives its path as
// the kernel will show it.
func mountPoint(folder, name string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the mount folder: %w", err)
	}
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", fmt.Errorf("find the mount folder: %w", err)
	}
	if err = os.Chmod(folder, 0o700); err != nil {
		return "", fmt.Errorf("make the mount folder private: %w", err)
	}
	point := filepath.Join(folder, name)
	if err = os.Mkdir(point, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the mount point: %w", err)
	}
	info, err := os.Lstat(point)
	if err != nil {
		return "", fmt.Errorf("look at the mount point: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("the mount point %s is no directory", point)
	}
	return point, nil
}

// removeFolder removes an empty folder; gone already is fine.
func removeFolder(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the mount point: %w", err)
	}
	return nil
}

// mountsAt lists what is mounted at a path, the topmost last.
func (h host) mountsAt(point string) ([]*mountinfo.Info, error) {
	return h.mountsWhere(func(path string) bool { return path == point })
}

func (h host) mountsWhere(wanted func(path string) bool) ([]*mountinfo.Info, error) {
	file, err := os.Open(h.mounts)
	if err != nil {
		return nil, fmt.Errorf("look at the mounts: %w", err)
	}
	defer file.Close()
	mounts, err := mountinfo.GetMountsFromReader(file, func(m *mountinfo.Info) (skip, stop bool) {
		return !wanted(m.Mountpoint), false
	})
	if err != nil {
		return nil, fmt.Errorf("read the mounts: %w", err)
	}
	return mounts, nil
}

// unmount takes down every mount at a path; none is fine. What is busy is tried
// again for a while: a look from outside, of udev for one, passes.
func (o *Opener) unmount(ctx context.Context, point string) error {
	mounts, err := o.host.mountsAt(point)
	for try := 1; err == nil && len(mounts) > 0; try++ {
		_, failure := o.run(ctx, o.limits.unmount, "umount", point)
		if failure != nil && (try >= o.limits.tries || isTimeout(failure) || o.wait(ctx) != nil) {
			return fmt.Errorf("unmount %s: %w", point, failure)
		}
		before := len(mounts)
		if mounts, err = o.host.mountsAt(point); failure == nil && len(mounts) >= before {
			return fmt.Errorf("unmount %s: umount reported success and left it", point)
		}
	}
	return err
}
