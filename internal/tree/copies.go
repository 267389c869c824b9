package tree

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// copies are the entries that were copied because their inode could have no
// more links. They are made one at a time: it is rare that there are any.
type copies struct {
	mutex sync.Mutex
	made  map[uint64]int // inode of the model to the copy, open with O_PATH
}

// add puts an entry into the copy of its folder: as a link to a copy that was
// made before of the same inode, or else as a copy.
func (c *copies) add(ctx context.Context, f *folder, name string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var stat unix.Stat_t
	if err := statAt(f.fd, name, &stat); err != nil {
		return err
	}
	if fd, ok := c.made[stat.Ino]; ok {
		err := unix.Linkat(unix.AT_FDCWD, descriptorPath(fd), f.into, name, unix.AT_SYMLINK_FOLLOW)
		if !errors.Is(err, unix.EMLINK) {
			return err
		}
	}
	if err := copyEntry(ctx, f, name, stat); err != nil {
		return err
	}
	return c.remember(stat.Ino, f.into, name)
}

func (c *copies) remember(ino uint64, into int, name string) error {
	fd, err := unix.Openat(into, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if old, ok := c.made[ino]; ok {
		_ = unix.Close(old)
	}
	if c.made == nil {
		c.made = map[uint64]int{}
	}
	c.made[ino] = fd
	return nil
}

func (c *copies) close() {
	for _, fd := range c.made {
		_ = unix.Close(fd)
	}
}

// copyEntry copies anything but a folder, with its metadata.
func copyEntry(ctx context.Context, f *folder, name string, stat unix.Stat_t) error {
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return copyFile(ctx, f, name)
	case unix.S_IFLNK:
		target, err := readLink(f.fd, name)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(target, f.into, name); err != nil {
			return err
		}
	default:
		if err := unix.Mknodat(f.into, name, stat.Mode, int(stat.Rdev)); err != nil {
			return err
		}
		if err := unix.Fchmodat(f.into, name, stat.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	if err := ownAs(f.into, name, stat); err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, stat.Mtim}
	return unix.UtimesNanoAt(f.into, name, times, unix.AT_SYMLINK_NOFOLLOW)
}

func ownAs(fd int, name string, want unix.Stat_t) error {
	var have unix.Stat_t
	if err := statAt(fd, name, &have); err != nil {
		return err
	}
	if have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return unix.Fchownat(fd, name, int(want.Uid), int(want.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

func copyFile(ctx context.Context, f *folder, name string) (err error) {
	from, err := openFile(f.fd, name)
	if err != nil {
		return err
	}
	defer unix.Close(from) //nolint:errcheck // nothing was written to it
	to, err := unix.Openat(f.into, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(to)) }()
	if err := copyData(ctx, from, to); err != nil {
		return err
	}
	return copyMetadata(from, to)
}

// copyData copies content, and leaves holes where there are some.
func copyData(ctx context.Context, from, to int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(from, &stat); err != nil {
		return err
	}
	if err := unix.Ftruncate(to, stat.Size); err != nil {
		return err
	}
	for at := int64(0); at < stat.Size; {
		start, err := unix.Seek(from, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(from, start, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if err := copyRange(ctx, from, to, start, end); err != nil {
			return err
		}
		at = end
	}
	return nil
}

func copyRange(ctx context.Context, from, to int, start, end int64) error {
	buffer := chunks.Get().(*[]byte)
	defer chunks.Put(buffer)
	for start < end {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := unix.Pread(from, (*buffer)[:min(int64(len(*buffer)), end-start)], start)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		if n, err = unix.Pwrite(to, (*buffer)[:n], start); err != nil {
			return err
		}
		start += int64(n)
	}
	return nil
}
