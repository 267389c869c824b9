package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bkplan/bkplan/internal/folder"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// writeManifest writes down what was built. Contents of files that are links to
// the version before are taken from its manifest; where that is damaged, they are
// read.
func (v version) writeManifest(ctx context.Context) (tree.Totals, error) {
	var before tree.Previous
	if v.previous != "" {
		before.Root = v.full(v.previous)
	}
	if manifest, err := v.openManifest(); err == nil {
		defer manifest.Close()
		before.Manifest, before.Digest = bufio.NewReader(manifest), v.proof.Digest
	}
	totals, err := v.writeDown(ctx, v.built(), before)
	if errors.Is(err, tree.ErrManifest) {
		before.Manifest, before.Digest = nil, ""
		totals, err = v.writeDown(ctx, v.built(), before)
	}
	return totals, err
}

func (v version) writeDown(ctx context.Context, root string, before tree.Previous) (tree.Totals, error) {
	file, err := os.OpenFile(v.manifest(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return tree.Totals{}, fmt.Errorf("make manifest: %w", err)
	}
	totals, err := tree.WriteManifest(ctx, root, before, file)
	return totals, errors.Join(err, file.Sync(), file.Close())
}

// openManifest opens the manifest of the version before.
func (v version) openManifest() (*os.File, error) {
	if v.proof == nil {
		return nil, os.ErrNotExist
	}
	file := receipt.ManifestFile(v.proof.Layer, v.proof.Version, v.proof.Volume)
	in, err := folder.Open(v.root, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return folder.OpenFile(in, filepath.Base(file))
}

// linkPrevious builds a version that is the one before, file by file.
func (p *Provider) linkPrevious(ctx context.Context, v version) error {
	if err := p.newWork(ctx, v.place); err != nil {
		return err
	}
	if err := os.Mkdir(v.built(), 0o755); err != nil {
		return err
	}
	if err := tree.Link(ctx, v.full(v.previous), v.built()); err != nil {
		return fmt.Errorf("link version: %w", err)
	}
	file := receipt.ManifestFile(v.proof.Layer, v.proof.Version, v.proof.Volume)
	if err := os.Link(v.full(file), v.manifest()); err != nil {
		return fmt.Errorf("link manifest: %w", err)
	}
	return nil
}
