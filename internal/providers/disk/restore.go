package disk

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/providers"
	"github.com/bkplan/bkplan/internal/rsync"
	"github.com/bkplan/bkplan/internal/tree"
)

var _ providers.Restorer = (*Provider)(nil)

// Restore copies a version with all that rsync keeps. What cannot be read is a finding,
// and the rest is restored.
func (p *Provider) Restore(ctx context.Context, h plan.HeldVersion, into string) (providers.Restored, error) {
	if err := checkHeld(h); err != nil {
		return providers.Restored{}, err
	}
	at := place{root: h.Destination, path: h.Path}
	switch there, err := at.isFolder(h.Path); {
	case err != nil:
		return providers.Restored{}, err
	case !there:
		return providers.Restored{}, stale("version %q is gone", at.full(h.Path))
	}
	argv := append([]string{"rsync"}, rsync.Archive(nil)...)
	argv = append(argv, "--", at.full(h.Path)+"/", filepath.Clean(into)+"/")
	_, err := p.mirror.copy(ctx, argv, false)
	uncopied := rsync.Uncopied(err)
	if err != nil && uncopied == nil {
		return providers.Restored{}, err
	}
	v := version{place: place{root: h.Destination}, proof: h.Receipt}
	manifest, err := v.openManifest()
	if errors.Is(err, fs.ErrNotExist) {
		return providers.Restored{Unproven: true, Findings: uncopied}, nil
	}
	if err != nil {
		return providers.Restored{}, err
	}
	defer manifest.Close()
	findings, err := tree.Verify(ctx, into, h.Receipt.Digest, manifest, tree.CheckOptions{Data: true})
	return providers.Restored{Findings: append(uncopied, findings...)}, err
}
