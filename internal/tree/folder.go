package tree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

const openFolderFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK

// retry calls again what a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// openAt opens a folder in another; never through a link.
func openAt(parent int, name string) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(parent, name, openFolderFlags, 0)
		return err
	})
	return fd, err
}

// openRoot opens the root of a tree.
func openRoot(path string) (int, error) {
	fd, err := openAt(unix.AT_FDCWD, filepath.Clean(path))
	if err != nil {
		return -1, fmt.Errorf("open folder %q: %w", path, err)
	}
	return fd, nil
}

// statAt looks at an entry itself, whatever it is.
func statAt(fd int, name string, stat *unix.Stat_t) error {
	return retry(func() error { return unix.Fstatat(fd, name, stat, unix.AT_SYMLINK_NOFOLLOW) })
}

// mount is where a folder lies: the number of its file system, and of the
// mount by which it is seen (0 where the kernel does not tell).
type mount struct {
	major, minor uint32
	id           uint64
}

// where tells the mount of an open folder, or of an entry of it if it has a
// name, and its mode.
func where(fd int, name string) (mount, uint16, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	var s unix.Statx_t
	err := retry(func() error {
		return unix.Statx(fd, name, flags, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &s)
	})
	m := mount{major: s.Dev_major, minor: s.Dev_minor}
	if s.Mask&unix.STATX_MNT_ID != 0 {
		m.id = s.Mnt_id
	}
	return m, s.Mode, err
}

// dirent is an entry of a folder as the folder has it. Its name is valid as
// long as the piece that it was read into.
type dirent struct {
	ino  uint64
	kind uint8 // DT_DIR and so on; DT_UNKNOWN where the file system does not say
	name []byte
}

// piece is a part of a folder's entries, read in one go.
type piece struct {
	buffer  [64 << 10]byte
	entries []dirent
	full    bool // more is likely to follow
}

var pieces = sync.Pool{New: func() any { return new(piece) }}

// read takes the next entries of an open folder; none is the end.
func (p *piece) read(fd int) error {
	p.entries = p.entries[:0]
	for len(p.entries) == 0 {
		var n int
		err := retry(func() (err error) {
			n, err = unix.ReadDirent(fd, p.buffer[:])
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		p.full = n > len(p.buffer)/2
		p.parse(p.buffer[:n])
	}
	return nil
}

// parse reads the kernel's linux_dirent64: 8 bytes inode, 8 bytes offset, 2
// bytes length of the record, 1 byte type, the name, a zero.
func (p *piece) parse(records []byte) {
	const header = 19
	for len(records) > header {
		size := int(binary.NativeEndian.Uint16(records[16:]))
		if size <= header || size > len(records) {
			return
		}
		name := records[header:size]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		if s := string(name); s != "." && s != ".." {
			p.entries = append(p.entries, dirent{binary.NativeEndian.Uint64(records), records[18], name})
		}
		records = records[size:]
	}
}

// isFolder says what an entry is, and asks the file system where the folder
// does not tell.
func (d dirent) isFolder(fd int) (bool, error) {
	if d.kind != unix.DT_UNKNOWN {
		return d.kind == unix.DT_DIR, nil
	}
	var stat unix.Stat_t
	err := statAt(fd, string(d.name), &stat)
	return stat.Mode&unix.S_IFMT == unix.S_IFDIR, err
}
