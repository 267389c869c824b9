package journal

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Identity tells one directory from every other that may come to lie at its
// path: on another file system, or made anew with the same inode number.
type Identity struct {
	Device string `json:"device"` // major:minor of its file system
	FSID   string `json:"fsid"`   // the file system's own, as statfs(2) tells it
	Inode  uint64 `json:"inode"`
	Born   string `json:"born,omitempty"`   // when it was made, where that is kept
	Handle string `json:"handle,omitempty"` // with its generation, where there is one
}

// Identify looks at the directory that a path leads to.
func Identify(path string) (Identity, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Identity{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	return IdentifyFd(fd)
}

// IdentifyFd is Identify for a directory that is open.
func IdentifyFd(fd int) (Identity, error) {
	var stat unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &stat); err != nil {
		return Identity{}, fmt.Errorf("stat tree: %w", err)
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(fd, &system); err != nil {
		return Identity{}, fmt.Errorf("stat file system of tree: %w", err)
	}
	id := Identity{
		Device: fmt.Sprintf("%d:%d", stat.Dev_major, stat.Dev_minor),
		FSID:   fmt.Sprintf("%08x%08x", uint32(system.Fsid.Val[0]), uint32(system.Fsid.Val[1])),
		Inode:  stat.Ino,
	}
	if stat.Mask&unix.STATX_BTIME != 0 {
		id.Born = fmt.Sprintf("%d.%09d", stat.Btime.Sec, stat.Btime.Nsec)
	}
	handle, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	switch {
	case err == nil:
		id.Handle = fmt.Sprintf("%x-%s", handle.Type(), hex.EncodeToString(handle.Bytes()))
	case !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM):
		return Identity{}, fmt.Errorf("name tree: %w", err)
	}
	return id, nil
}
