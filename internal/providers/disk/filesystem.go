package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/plan"
)

// fileSystem tells on which file system a path lies. The free space is what df
// shows: without what is reserved for root.
func fileSystem(path string) (plan.FileSystem, error) {
	var statfs unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(path, &statfs) }); err != nil {
		return plan.FileSystem{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return plan.FileSystem{}, err
	}
	mount, err := mountOf(resolved)
	if err != nil {
		return plan.FileSystem{}, err
	}
	fs := plan.FileSystem{
		Device:     fmt.Sprintf("%d:%d", mount.Major, mount.Minor),
		Type:       mount.FSType,
		MountPoint: mount.Mountpoint,
		ReadOnly:   statfs.Flags&unix.ST_RDONLY != 0,
		Size:       int64(statfs.Blocks) * statfs.Frsize,
		Free:       int64(statfs.Bavail) * statfs.Frsize,
		Inodes:     int64(statfs.Files),
		InodesFree: int64(statfs.Ffree),
	}
	if mount.Mountpoint == resolved {
		fs.MountPoint = path
	}
	return fs, nil
}

// mountOf finds the mount that a path without links lies on: by the kernel's
// number of it, so that a mount hidden by another one is not taken for it.
func mountOf(path string) (*mountinfo.Info, error) {
	var stat unix.Statx_t
	err := retry(func() error { return unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &stat) })
	if err != nil {
		return nil, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var best *mountinfo.Info
	for _, m := range mounts {
		switch {
		case stat.Mask&unix.STATX_MNT_ID != 0:
			if uint64(m.ID) == stat.Mnt_id {
				return m, nil
			}
		case below(path, m.Mountpoint) && (best == nil || len(m.Mountpoint) >= len(best.Mountpoint)):
			best = m
		}
	}
	if best == nil {
		return nil, fmt.Errorf("the file system of %q is not among the mounts of this process", path)
	}
	return best, nil
}

// below says whether a path is a folder or lies below it.
func below(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
