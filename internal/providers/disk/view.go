package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
)

// view is how a program sees a folder and what lies below it: by a mount of its
// own on which no link is followed, or as it is. The mount is attached nowhere:
// only this process's descriptor holds it, so it ends with the process, however
// that ends.
type view struct {
	root  string
	mount int // descriptor; -1 where there is none
}

// plainView is a view of things as they are.
func plainView(root string) view { return view{root, -1} }

// newView makes a view of what lies below root; if deep, with the file systems
// that are mounted there. It takes root and Linux 5.14; elsewhere it is a plain
// one.
func newView(root string, deep bool) (view, error) {
	var recursive uint
	if deep {
		recursive = unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, root, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|recursive)
	if err == nil {
		err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|recursive, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSYMFOLLOW})
		if err == nil {
			return view{root, fd}, nil
		}
		_ = unix.Close(fd)
	}
	for _, cannot := range []error{unix.EPERM, unix.ENOSYS, unix.EINVAL} {
		if errors.Is(err, cannot) {
			return plainView(root), nil
		}
	}
	return view{}, fmt.Errorf("mount %q without links: %w", root, err)
}

func (v view) guarded() bool { return v.mount >= 0 }

func (v view) close() {
	if v.guarded() {
		_ = unix.Close(v.mount) // nothing was written through it
	}
}

func (v view) base() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), v.mount) }

// path is what a path below root is called in the view.
func (v view) path(full string) string {
	if !v.guarded() {
		return full
	}
	return v.base() + strings.TrimPrefix(full, strings.TrimSuffix(v.root, "/"))
}

// translate makes an error of a program name things as people do.
func (v view) translate(err error) error {
	files := (*rsync.FilesError)(nil)
	if v.guarded() && errors.As(err, &files) {
		for i := range files.Lines {
			files.Lines[i] = strings.ReplaceAll(files.Lines[i], v.base(), strings.TrimSuffix(v.root, "/"))
		}
	}
	return err
}

// misleads says whether rsync could be led out of the version before, while it
// compares files with it: by a link that lies where the source has a folder. A
// view lets none be followed.
func misleads(job providers.Job, into view) (bool, error) {
	if into.guarded() {
		return false, nil
	}
	found := errors.New("found")
	err := filepath.WalkDir(job.Previous, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink == 0 {
			return err
		}
		rel, err := filepath.Rel(job.Previous, path)
		if err != nil {
			return err
		}
		look, source := os.Lstat, sourceOf(job, rel)
		if slices.ContainsFunc(job.Roots, func(root string) bool { return filepath.Clean(root) == source }) {
			look = os.Stat // the link of a root is followed
		}
		if info, err := look(source); err == nil && info.IsDir() {
			return found
		}
		return nil
	})
	if errors.Is(err, found) {
		return true, nil
	}
	return false, err
}

// sourceOf is where the source has what a version has at rel.
func sourceOf(job providers.Job, rel string) string {
	if whole(*job.Action.Copy.From) {
		return filepath.Join(job.Roots[0], rel)
	}
	return filepath.Join("/", rel)
}
