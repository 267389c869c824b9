package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// finish makes a version of a folder that is filled. Its context must not end: a
// version that is as far as this is brought to its end.
func (p *Provider) finish(ctx context.Context, v version, source plan.ReceiptSource, produced providers.Produced) (plan.Receipt, error) {
	p.reached("filled")
	totals, err := v.writeManifest(ctx)
	if err != nil {
		return plan.Receipt{}, explain(err, v.root, keptVersion)
	}
	r := v.receipt(source, produced, totals)
	if err := v.checkLoss(r); err != nil {
		return r, err
	}
	return p.seal(ctx, v, r)
}

func (v version) receipt(source plan.ReceiptSource, produced providers.Produced, totals tree.Totals) plan.Receipt {
	return plan.Receipt{
		Layer: v.action.Layer, Volume: v.action.Volume, Version: v.action.Version, Path: v.path,
		Slot: v.action.Copy.Slot, Started: v.started, Source: source,
		Files: totals.Files, Bytes: totals.Bytes, NewBytes: totals.NewBytes, Directories: totals.Directories, Digest: totals.Digest,
		Exclude: v.action.Copy.Exclude, Tools: produced.Tools, Notes: produced.Notes,
	}
}

// seal gives the folder its name, and writes the receipt.
func (p *Provider) seal(ctx context.Context, v version, r plan.Receipt) (plan.Receipt, error) {
	if err := tree.Sync(v.root); err != nil {
		return r, explain(fmt.Errorf("sync version: %w", err), v.root, keptVersion)
	}
	p.reached("synced")
	if err := p.name(v); err != nil {
		return r, explain(err, v.root, keptVersion)
	}
	if err := v.placeManifest(); err != nil {
		return r, explain(err, v.root, keptVersion)
	}
	p.reached("named")
	r.Ended = p.Now()
	if err := receipt.Write(v.root, r); err != nil {
		return r, explain(err, v.root, keptVersion)
	}
	p.reached("proven")
	return r, nil
}

// Far less is less than a share of what was there, where that was not next to
// nothing.
const (
	farLess      = 10 // times
	lossMinFiles = 10
)

// checkLoss holds up a refresh that has far less than the version it would
// replace. A new version may have as little as it likes: planning keeps the old
// ones while the newest looks wrong.
func (v version) checkLoss(r plan.Receipt) error {
	before := v.proof
	if before == nil || v.action.Kind != plan.Refresh || v.action.Copy.AcceptLoss || before.Files < lossMinFiles {
		return nil
	}
	if r.Files*farLess >= before.Files && r.Bytes*farLess >= before.Bytes {
		return nil
	}
	return fmt.Errorf("the source has %s with %s now, and had %s with %s: %q stays as it was; if so much is meant to be gone, acknowledge the layer %q",
		count(r.Files, "file"), quantity.Size(r.Bytes).Human(), count(before.Files, "file"), quantity.Size(before.Bytes).Human(), v.path, v.action.Layer)
}

// name puts the folder in its place. A version that is replaced loses its receipt
// first, so that a receipt never stands for another version than its own.
func (p *Provider) name(v version) error {
	p.tree.Lock()
	defer p.tree.Unlock()
	if err := folder.Make(v.root, filepath.Dir(v.path), 0o755); err != nil {
		return fmt.Errorf("make folder of the version: %w", err)
	}
	if v.action.Kind == plan.Create {
		err := tree.RenameNew(v.built(), v.full(v.path))
		if errors.Is(err, os.ErrExist) {
			return stale("version %q is there already", v.path)
		}
		if err != nil {
			return err
		}
		return tree.SyncFolder(filepath.Dir(v.full(v.path)))
	}
	if err := receipt.Remove(v.root, v.action.Layer, v.action.Version, v.action.Volume); err != nil {
		return err
	}
	p.reached("unproven")
	if err := exchange(v.built(), v.full(v.path)); err != nil {
		return err
	}
	p.reached("exchanged")
	return tree.SyncFolder(filepath.Dir(v.full(v.path)))
}

// exchange swaps two folders. XFS takes that for a change of both, so the new one
// gets its time back.
func exchange(built, version string) error {
	var stat unix.Stat_t
	if err := unix.Lstat(built, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: built, Err: err}
	}
	if err := tree.Exchange(built, version); err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, stat.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, version, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "set the time of", Path: version, Err: err}
	}
	return nil
}

func (v version) placeManifest() error {
	to := receipt.ManifestFile(v.action.Layer, v.action.Version, v.action.Volume)
	if err := folder.Make(v.root, filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("make folder of the manifest: %w", err)
	}
	if err := os.Rename(v.manifest(), v.full(to)); err != nil {
		return fmt.Errorf("name manifest: %w", err)
	}
	return tree.SyncFolder(filepath.Dir(v.full(to)))
}

// What is there after a failure.
const (
	keptVersion = "nothing of this version is kept, and what was there stays as it was"
	keptMirror  = "the mirror is between two states, and its receipt stands for the one before"
)

// explain says it plainly when a disk is full or fails, and what is there now.
func explain(err error, root, kept string) error {
	switch {
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("destination %q is full: %s; prune, or make room: %w", root, kept, err)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("destination %q has become read-only, as the kernel makes it after an error of the disk: %s; look at `dmesg`: %w", root, kept, err)
	}
	return err
}
