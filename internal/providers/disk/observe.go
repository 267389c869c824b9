package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// Observer looks at the directories of sources, and at disks that hold copies. It
// runs no program and carries nothing out.
type Observer struct{ limit time.Duration }

// NewObserver makes an Observer.
func NewObserver(p Patience) *Observer { return &Observer{limit: p.look()} }

// Info says that one look is had at a time and no program is run.
func (o *Observer) Info() providers.Info { return providers.Info{} }

// Do carries out nothing.
func (o *Observer) Do(_ context.Context, action plan.Action) (providers.Result, error) {
	return providers.Result{}, unsupported(action)
}

func unsupported(a plan.Action) error {
	return fmt.Errorf("%s %s: %w", a.Kind, a.Address(), providers.ErrUnsupported)
}

// Observe looks at the trees of a source, or at the disk of a destination. What
// lies in a tree is listed and not walked.
func (o *Observer) Observe(ctx context.Context, target providers.Target) (providers.Part, error) {
	source := target.Source
	switch {
	case source.Kind == plan.SourceDirectory && source.Directory != nil:
		return o.trees(ctx, source.Directory.Path)
	case source.Kind == plan.SourcePaths:
		return o.trees(ctx, source.Paths...)
	case target.Destination.Kind == plan.DestinationDisk:
		path := target.Destination.Path
		disk, err := providers.Within(ctx, o.limit, path, func() (plan.Disk, error) { return lookAtDisk(path, target.Folders) })
		if err != nil {
			return providers.Part{}, err
		}
		return providers.Part{Disks: []plan.Disk{disk}}, nil
	}
	return providers.Part{}, fmt.Errorf("observe this source or destination: %w", providers.ErrUnsupported)
}

func (o *Observer) trees(ctx context.Context, paths ...string) (providers.Part, error) {
	var part providers.Part
	for _, path := range paths {
		tree, err := providers.Within(ctx, o.limit, path, func() (plan.Tree, error) { return lookAtTree(path) })
		if err != nil {
			return providers.Part{}, err
		}
		part.Trees = append(part.Trees, tree)
	}
	return part, nil
}

func lookAtTree(path string) (plan.Tree, error) {
	if err := isDirectory(path); err != nil {
		return plan.Tree{}, err
	}
	system, err := fileSystem(path)
	if err != nil {
		return plan.Tree{}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return plan.Tree{}, err
	}
	tree := plan.Tree{Path: path, FileSystem: system}
	for _, e := range entries {
		name, odd := shown(e.Name())
		tree.Children = append(tree.Children, plan.Child{Name: name, Type: entryType(e), Odd: odd})
	}
	return tree, nil
}

// isDirectory says what is wrong with a path that should be a directory.
func isDirectory(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%q does not exist", path)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%q is not a directory", path)
	}
	return nil
}

// shown makes a name valid UTF-8, and says whether it had to.
func shown(name string) (string, bool) {
	if utf8.ValidString(name) {
		return name, false
	}
	return strings.ToValidUTF8(name, "\uFFFD"), true
}

func entryType(e fs.DirEntry) plan.EntryType {
	switch {
	case e.IsDir():
		return plan.EntryFolder
	case e.Type().IsRegular():
		return plan.EntryFile
	case e.Type()&fs.ModeSymlink != 0:
		return plan.EntryLink
	}
	return plan.EntryOther
}

func lookAtDisk(path string, folders []plan.Folder) (plan.Disk, error) {
	if err := isDirectory(path); err != nil {
		return plan.Disk{}, err
	}
	system, err := fileSystem(path)
	if err != nil {
		return plan.Disk{}, err
	}
	disk := plan.Disk{Path: path, FileSystem: system}
	if disk.Receipts, disk.Bad, err = receipt.ReadAll(path); err != nil {
		return plan.Disk{}, err
	}
	if disk.Unfinished, err = unfinished(path); err != nil {
		return plan.Disk{}, err
	}
	for _, f := range folders {
		if f.Entries, err = listFolder(path, f); err != nil {
			return plan.Disk{}, err
		}
		disk.Folders = append(disk.Folders, f)
	}
	return disk, nil
}

func unfinished(root string) ([]string, error) {
	work, err := folder.Open(root, plan.WorkFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer work.Close()
	entries, err := os.ReadDir(work.Name())
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// listFolder lists a layer's directory down to its depth. A directory that is no
// directory is its only entry, ".".
func listFolder(root string, f plan.Folder) ([]plan.Entry, error) {
	top, err := folder.Open(root, f.Directory)
	var not *folder.NotFolderError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &not) && not.Link:
		return []plan.Entry{{Path: ".", Type: plan.EntryLink}}, nil
	case errors.As(err, &not):
		return []plan.Entry{{Path: ".", Type: plan.EntryFile}}, nil
	case err != nil:
		return nil, err
	}
	defer top.Close()
	if f.Depth == 0 {
		return nil, nil // the directory is the copy itself
	}
	return list(top, "", f.Depth)
}

// list gives what lies at a depth below a folder, and whatever above that is no
// directory. What bkplan keeps for itself is neither.
func list(in *os.File, at string, depth int) ([]plan.Entry, error) {
	entries, err := in.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var found []plan.Entry
	for _, e := range entries {
		name := filepath.Join(at, e.Name())
		if name == plan.OwnFolder {
			continue
		}
		path, odd := shown(name)
		switch {
		case depth == 1 || !e.IsDir() || odd:
			found = append(found, plan.Entry{Path: path, Type: entryType(e), Odd: odd})
		default:
			deeper, err := enter(in, e.Name(), name, depth-1)
			if err != nil {
				return nil, err
			}
			found = append(found, deeper...)
		}
	}
	return found, nil
}

// enter lists what lies in a folder; one that has gone since holds nothing.
func enter(in *os.File, name, at string, depth int) ([]plan.Entry, error) {
	f, err := folder.Enter(in, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return list(f, at, depth)
}
