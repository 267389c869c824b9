package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// prune removes a version: first its receipt, which must never stand for what is
// not there, then by a move into the work folder what would be taken for a version
// after a crash.
func (p *Provider) prune(ctx context.Context, a plan.Action) (providers.Result, error) {
	at, err := newPlace(a)
	if err != nil {
		return providers.Result{}, err
	}
	if a.Copy.Path == "" || a.Version == "" {
		return providers.Result{}, errors.New("the action names no version")
	}
	if _, err := p.checkDestination(ctx, *a.Copy); err != nil {
		return providers.Result{}, err
	}
	if err := at.checkFolders(); err != nil {
		return providers.Result{}, err
	}
	if err := at.checkKeeper(a); err != nil {
		return providers.Result{}, err
	}
	there, err := at.isFolder(at.path)
	if err != nil {
		return providers.Result{}, stale("version to prune: %v", err)
	}
	ctx = context.WithoutCancel(ctx)
	if err := receipt.Remove(at.root, a.Layer, a.Version, a.Volume); err != nil {
		return providers.Result{}, err
	}
	p.reached("unproven")
	if there {
		if err := p.moveAway(ctx, at, a); err != nil {
			return providers.Result{}, err
		}
	}
	if err := receipt.RemoveManifest(at.root, a.Layer, a.Version, a.Volume); err != nil {
		return providers.Result{}, err
	}
	receipt.Tidy(at.root, a.Layer, a.Version)
	p.reached("forgotten")
	if err := tree.Remove(ctx, at.workFolder()); err != nil {
		return providers.Result{}, fmt.Errorf("remove version %q, which is in the work folder already: %w", at.path, err)
	}
	return providers.Result{Already: !there}, nil
}

// checkKeeper looks that the version which stays is there, is another one, and
// does not look wrong beside those before it: it may have been made by this run.
func (p place) checkKeeper(a plan.Action) error {
	c := a.Copy
	if c.Previous == "" {
		return errors.New("the action names no version that stays, and the last one of a volume is never pruned")
	}
	keeper := filepath.Join(p.directory, c.Previous)
	if below(keeper, p.path) || below(p.path, keeper) {
		return stale("version %q is the newest complete one of its volume", p.path)
	}
	there, err := p.isFolder(keeper)
	if err != nil {
		return stale("the version that stays: %v", err)
	}
	if !there {
		return stale("version %q, which was to stay, is gone", keeper)
	}
	receipts, err := receipt.Of(p.root, a.Layer, a.Volume)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(receipts, func(r plan.Receipt) bool { return r.Path == keeper })
	if i < 0 {
		return nil
	}
	before, err := p.farLarger(receipts[i])
	if before == nil || err != nil {
		return err
	}
	return fmt.Errorf("version %q has %s and %q had %s: nothing is pruned while the newest looks wrong; if so much is meant to be gone, acknowledge the layer %q",
		keeper, count(receipts[i].Files, "file"), before.Path, count(before.Files, "file"), a.Layer)
}

// moveAway renames a version into the work folder, and removes folders that it
// leaves empty. On a disk that is full to the last block it gives up the
// version's manifest for the room that this takes.
func (p *Provider) moveAway(ctx context.Context, at place, a plan.Action) error {
	err := p.rename(ctx, at)
	if errors.Is(err, unix.ENOSPC) {
		if err := receipt.RemoveManifest(at.root, a.Layer, a.Version, a.Volume); err != nil {
			return err
		}
		err = p.rename(ctx, at)
	}
	if err != nil {
		return fmt.Errorf("move version %q away: %w", at.path, err)
	}
	p.reached("moved")
	return errors.Join(tree.SyncFolder(filepath.Dir(at.workFolder())), p.removeEmpty(at))
}

func (p *Provider) rename(ctx context.Context, at place) error {
	p.shared.Lock()
	defer p.shared.Unlock()
	if err := folder.Make(at.root, plan.WorkFolder, 0o700); err != nil {
		return err
	}
	if err := tree.Remove(ctx, at.workFolder()); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	if err := tree.RenameNew(at.full(at.path), at.workFolder()); err != nil {
		return err
	}
	return tree.SyncFolder(filepath.Dir(at.full(at.path)))
}

// removeEmpty removes the folders above a version, up to the layer's directory, as
// long as nothing is in them.
func (p *Provider) removeEmpty(at place) error {
	p.shared.Lock()
	defer p.shared.Unlock()
	for rel := filepath.Dir(at.path); rel != at.directory && rel != "."; rel = filepath.Dir(rel) {
		parent, err := folder.Open(at.root, filepath.Dir(rel))
		if err != nil {
			return err
		}
		err = unix.Unlinkat(int(parent.Fd()), filepath.Base(rel), unix.AT_REMOVEDIR)
		parent.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil // something is in it
		}
	}
	return nil
}

// clean removes one thing that a killed run left: a folder in the work folder, or
// what is open on this machine.
func (p *Provider) clean(ctx context.Context, a plan.Action) (providers.Result, error) {
	c := a.Copy
	if c.Leftover != nil {
		if p.Opener == nil {
			return providers.Result{}, unsupported(a)
		}
		return providers.Result{}, p.Opener.Clean(context.WithoutCancel(ctx), *c.Leftover)
	}
	name := c.Unfinished
	if !filepath.IsAbs(c.Destination) || name == "" || name == "." || name == ".." || filepath.Base(name) != name {
		return providers.Result{}, fmt.Errorf("%q is no name in the work folder of %q", name, c.Destination)
	}
	if _, err := p.checkDestination(ctx, *c); err != nil {
		return providers.Result{}, err
	}
	work, err := folder.Open(c.Destination, plan.WorkFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return providers.Result{Already: true}, nil
	}
	if err != nil {
		return providers.Result{}, err
	}
	defer work.Close()
	path := filepath.Join(work.Name(), name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return providers.Result{Already: true}, nil
	}
	if err := tree.Remove(context.WithoutCancel(ctx), path); err != nil {
		return providers.Result{}, fmt.Errorf("remove what a killed run left: %w", err)
	}
	return providers.Result{}, nil
}
