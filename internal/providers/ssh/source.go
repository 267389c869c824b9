package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// local is a version on a disk of this machine, with the receipt as it was when the
// action began.
type local struct {
	plan.VersionAccess
	text    []byte // of its receipt's file
	receipt plan.Receipt
}

func (l local) tree() string { return filepath.Join(l.Root, l.Path) }

// localLimit is how long a look at something on this machine may take: what lies on
// a server that is gone keeps a process for ever.
const localLimit = 2 * time.Minute

// findLocal proves that a version is what the plan says.
func findLocal(ctx context.Context, a plan.VersionAccess) (local, error) {
	switch {
	case !filepath.IsAbs(a.Root) || filepath.Clean(a.Root) != a.Root:
		return local{}, fmt.Errorf("root %q is not an absolute path", a.Root)
	case !safe(a.Path) || a.Path == "." || a.Layer == "" || a.Volume == "":
		return local{}, errors.New("the action names no version to copy")
	}
	return providers.Within(ctx, localLimit, a.Root, func() (local, error) { return readLocal(a) })
}

func readLocal(a plan.VersionAccess) (local, error) {
	l := local{VersionAccess: a}
	if a.RequireMount {
		if err := isMounted(a.Root); err != nil {
			return l, err
		}
	}
	if err := l.readReceipt(); err != nil {
		return l, err
	}
	f, err := folder.Open(a.Root, a.Path)
	if err != nil {
		return l, stale("version to copy: %v", err)
	}
	return l, f.Close()
}

func (l *local) readReceipt() error {
	at := receipt.File(l.Layer, l.Version, l.Volume)
	in, err := folder.Open(l.Root, filepath.Dir(at))
	if err == nil {
		defer in.Close()
		l.text, err = readFile(in, filepath.Base(at))
	}
	if err != nil {
		return stale("version %q has no receipt, so it is not known to be whole: %v", l.Path, err)
	}
	if l.receipt, err = receipt.DecodeAt(l.text, receipt.Path(l.Layer, l.Version, l.Volume)); err != nil {
		return stale("version %q has no receipt, so it is not known to be whole: %v", l.Path, err)
	}
	switch {
	case l.receipt.Path != l.Path:
		return stale("the receipt of %q is for %q", l.Path, l.receipt.Path)
	case l.Digest != "" && l.receipt.Digest != l.Digest:
		return stale("version %q is another one than when the plan was made", l.Path)
	}
	return nil
}

// maxReceipt bounds a file that is taken for a receipt, in bytes.
const maxReceipt = 1 << 20

func readFile(in *os.File, name string) ([]byte, error) {
	file, err := folder.OpenFile(in, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxReceipt {
		return nil, errors.New("it is no file of a receipt's size")
	}
	text := make([]byte, info.Size())
	n, err := file.Read(text)
	return text[:max(n, 0)], err
}

// same looks whether the version is still the one that was found.
func (l local) same() error {
	now := local{VersionAccess: l.VersionAccess}
	if err := now.readReceipt(); err != nil {
		return err
	}
	if string(now.text) != string(l.text) {
		return stale("version %q was made anew while it was copied", l.Path)
	}
	return nil
}

// openManifest gives the path of the version's manifest; empty where it has none.
func (l local) manifest() string {
	at := receipt.ManifestFile(l.Layer, l.Version, l.Volume)
	in, err := folder.Open(l.Root, filepath.Dir(at))
	if err != nil {
		return ""
	}
	defer in.Close()
	path := filepath.Join(l.Root, at)
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// isMounted looks whether a path is a mount point.
func isMounted(path string) error {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return stale("source: %v", err)
	}
	is, err := mountinfo.Mounted(resolved)
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	if !is {
		return stale("nothing is mounted at %q, so what is there is not the source", path)
	}
	return nil
}

// mountPoint tells on which mount a path lies.
func mountPoint(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return "", fmt.Errorf("list mounts: %w", err)
	}
	best := ""
	for _, m := range mounts {
		if below(resolved, m.Mountpoint) && len(m.Mountpoint) >= len(best) {
			best = m.Mountpoint
		}
	}
	if best == resolved {
		return path, nil
	}
	return best, nil
}

// checkPaths proves that every path is the directory it should be and not empty, and
// gives the mount point of the first.
func checkPaths(a plan.Access) (string, error) {
	for _, path := range a.Paths {
		entries, err := firstName(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", stale("source: %q does not exist", path)
		case err != nil:
			return "", stale("source: %v", err)
		case entries == 0:
			return "", fmt.Errorf("source %q is empty, and an empty one is taken for one that is not there: its mirror stays as it was", path)
		}
	}
	first := a.Paths[0]
	mount, err := mountPoint(first)
	switch {
	case err != nil:
		return "", err
	case a.MountPoint != "" && mount != a.MountPoint:
		return "", stale("%q is on the file system mounted at %q, and was on that of %q when the plan was made: what is there now is not the source", first, mount, a.MountPoint)
	case a.RequireMount && a.MountPoint == "" && mount != first:
		return "", stale("nothing is mounted at %q, so what is there is not the source", first)
	}
	return mount, nil
}

func firstName(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	names, err := f.Readdirnames(1)
	if len(names) == 0 && err != nil && strings.Contains(err.Error(), "EOF") {
		err = nil
	}
	return len(names), err
}
