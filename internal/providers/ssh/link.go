package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/plan"
	"github.com/bkplan/bkplan/internal/receipt"
	"github.com/bkplan/bkplan/internal/tree"
)

// linkTo are the options that make unchanged files links to the previous version
// over there, and to the one that is replaced.
//
// rsync takes a file for unchanged by its size and time. Where the manifests of two
// versions show that this would be wrong, or where there is none to look into, it
// compares contents instead.
func (v version) linkTo(ctx context.Context) (words, notes []string, err error) {
	var bases []string
	if v.previous != "" && v.seen.kinds[v.previous] == isFolder {
		bases = append(bases, v.previous)
	}
	replaced := v.Kind == plan.Refresh && v.previous != v.path && v.seen.kinds[v.path] == isFolder
	if replaced {
		bases = append(bases, v.path)
	}
	if replaced && v.seen.receipt(v.from.Layer, v.from.Version, v.from.Volume) == nil {
		return append(v.links(bases), "--checksum"), []string{"contents were compared: what was there had no receipt"}, nil
	}
	alike := int64(0)
	for _, base := range bases {
		c, err := v.compareWith(ctx, base)
		switch {
		case errors.Is(err, errNoManifest):
			return append(v.links(bases), "--checksum"), []string{"contents were compared: a version has no manifest to look into"}, nil
		case errors.Is(err, tree.ErrManifest):
			return append(v.links(bases), "--checksum"), []string{"contents were compared: a manifest is damaged"}, nil
		case err != nil:
			return nil, nil, err
		case c.misled:
			notes = append(notes, "not linked to the version before, in which a link lies where this one has a folder")
			continue
		}
		words, alike = append(words, v.links([]string{base})...), alike+c.alike
	}
	if alike > 0 {
		return append(words, "--checksum"), append(notes, fmt.Sprintf("contents were compared: %s changed without a new size or time", count(alike, "file"))), nil
	}
	return words, notes, nil
}

func (v version) links(bases []string) []string {
	var words []string
	for _, base := range bases {
		words = append(words, "--link-dest="+filepath.Join(v.root(), base))
	}
	return words
}

var errNoManifest = errors.New("there is no manifest")

// compareWith holds the manifest of a version over there against that of the one that is
// sent.
func (v version) compareWith(ctx context.Context, base string) (comparison, error) {
	before, err := v.manifestOf(ctx, base)
	if err != nil {
		return comparison{}, err
	}
	now := v.from.manifest()
	if before == nil || now == "" {
		return comparison{}, errNoManifest
	}
	file, err := os.Open(now)
	if err != nil {
		return comparison{}, err
	}
	defer file.Close()
	return compare(bytes.NewReader(before), file, v.precision())
}

// precision is how exactly rsync over there compares times.
func (v version) precision() time.Duration {
	if v.seen.rsync.Before(3, 1, 3) {
		return time.Second
	}
	return time.Nanosecond
}

// manifestOf is the manifest of a version over there, from this disk where it is the
// same; nil where there is none.
func (v version) manifestOf(ctx context.Context, base string) ([]byte, error) {
	i := slices.IndexFunc(v.seen.receipts, func(r plan.Receipt) bool { return r.Path == base })
	if i < 0 {
		return nil, nil
	}
	r := v.seen.receipts[i]
	here := local{VersionAccess: plan.VersionAccess{Root: v.from.Root, Layer: r.Layer, Volume: r.Volume, Version: r.Version, Path: r.Path, Digest: r.Digest}}
	if here.readReceipt() == nil {
		if path := here.manifest(); path != "" {
			return os.ReadFile(path)
		}
	}
	a, err := v.ask(ctx, sealLimit, fetchScript, v.base, []string{v.rel, receipt.ManifestFile(r.Layer, r.Version, r.Volume)}, nil)
	if err != nil || a.get(archiveFact) != "1" || digestOf(a.archive) != r.Digest {
		return nil, err
	}
	return a.archive, nil
}

// digestOf reads a manifest through; empty when it is none.
func digestOf(manifest []byte) string {
	r, err := tree.NewReader(bytes.NewReader(manifest))
	for err == nil {
		_, err = r.Next()
	}
	if r == nil || !errors.Is(err, io.EOF) {
		return ""
	}
	return r.Digest()
}

// comparison is what could mislead rsync.
type comparison struct {
	alike  int64 // files that have another content, and the same size and time
	misled bool  // a link lies where there is a folder now
}

// compare goes through the manifests of two versions.
func compare(before, now io.Reader, precision time.Duration) (comparison, error) {
	var c comparison
	a, err := newCursor(before)
	if err != nil {
		return c, err
	}
	b, err := newCursor(now)
	if err != nil {
		return c, err
	}
	for !a.ended && !b.ended {
		order := tree.Compare(a.entry.Path, b.entry.Path)
		if order == 0 {
			c.add(a.entry, b.entry, precision)
		}
		if order <= 0 {
			err = a.next()
		}
		if order >= 0 && err == nil {
			err = b.next()
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *comparison) add(before, now tree.Entry, precision time.Duration) {
	switch {
	case before.Type == tree.Symlink && now.Type == tree.Folder:
		c.misled = true
	case before.Type == tree.File && now.Type == tree.File && before.Size == now.Size && before.Hash != now.Hash &&
		before.ModTime.Truncate(precision).Equal(now.ModTime.Truncate(precision)):
		c.alike++
	}
}

// cursor is a place in a manifest.
type cursor struct {
	reader *tree.Reader
	entry  tree.Entry
	ended  bool
}

func newCursor(r io.Reader) (*cursor, error) {
	reader, err := tree.NewReader(r)
	if err != nil {
		return nil, err
	}
	c := &cursor{reader: reader}
	return c, c.next()
}

func (c *cursor) next() (err error) {
	c.entry, err = c.reader.Next()
	if errors.Is(err, io.EOF) && !errors.Is(err, tree.ErrManifest) {
		c.ended, err = true, nil
	}
	return err
}
