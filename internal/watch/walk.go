package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/journal"
)

// entry is what a folder says of something in it.
type entry struct {
	name   string
	inode  uint64
	folder bool
}

// walk shows everything but folders that lies below an open tree, without
// following links and without going into what skip names. The visitor gets the
// open folder and its name. What vanishes meanwhile is left out.
func walk(tree int, skip func(name string) bool, visit func(folder int, name string, e entry) error) error {
	return walkFolder(tree, journal.Whole, skip, visit)
}

func walkFolder(parent int, name string, skip func(string) bool, visit func(int, string, entry) error) error {
	last := "."
	if name != journal.Whole {
		last = name[strings.LastIndexByte(name, '/')+1:]
	}
	fd, err := unix.Openat(parent, last, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if vanished(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %q: %w", name, err)
	}
	defer func() { _ = unix.Close(fd) }()
	entries, err := list(fd)
	if err != nil {
		return fmt.Errorf("list %q: %w", name, err)
	}
	for _, e := range entries {
		switch full := below(name, e.name); {
		case !e.folder:
			err = visit(fd, name, e)
		case !skip(full):
			err = walkFolder(fd, full, skip, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// vanished says that what was there a moment ago is not, or is something else.
func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

// list reads a folder, without a look at what is in it where the file system
// tells folders apart.
func list(fd int) ([]entry, error) {
	var buffer [1 << 13]byte
	var entries []entry
	for {
		n, err := unix.Getdents(fd, buffer[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n <= 0 || errors.Is(err, unix.ENOENT) { // ENOENT: it was removed
			return entries, nilIf(err, unix.ENOENT)
		}
		for data := buffer[:n]; len(data) > 0; {
			e, kind, rest := cutEntry(data)
			data = rest
			if e.name == "." || e.name == ".." {
				continue
			}
			e.folder = kind == unix.DT_DIR
			if kind == unix.DT_UNKNOWN {
				var stat unix.Stat_t
				if unix.Fstatat(fd, e.name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil {
					e.folder = stat.Mode&unix.S_IFMT == unix.S_IFDIR
				}
			}
			entries = append(entries, e)
		}
	}
}

func nilIf(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// cutEntry takes the first linux_dirent64 off data.
func cutEntry(data []byte) (e entry, kind byte, rest []byte) {
	const (
		lengthAt = unsafe.Offsetof(unix.Dirent{}.Reclen)
		kindAt   = unsafe.Offsetof(unix.Dirent{}.Type)
		nameAt   = unsafe.Offsetof(unix.Dirent{}.Name)
	)
	length := binary.NativeEndian.Uint16(data[lengthAt:])
	name, _, _ := strings.Cut(string(data[nameAt:length]), "\x00")
	return entry{name: name, inode: binary.NativeEndian.Uint64(data)}, data[kindAt], data[length:]
}
