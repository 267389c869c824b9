package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/quantity"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// finish makes a version of a folder that is filled. When ctx ends while the
// manifest is written, nothing has happened yet; from then on the version is
// brought to its end.
func (p *Provider) finish(ctx context.Context, v version, source plan.ReceiptSource, produced providers.Produced) (providers.Result, error) {
	p.reached("filled")
	totals, err := v.writeManifest(ctx)
	if err != nil {
		return providers.Result{}, explain(err, v.root, keptVersion)
	}
	r := v.receipt(source, produced, totals)
	if err := v.checkLoss(r); err != nil {
		return providers.Result{}, err
	}
	result := resultOf(r, produced)
	r.NewBytes = v.newBytes(r)
	return result, p.seal(context.WithoutCancel(ctx), v, r)
}

func (v version) receipt(source plan.ReceiptSource, produced providers.Produced, totals tree.Totals) plan.Receipt {
	return plan.Receipt{
		Layer: v.action.Layer, Volume: v.action.Volume, Version: v.action.Version, Path: v.path,
		Slot: v.action.Copy.Slot, Started: v.started, Source: source,
		Files: totals.Files, Bytes: totals.Bytes, NewBytes: totals.NewBytes, Directories: totals.Directories, Digest: totals.Digest,
		Exclude: v.action.Copy.Exclude, Tools: produced.Tools, Notes: slices.Concat(produced.Limits, produced.Notes),
	}
}

// newBytes are what was new in the version when it was linked to another one. Where it
// is brought up to date, what is new now comes on top.
func (v version) newBytes(r plan.Receipt) int64 {
	if v.path != v.previous || v.proof == nil {
		return r.NewBytes
	}
	return max(0, v.proof.NewBytes) + r.NewBytes
}

// resultOf says how much was copied, and what was noted of it.
func resultOf(r plan.Receipt, produced providers.Produced) providers.Result {
	text := fmt.Sprintf("%s, %s new", count(r.Files, "file"), quantity.Size(r.NewBytes).Human())
	if len(produced.Notes) > 0 {
		text += "; " + produced.Notes[0]
	}
	if more := len(produced.Notes) - 1; more > 0 {
		text += "; the receipt has " + count(int64(more), "more note")
	}
	return providers.Result{Detail: text}
}

// seal gives the folder its name, and writes the receipt.
func (p *Provider) seal(ctx context.Context, v version, r plan.Receipt) error {
	if err := tree.Sync(v.root); err != nil {
		return explain(fmt.Errorf("sync version: %w", err), v.root, keptVersion)
	}
	p.reached("synced")
	if kept, err := p.name(v); err != nil {
		return explain(err, v.root, kept)
	}
	if err := v.placeManifest(); err != nil {
		return explain(err, v.root, keptUnproven)
	}
	p.reached("named")
	r.Ended = p.Now()
	if err := receipt.Write(v.root, r); err != nil {
		return explain(err, v.root, keptUnproven)
	}
	p.reached("proven")
	return nil
}

// checkLoss holds up a refresh that is far smaller than any version of the volume
// that there is. A new version may be as small as it likes: planning keeps the
// old ones while the newest looks wrong.
func (v version) checkLoss(r plan.Receipt) error {
	if v.action.Kind != plan.Refresh {
		return nil
	}
	before, err := v.farLarger(r)
	if before == nil || err != nil {
		return err
	}
	return fmt.Errorf("the source has %s with %s now, and had %s with %s: %q stays as it was; if so much is meant to be gone, acknowledge the layer %q",
		count(r.Files, "file"), quantity.Size(r.Bytes).Human(), count(before.Files, "file"), quantity.Size(before.Bytes).Human(), v.path, v.action.Layer)
}

// farLarger finds a version of the action's volume beside which another one looks
// wrong, unless a person has acknowledged that.
func (p place) farLarger(r plan.Receipt) (*plan.Receipt, error) {
	if p.acceptLoss {
		return nil, nil
	}
	receipts, err := receipt.Of(p.root, r.Layer, r.Volume)
	if err != nil {
		return nil, err
	}
	for _, before := range receipts {
		if plan.FarSmaller(r.Files, r.Bytes, before) {
			return &before, nil
		}
	}
	return nil, nil
}

// name puts the folder in its place, and with an error it says what is there.
func (p *Provider) name(v version) (kept string, err error) {
	p.shared.Lock()
	defer p.shared.Unlock()
	if err := folder.Make(v.root, filepath.Dir(v.path), 0o755); err != nil {
		return keptVersion, fmt.Errorf("make folder of the version: %w", err)
	}
	if v.action.Kind != plan.Create {
		return p.replace(v)
	}
	err = tree.RenameNew(v.built(), v.full(v.path))
	if errors.Is(err, os.ErrExist) {
		return keptVersion, stale("version %q is there already", v.path)
	}
	if err != nil {
		return keptVersion, err
	}
	return keptUnproven, tree.SyncFolder(filepath.Dir(v.full(v.path)))
}

// replace puts the folder in the place of a version. That one loses its receipt first,
// so that a receipt never stands for another version than its own, and has it back where
// it stays.
func (p *Provider) replace(v version) (kept string, err error) {
	a := v.action
	before, unread := receipt.Read(v.root, a.Layer, a.Version, a.Volume)
	if err := receipt.Remove(v.root, a.Layer, a.Version, a.Volume); err != nil {
		return keptVersion, err
	}
	p.reached("unproven")
	exchanged, err := exchange(v.built(), v.full(v.path))
	if exchanged {
		p.reached("exchanged")
		return keptUnproven, errors.Join(err, tree.SyncFolder(filepath.Dir(v.full(v.path))))
	}
	if errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf("destination %q lies on a file system that cannot exchange two folders, so that no version there can be brought up to date: use ext4, XFS or btrfs, or a `version` in layer %q by which each slot has one of its own: %w",
			v.root, a.Layer, err)
	}
	if unread != nil { // there was none
		return keptVersion, err
	}
	if lost := receipt.Write(v.root, before); lost != nil {
		return keptUnproven, errors.Join(err, lost)
	}
	return keptVersion, err
}

// exchange swaps two folders, and says whether it did. XFS takes that for a change of
// both, so the new one gets its time back.
func exchange(built, version string) (bool, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(built, &stat); err != nil {
		return false, &os.PathError{Op: "stat", Path: built, Err: err}
	}
	if err := tree.Exchange(built, version); err != nil {
		return false, err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, stat.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, version, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return true, &os.PathError{Op: "set the time of", Path: version, Err: err}
	}
	return true, nil
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
	keptVersion  = "nothing of this version is kept, and what was there stays as it was"
	keptUnproven = "a whole version is in its place and has no receipt, so that the next run makes it again"
	keptMirror   = "the mirror is between two states, and its receipt stands for the one before"
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
