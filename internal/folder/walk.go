package folder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Entry is what a folder says of something in it.
type Entry struct {
	Name   string
	Inode  uint64
	Folder bool
}

// top is the name of the tree that is walked.
const top = "."

// Walk shows everything but folders that lies below an open tree, without
// following links and without going into what skip names: it is asked once of each
// folder below the tree. The visitor gets the open folder and its name relative to
// the tree, which is ".". What vanishes meanwhile is left out.
func Walk(tree int, skip func(name string) bool, visit func(folder int, name string, e Entry) error) error {
	return walkFolder(tree, top, skip, visit)
}

func walkFolder(parent int, name string, skip func(string) bool, visit func(int, string, Entry) error) error {
	last := "."
	if name != top {
		last = name[strings.LastIndexByte(name, '/')+1:]
	}
	fd, err := unix.Openat(parent, last, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if Vanished(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %q: %w", name, err)
	}
	defer func() { _ = unix.Close(fd) }()
	entries, err := List(fd)
	if err != nil {
		return fmt.Errorf("list %q: %w", name, err)
	}
	for _, e := range entries {
		switch full := path.Join(name, e.Name); {
		case !e.Folder:
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

// Vanished says that what was there a moment ago is not, or is something else.
func Vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}

// List reads a folder, without a look at what is in it where the file system
// tells folders apart.
func List(fd int) ([]Entry, error) {
	var buffer [1 << 13]byte
	var entries []Entry
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
			if e.Name == "." || e.Name == ".." {
				continue
			}
			e.Folder = kind == unix.DT_DIR
			if kind == unix.DT_UNKNOWN {
				var stat unix.Stat_t
				if unix.Fstatat(fd, e.Name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil {
					e.Folder = stat.Mode&unix.S_IFMT == unix.S_IFDIR
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
func cutEntry(data []byte) (e Entry, kind byte, rest []byte) {
	const (
		lengthAt = unsafe.Offsetof(unix.Dirent{}.Reclen)
		kindAt   = unsafe.Offsetof(unix.Dirent{}.Type)
		nameAt   = unsafe.Offsetof(unix.Dirent{}.Name)
	)
	length := binary.NativeEndian.Uint16(data[lengthAt:])
	name, _, _ := strings.Cut(string(data[nameAt:length]), "\x00")
	return Entry{Name: name, Inode: binary.NativeEndian.Uint64(data)}, data[kindAt], data[length:]
}
