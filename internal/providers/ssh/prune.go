package ssh

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
)

// prune removes a version over there: first its receipt, which must never stand for
// what is not there, then by a move into the work folder what would be taken for a
// version after a crash.
func (p *Provider) prune(ctx context.Context, j job) (providers.Result, error) {
	if j.Copy.From == nil || j.Copy.From.Version == nil || j.Copy.Path == "" {
		return providers.Result{}, errors.New("the action names no version")
	}
	of := *j.Copy.From.Version
	if of.Path != j.path || of.Layer == "" || of.Volume == "" || of.Version == "" {
		return providers.Result{}, fmt.Errorf("the receipt of version %q is not told", j.path)
	}
	if j.previous == "" {
		return providers.Result{}, errors.New("the action names no version that stays, and the last one of a volume is never pruned")
	}
	at, manifest := receipt.File(of.Layer, of.Version, of.Volume), receipt.ManifestFile(of.Layer, of.Version, of.Volume)
	v, err := j.look(ctx, question{
		folders: []string{plan.ReceiptFolder, plan.ManifestFolder, j.workFolder(), j.directory, filepath.Dir(j.path), filepath.Dir(at), filepath.Dir(manifest)},
		kinds:   []string{j.path, j.previous}, layer: of.Layer, volume: of.Volume,
	})
	if err != nil {
		return providers.Result{}, err
	}
	if err := j.checkKeeper(v); err != nil {
		return providers.Result{}, err
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := j.ask(ctx, sealLimit, pruneScript, j.base, []string{j.rel, j.work, j.path, at, manifest, j.directory}, nil); err != nil {
		return providers.Result{}, err
	}
	p.reached("moved")
	if err := j.clearWork(ctx); err != nil {
		return providers.Result{}, fmt.Errorf("remove version %q, which is in the work folder already: %w", j.path, err)
	}
	return providers.Result{Already: v.kinds[j.path] == isMissing}, nil
}

// checkKeeper looks that the version which stays is there and has a receipt, is a
// newer one, and does not look wrong beside the others.
func (j job) checkKeeper(v view) error {
	if below(j.previous, j.path) || below(j.path, j.previous) {
		return stale("version %q is the newest complete one of its volume", j.path)
	}
	if v.kinds[j.previous] != isFolder {
		return stale("%s: version %q, which was to stay, is gone", j.host(), j.previous)
	}
	if k := v.kinds[j.path]; k != isFolder && k != isMissing {
		return stale("%s: %q is no folder, or a link", j.host(), j.path)
	}
	i := slices.IndexFunc(v.receipts, func(r plan.Receipt) bool { return r.Path == j.previous })
	if i < 0 {
		return stale("%s: version %q, which was to stay, has no receipt", j.host(), j.previous)
	}
	keeper := v.receipts[i]
	for _, r := range v.receipts {
		switch {
		case r.Path == j.path && r.Source.Taken.After(keeper.Source.Taken):
			return stale("version %q is newer than %q, which was to stay", j.path, j.previous)
		case !j.Copy.AcceptLoss && plan.FarSmaller(keeper.Files, keeper.Bytes, r):
			return fmt.Errorf("version %q has %s and %q had %s: nothing is pruned while the newest looks wrong; if so much is meant to be gone, acknowledge the layer %q",
				j.previous, count(keeper.Files, "file"), r.Path, count(r.Files, "file"), j.Layer)
		}
	}
	return nil
}

// clean removes what a run left in the work folder, but for a version that a relink
// has taken from its place: that goes back.
func (p *Provider) clean(ctx context.Context, j job) (providers.Result, error) {
	if err := j.recover(ctx); err != nil {
		return providers.Result{}, err
	}
	v, err := j.look(ctx, question{folders: []string{plan.WorkFolder}, kinds: []string{j.workFolder()}})
	if err != nil {
		return providers.Result{}, err
	}
	if v.kinds[j.workFolder()] == isMissing {
		return providers.Result{Already: true}, nil
	}
	if err := j.clearWork(ctx); err != nil {
		return providers.Result{}, fmt.Errorf("remove what a killed run left: %w", err)
	}
	return providers.Result{}, nil
}
