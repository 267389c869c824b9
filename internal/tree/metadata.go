package tree

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// copyMetadata gives an open file or folder the owner, extended attributes,
// mode and time of change of another. The order matters: a change of owner
// clears bits of the mode, and an ACL sets some.
func copyMetadata(from, to int) error {
	var want, have unix.Stat_t
	if err := errors.Join(unix.Fstat(from, &want), unix.Fstat(to, &have)); err != nil {
		return err
	}
	if want.Uid != have.Uid || want.Gid != have.Gid {
		if err := unix.Fchown(to, int(want.Uid), int(want.Gid)); err != nil {
			return err
		}
	}
	if err := copyXattrs(from, to); err != nil {
		return err
	}
	if err := unix.Fchmod(to, want.Mode&0o7777); err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, want.Mtim}
	return unix.UtimesNanoAt(unix.AT_FDCWD, descriptorPath(to), times, 0)
}

// copyXattrs makes the extended attributes of two open files the same; POSIX
// ACLs are among them. Labels of a security module that from lacks may stay.
func copyXattrs(from, to int) error {
	want, err := xattrs(from)
	if err != nil {
		return err
	}
	have, err := xattrs(to)
	if err != nil {
		return err
	}
	for _, name := range have {
		if slices.Contains(want, name) || strings.HasPrefix(name, "security.") {
			continue
		}
		if err := unix.Fremovexattr(to, name); err != nil {
			return err
		}
	}
	for _, name := range want {
		if err := copyXattr(from, to, name, slices.Contains(have, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyXattr(from, to int, name string, there bool) error {
	value, err := xattr(from, name)
	if err != nil {
		return err
	}
	if there {
		if old, err := xattr(to, name); err == nil && bytes.Equal(old, value) {
			return nil
		}
	}
	return unix.Fsetxattr(to, name, value, 0)
}

// xattrs lists the names of an open file's extended attributes; none where the
// file system has no such thing.
func xattrs(fd int) ([]string, error) {
	list, err := grow(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
	if errors.Is(err, unix.ENOTSUP) || len(list) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00"), nil
}

func xattr(fd int, name string) ([]byte, error) {
	return grow(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
}

// grow calls what fills a buffer with larger ones until it fits.
func grow(fill func([]byte) (int, error)) ([]byte, error) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := fill(buffer)
		if errors.Is(err, unix.ERANGE) && size < 1<<20 {
			continue
		}
		return buffer[:max(n, 0)], err
	}
}
