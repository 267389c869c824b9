package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
)

// place is where a copy lies or will lie, looked at again and found to be safe to
// write to.
type place struct {
	root      string // of the destination
	directory string // of the layer, relative to root
	path      string // of the copy, relative to root
	work      string // name below plan.WorkFolder that is the action's own
	// acceptLoss: a person knows that far less is there than before.
	acceptLoss bool
}

// full is the path of something that lies below the destination.
func (p place) full(rel string) string { return filepath.Join(p.root, rel) }

func (p place) workFolder() string { return filepath.Join(p.root, plan.WorkFolder, p.work) }

// newPlace checks the names of an action: a plan is a file that may come from
// anywhere.
func newPlace(a plan.Action) (place, error) {
	c := a.Copy
	switch {
	case a.Layer == "" || a.Volume == "":
		return place{}, errors.New("the action names no volume of a layer")
	case !filepath.IsAbs(c.Destination) || filepath.Clean(c.Destination) != c.Destination:
		return place{}, fmt.Errorf("destination %q is not an absolute path", c.Destination)
	case !safe(c.Directory):
		return place{}, fmt.Errorf("the layer's directory %q is no place below the destination", c.Directory)
	}
	for _, path := range []string{c.Path, c.Previous} {
		if path != "" && (!safe(filepath.Join(c.Directory, path)) || !safe(path) || path == ".") {
			return place{}, fmt.Errorf("version %q is no place below the layer's directory", path)
		}
	}
	return place{
		root: c.Destination, directory: c.Directory, path: filepath.Join(c.Directory, c.Path),
		work: plan.WorkName(a.Kind, a.Layer, a.Volume, a.Version), acceptLoss: c.AcceptLoss,
	}, nil
}

// safe says whether a path stays below the destination and out of what bkplan
// keeps there for itself.
func safe(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return filepath.IsLocal(path) && filepath.Clean(path) == path && first != plan.OwnFolder && !strings.ContainsRune(path, 0)
}

// checkDestination looks whether the disk is the one that it should be and can be
// written to.
func (p *Provider) checkDestination(ctx context.Context, c plan.CopyAction) (plan.FileSystem, error) {
	return providers.Within(ctx, p.limit, c.Destination, func() (plan.FileSystem, error) {
		if err := isDirectory(c.Destination); err != nil {
			return plan.FileSystem{}, stale("destination: %v", err)
		}
		system, err := fileSystem(c.Destination)
		switch {
		case err != nil:
			return plan.FileSystem{}, err
		case c.RequireMount && system.MountPoint != c.Destination:
			return plan.FileSystem{}, stale("nothing is mounted at %q, and nothing is written there until it is", c.Destination)
		case system.ReadOnly:
			return plan.FileSystem{}, fmt.Errorf("%q is mounted read-only; after an error of the disk the kernel does that by itself: look at `dmesg`", c.Destination)
		}
		return system, nil
	})
}

// checkSpace looks whether as much is free as must stay free.
func checkSpace(system plan.FileSystem, c plan.CopyAction) error {
	switch {
	case system.Free < c.MinFree:
		return stale("%q has %s free, and %s must stay free", c.Destination,
			quantity.Size(system.Free).Human(), quantity.Size(c.MinFree).Human())
	case system.Inodes > 0 && system.InodesFree == 0:
		return stale("%q has no inode free: it can take no further file", c.Destination)
	}
	return nil
}

// checkFolders looks that no part of the way to the copy is a link or a file, and
// that the layer's directory is on the destination's own file system.
func (p place) checkFolders() error {
	for _, path := range []string{plan.ReceiptFolder, plan.ManifestFolder, plan.WorkFolder, p.directory, filepath.Dir(p.path)} {
		f, err := folder.Open(p.root, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at the way to the copy: %w", err)
		}
		err = p.sameDevice(f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (p place) sameDevice(f *os.File) error {
	var root, here unix.Stat_t
	if err := unix.Stat(p.root, &root); err != nil {
		return &fs.PathError{Op: "stat", Path: p.root, Err: err}
	}
	if err := unix.Fstat(int(f.Fd()), &here); err != nil {
		return &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	if root.Dev != here.Dev {
		return fmt.Errorf("%q is another file system or subvolume than %q: make it a destination of its own", f.Name(), p.root)
	}
	return nil
}

// isFolder says whether a real folder lies at a path below the destination.
func (p place) isFolder(rel string) (bool, error) {
	f, err := folder.Open(p.root, rel)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}
