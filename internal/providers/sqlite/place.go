package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// place moves a finished copy to its first name, or links the previous version's
// file there when that is the same, and links the further names to it.
func (b *batch) place(ctx context.Context, copied string, looks attributes, names []database) error {
	for _, d := range names {
		if err := b.makeFolders(d); err != nil {
			return err
		}
	}
	first := filepath.Join(b.job.Into, names[0].into)
	if err := dress(copied, looks); err != nil {
		return err
	}
	linked, err := b.linkPrevious(ctx, copied, names[0].into)
	if err != nil {
		return err
	}
	if !linked {
		if err := os.Rename(copied, first); err != nil {
			return fmt.Errorf("put copy into place: %w", err)
		}
	}
	for _, d := range names[1:] {
		if err := os.Link(first, filepath.Join(b.job.Into, d.into)); err != nil {
			return fmt.Errorf("link further name: %w", err)
		}
	}
	return nil
}

// dress gives a copy the attributes of its original. Only root can give files
// away.
func dress(name string, a attributes) error {
	if os.Geteuid() == 0 {
		if err := os.Lchown(name, int(a.uid), int(a.gid)); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if err := unix.Fchmodat(unix.AT_FDCWD, name, a.mode, 0); err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	times := []unix.Timespec{a.changed, a.changed}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}

// makeFolders makes the folders above a database. They get their attributes at
// the very end, which may take the right to write from us.
func (b *batch) makeFolders(d database) error {
	for folder := path.Dir(d.into); folder != "."; folder = path.Dir(folder) {
		if _, known := b.folders[folder]; known {
			continue
		}
		looks, err := folderAttributes(d, folder)
		if err != nil {
			return fmt.Errorf("look at folder: %w", err)
		}
		b.folders[folder] = looks
	}
	if err := os.MkdirAll(filepath.Join(b.job.Into, path.Dir(d.into)), 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return nil
}

// folderAttributes are those of the folder that a folder of the version stands
// for, which is above d: one below its root, or else one above the root.
func folderAttributes(d database, folder string) (attributes, error) {
	var st unix.Stat_t
	prefix := strings.TrimSuffix(strings.TrimSuffix(d.into, d.path), "/")
	below, inside := strings.CutPrefix(folder, prefix)
	if !inside {
		err := unix.Stat("/"+folder, &st)
		return attributesOf(st), err
	}
	root, err := os.OpenFile(d.root, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return attributes{}, err
	}
	defer root.Close()
	original, err := openBelow(root, "./"+strings.TrimPrefix(below, "/"), unix.O_DIRECTORY)
	if err != nil {
		return attributes{}, err
	}
	defer original.Close()
	st, err = statOf(original)
	return attributesOf(st), err
}

// finishFolders gives the folders their attributes, the deepest first.
func (b *batch) finishFolders() error {
	names := slices.Sorted(maps.Keys(b.folders))
	slices.Reverse(names)
	for _, name := range names {
		if err := dress(filepath.Join(b.job.Into, name), b.folders[name]); err != nil {
			return err
		}
	}
	return nil
}

// openPrevious opens a database of the previous version.
func (b *batch) openPrevious(into string) (*os.File, error) {
	if b.job.Previous == "" {
		return nil, unix.ENOENT
	}
	root, err := os.OpenFile(b.job.Previous, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, _, err := openRegular(root, into)
	return file, err
}

// linkPrevious links the previous version's file to a place in this one when
// nothing tells it from the copy. Links on the way are not followed.
func (b *batch) linkPrevious(ctx context.Context, copied, into string) (bool, error) {
	before, err := b.openPrevious(into)
	if err != nil {
		return false, nil // nothing to link to
	}
	defer before.Close()
	fresh, err := os.Open(copied)
	if err != nil {
		return false, err
	}
	defer fresh.Close()
	if same, err := sameFile(ctx, before, fresh); err != nil || !same {
		return false, err
	}
	place := filepath.Join(b.job.Into, into)
	from := fmt.Sprintf("/proc/self/fd/%d", before.Fd())
	err = unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, place, unix.AT_SYMLINK_FOLLOW)
	if errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("link to previous version: %w", err)
	}
	return true, nil
}

// sameFile compares size, attributes and content.
func sameFile(ctx context.Context, x, y *os.File) (bool, error) {
	xs, err := statOf(x)
	if err != nil {
		return false, err
	}
	ys, err := statOf(y)
	if err != nil {
		return false, err
	}
	if xs.Size != ys.Size || attributesOf(xs) != attributesOf(ys) {
		return false, nil
	}
	xb, yb := make([]byte, 1<<18), make([]byte, 1<<18)
	for left := xs.Size; left > 0; {
		if err := stopped(ctx); err != nil {
			return false, err
		}
		n := min(left, int64(len(xb)))
		if _, err := io.ReadFull(x, xb[:n]); err != nil {
			return false, fmt.Errorf("compare with previous version: %w", err)
		}
		if _, err := io.ReadFull(y, yb[:n]); err != nil {
			return false, fmt.Errorf("compare with previous version: %w", err)
		}
		if !bytes.Equal(xb[:n], yb[:n]) {
			return false, nil
		}
		left -= n
	}
	return true, nil
}

// makeEmpty makes an empty folder that only we can enter.
func makeEmpty(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("empty folder for intermediate copies: %w", err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("make folder for intermediate copies: %w", err)
	}
	return nil
}
