// Package tree works on whole directory trees of a disk: it links a copy of
// one (Link), removes one (Remove), writes down what one holds
// (WriteManifest), and compares one with what was written down (Check). It
// runs on Linux, and knows nothing of plans and providers.
//
// All of it works by file descriptors from the root on: a folder is opened
// relative to the one that holds it and never through a symbolic link, so
// that nothing in a tree, and nothing put into it meanwhile, leads out of it.
// Only the path of the root itself is resolved as usual, but for its last
// name, which must not be a link either. A file system mounted inside a tree
// is no part of it: Link, Remove and WriteManifest end with ErrMount.
//
// Work runs in parallel on a few goroutines. Memory is bounded by the names of
// the folders on the way from the root to where the work is; open files by the
// depth of the tree. A canceled context ends all of it with the context's
// cause.
package tree

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrMount says that another file system is mounted inside of a tree.
var ErrMount = errors.New("another file system is mounted there")

// errChanged says that an entry became another while it was looked at.
var errChanged = errors.New("changed while it was read")

// Sync waits until all that was written to the file system of a path is on the
// disk, and tells of an error that came up in writing.
func Sync(path string) error {
	return withFile(path, unix.O_RDONLY|unix.O_NONBLOCK, unix.Syncfs)
}

// SyncFolder waits until a folder's names are on the disk.
func SyncFolder(path string) error {
	return withFile(path, unix.O_RDONLY|unix.O_DIRECTORY, unix.Fsync)
}

func withFile(path string, flags int, sync func(int) error) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err == nil {
		err = errors.Join(sync(fd), unix.Close(fd))
	}
	if err != nil {
		return fmt.Errorf("sync %q: %w", path, err)
	}
	return nil
}

// Exchange gives two paths each other's name in one step: at no time is one of
// them missing. Where the file system cannot do that the error is
// errors.ErrUnsupported and nothing has changed.
func Exchange(a, b string) error {
	return rename("exchange", a, b, unix.RENAME_EXCHANGE)
}

// RenameNew renames, unless something has the new name already: then the error
// is fs.ErrExist. Where the file system cannot do that in one step it is
// errors.ErrUnsupported.
func RenameNew(from, to string) error {
	return rename("rename", from, to, unix.RENAME_NOREPLACE)
}

func rename(verb, from, to string, flag uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flag)
	if errors.Is(err, unix.EINVAL) && !inside(from, to) && !inside(to, from) {
		err = fmt.Errorf("%w by the file system", errors.ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("%s %q and %q: %w", verb, from, to, err)
	}
	return nil
}

// inside says whether a path is below a folder, by their names.
func inside(path, folder string) bool {
	return strings.HasPrefix(filepath.Clean(path), filepath.Clean(folder)+string(os.PathSeparator))
}
