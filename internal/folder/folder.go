// Package folder reaches folders below a root without following a link on the
// way. Start at Open; Make makes what is missing, and Walk shows what lies below.
// The root itself is named by a person and may be reached by links; what lies below
// it was put there by copies of what nobody vouches for.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// NotFolderError is something on the way that is not a folder.
type NotFolderError struct {
	Path string
	Link bool // a symbolic link, wherever it leads
}

func (e *NotFolderError) Error() string {
	if e.Link {
		return fmt.Sprintf("%q is a symbolic link, and none is followed here", e.Path)
	}
	return fmt.Sprintf("%q is not a folder", e.Path)
}

// Open opens the folder rel below root; "." is root itself. A part that is no
// folder is a *NotFolderError, one that is missing is fs.ErrNotExist.
func Open(root, rel string) (*os.File, error) {
	return walk(root, rel, func(*os.File, string) error { return fs.ErrNotExist })
}

// Make makes the folder rel below root, and those on the way to it, where they
// are missing. Each one made outlasts a power cut.
func Make(root, rel string, perm fs.FileMode) error {
	f, err := walk(root, rel, func(parent *os.File, name string) error {
		err := unix.Mkdirat(int(parent.Fd()), name, uint32(perm.Perm()))
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		return parent.Sync()
	})
	if err != nil {
		return err
	}
	return f.Close()
}

// walk opens one part after the other. Where one is missing, mend makes it, or
// says why not.
func walk(root, rel string, mend func(parent *os.File, name string) error) (*os.File, error) {
	if !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("path %q leads out of its folder", rel)
	}
	at, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Split(filepath.Clean(rel), "/") {
		next, err := Enter(at, name)
		if errors.Is(err, fs.ErrNotExist) {
			if err = mend(at, name); err == nil {
				next, err = Enter(at, name)
			} else {
				err = &fs.PathError{Op: "open", Path: filepath.Join(at.Name(), name), Err: err}
			}
		}
		at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// Enter opens a folder that lies directly in another one, as Open does.
func Enter(parent *os.File, name string) (*os.File, error) {
	path := filepath.Join(parent.Name(), name)
	fd, err := openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		var stat unix.Stat_t
		err := unix.Fstatat(int(parent.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW)
		return nil, &NotFolderError{Path: path, Link: err == nil && stat.Mode&unix.S_IFMT == unix.S_IFLNK}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenFile opens for reading what lies directly in a folder. It does not follow
// a link, and does not wait for the other end of a pipe.
func OpenFile(parent *os.File, name string) (*os.File, error) {
	path := filepath.Join(parent.Name(), name)
	fd, err := openat(parent, name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func openat(parent *os.File, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(int(parent.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
