package catalogue

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Catalogue is that of a sync that has not ended yet.
type Catalogue struct {
	store Store
	told  told
	next  Sync
	// walked says that the listing was made by this sync.
	walked bool
}

// Compare walks a tree and tells what is not as it was at the last sync; where that
// cannot be told, Why is set. The walk is the listing of the next sync, which sends what
// is told, or compares everything, after that: the catalogue is nil where there is none,
// and Why says so.
//
// Until Keep is called, what is kept goes on to be the last sync's.
func (s Store) Compare(ctx context.Context, last, next Sync) (Differences, *Catalogue, error) {
	before, old, why := s.open(last)
	tried := before != nil && before.Tried
	if old != nil {
		defer old.Close()
		// From here on what is over there may be changed.
		before.Tried = true
		if err := errors.Join(before.write(s.folder(last.Layer)), tidy(s.folder(last.Layer), before.Listing)); err != nil {
			why = err.Error()
		}
	}
	if why != "" {
		if err := s.Forget(next.Layer); err != nil {
			return Differences{}, nil, err
		}
		old = nil
	}
	found, c, err := s.list(ctx, next, old, tried)
	switch {
	case context.Cause(ctx) != nil:
		return Differences{}, nil, context.Cause(ctx)
	case err != nil:
		return Differences{Why: err.Error()}, nil, s.Forget(next.Layer)
	case why != "":
		return Differences{Why: why}, c, nil
	case found.Why == "":
		found = found.with(before)
	}
	return found, c, nil
}

// with adds what was told since the listing.
func (d Differences) with(t *told) Differences {
	d.Names, d.Subtrees = distinct(d.Names, t.names), distinct(d.Subtrees, t.subtrees)
	if d.count() > Most {
		return Differences{Why: fmt.Sprintf("more than %d names differ from the catalogue, or were synced since it was made", Most)}
	}
	return d
}

// list walks a tree, writes the listing, and compares it with an old one, if there is
// one. Damage of that is no error: it is why nothing is told.
func (s Store) list(ctx context.Context, next Sync, old *reader, tried bool) (Differences, *Catalogue, error) {
	var name [8]byte
	if _, err := rand.Read(name[:]); err != nil {
		return Differences{}, nil, fmt.Errorf("name catalogue: %w", err)
	}
	c := &Catalogue{store: s, next: next, told: told{Host: s.Host, Listing: hex.EncodeToString(name[:])}, walked: true}
	if err := os.MkdirAll(s.folder(next.Layer), 0o700); err != nil {
		return Differences{}, nil, fmt.Errorf("make catalogue: %w", err)
	}
	tree, err := unix.Open(next.Tree, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Differences{}, nil, fmt.Errorf("open %q: %w", next.Tree, err)
	}
	defer func() { _ = unix.Close(tree) }()
	var found Differences
	c.told.Size, err = replace(c.path(), newHeader(c.told.Listing, s.Host, next), func(w *writer) error {
		found, err = walkInto(w, &walk{ctx: ctx, tree: tree, skip: next.Skip, settle: settled(next.Started)}, old, tried)
		return err
	})
	return found, c, err
}

func settled(started time.Time) stamp {
	at := started.Add(-Settling)
	return stamp{at.Unix(), uint32(at.Nanosecond())}
}

// walkInto writes a listing while it is compared.
func walkInto(w *writer, tree *walk, old *reader, tried bool) (Differences, error) {
	var c *comparison
	var bad error
	if old != nil {
		c, bad = newComparison(old, tried)
	}
	path := ""
	err := tree.run(func(in string, entries []entry) error {
		if in != path {
			path = in
			w.folder(in)
		}
		for i := range entries {
			w.entry(&entries[i])
		}
		if c != nil && bad == nil {
			bad = c.take(in, entries)
		}
		return nil
	})
	if err != nil {
		return Differences{}, fmt.Errorf("walk tree: %w", err)
	}
	_ = w.WriteByte(endMark) // finish tells
	w.number(w.count)
	var found Differences
	if c != nil && bad == nil {
		found, bad = c.end()
	}
	if bad != nil {
		return Differences{Why: "the catalogue is damaged: " + bad.Error()}, nil
	}
	return found, nil
}

func (c *Catalogue) path() string {
	return filepath.Join(c.store.folder(c.next.Layer), c.told.Listing+listingEnding)
}

// Continue is for a sync that goes by names that somebody else has told, all that have
// changed since the last one: they are added to what is told, and nothing is walked,
// unless there is nothing to add to. The catalogue is nil where there is none.
func (s Store) Continue(ctx context.Context, last, next Sync, names, subtrees []string) (*Catalogue, error) {
	t, old, why := s.open(last)
	if old != nil {
		old.Close()
	}
	if why != "" || !t.add(names, subtrees) {
		return s.anew(ctx, next)
	}
	c := &Catalogue{store: s, next: next, told: *t}
	t.Syncs, t.Tried = []time.Time{last.Started, next.Started}, true
	if err := t.write(s.folder(next.Layer)); err != nil {
		return nil, s.Forget(next.Layer)
	}
	c.told.Tried = false
	return c, nil
}

// anew lists the tree while a sync goes by what others tell. It does not bring what
// changed after that was told, and before the walk: see told.Tried.
func (s Store) anew(ctx context.Context, next Sync) (*Catalogue, error) {
	if err := s.Forget(next.Layer); err != nil {
		return nil, err
	}
	_, c, err := s.list(ctx, next, nil, false)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, s.Forget(next.Layer)
	}
	c.told.Tried = true
	return c, nil
}

// Keep makes it the catalogue of the last sync, once the receipt of that is over there.
// Names and folders are what the sync has deleted over there, folders with all below
// them; cut says that there may be more, because a try of it was cut off.
func (c *Catalogue) Keep(names, folders []string, cut bool) error {
	c.told.Syncs = []time.Time{c.next.Started}
	c.told.Tried = c.told.Tried || cut
	if c.walked && !c.told.Tried {
		moved, err := c.moved()
		if err != nil {
			return err
		}
		folders = slices.Concat(folders, moved)
	}
	if !c.told.add(names, folders) {
		return c.store.Forget(c.next.Layer)
	}
	at := c.store.folder(c.next.Layer)
	if err := c.told.write(at); err != nil {
		return err
	}
	return tidy(at, c.told.Listing)
}

// tidy removes what syncs left that have failed or were killed, and what is not needed
// any more beside a listing.
func tidy(folder, listing string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("list catalogue: %w", err)
	}
	for _, e := range entries {
		if e.Name() == toldName || e.Name() == listing+listingEnding {
			continue
		}
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return fmt.Errorf("remove old catalogue: %w", err)
		}
	}
	return nil
}
