package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

var _ providers.Verifier = (*Provider)(nil)

// Verify compares a version with its manifest, and the manifest with the receipt.
// With data the Producer looks at it too, when it can.
func (p *Provider) Verify(ctx context.Context, h plan.HeldVersion, data bool) ([]string, error) {
	if err := checkHeld(h); err != nil {
		return nil, err
	}
	at := place{root: h.Destination, path: h.Path}
	if there, err := at.isFolder(h.Path); err != nil || !there {
		return []string{"the version is not there"}, err
	}
	findings, err := p.compare(ctx, h, data)
	if err != nil || !data {
		return findings, err
	}
	inspector, ok := p.Producer.(providers.Inspector)
	if !ok {
		return findings, nil
	}
	more, err := inspector.Inspect(ctx, at.full(h.Path))
	return append(findings, more...), err
}

// compare holds what is there against the manifest. A manifest that is gone or
// damaged is a finding: nothing can be proven without it.
func (p *Provider) compare(ctx context.Context, h plan.HeldVersion, data bool) ([]string, error) {
	v := version{place: place{root: h.Destination}, proof: h.Receipt}
	manifest, err := v.openManifest()
	if errors.Is(err, fs.ErrNotExist) {
		return []string{"its manifest is missing"}, nil
	}
	if err != nil {
		return nil, err
	}
	defer manifest.Close()
	return tree.Verify(ctx, filepath.Join(h.Destination, h.Path), h.Receipt.Digest, manifest, tree.CheckOptions{Data: data, Hashes: &p.hashes})
}

// Adopt walks a version that an older script made, and gives it a manifest and a
// receipt. That it was whole when it was made nobody can say any more.
func (p *Provider) Adopt(ctx context.Context, h plan.HeldVersion, now time.Time) (plan.Receipt, error) {
	if err := checkHeld(h); err != nil {
		return plan.Receipt{}, err
	}
	v := version{started: now, action: plan.Action{Layer: h.Layer, Volume: h.Volume, Version: h.Version, Copy: &plan.CopyAction{}}}
	v.place = place{root: h.Destination, path: h.Path, work: plan.WorkName("adopt", h.Layer, h.Volume, h.Version)}
	if there, err := v.isFolder(h.Path); err != nil || !there {
		return plan.Receipt{}, errors.Join(err, fmt.Errorf("version %q is no folder", h.Path))
	}
	if err := p.newWork(ctx, v.place); err != nil {
		return plan.Receipt{}, err
	}
	defer func() { _ = os.RemoveAll(v.workFolder()) }() // what stays is shown by the next plan
	totals, err := v.writeDown(ctx, v.full(h.Path), tree.Previous{})
	if err != nil {
		return plan.Receipt{}, err
	}
	if err := v.placeManifest(); err != nil {
		return plan.Receipt{}, err
	}
	r := v.receipt(plan.ReceiptSource{Taken: h.Time}, providers.Produced{}, totals)
	r.Slot, r.Started, r.Ended, r.Adopted = h.Time, now, now, true
	return r, receipt.Write(v.root, r)
}

// checkHeld looks at names that may come from anywhere.
func checkHeld(h plan.HeldVersion) error {
	if !filepath.IsAbs(h.Destination) || !safe(h.Path) || h.Layer == "" || h.Volume == "" {
		return fmt.Errorf("%q is no version at %q", h.Path, h.Destination)
	}
	return nil
}
