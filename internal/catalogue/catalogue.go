// Package catalogue keeps, below the state directory, what the tree of a layer was
// like at its last sync. By it a sync whose change journal has a gap learns what has
// changed since, from this machine alone: the other end, which may be slow to walk, is
// told of differences only. Start at Store.
//
// A catalogue is a listing of the tree, made by a walk, and what was told since: names
// that later syncs went by, because the change journal named them. It promises of every
// name: if an entry was listed, is not among what was told, and is as it was listed now,
// then the last sync has brought it over there. What makes that true:
//
//   - The walk is over before anything is sent, and the catalogue counts only once the
//     receipt of its sync is over there.
//   - The kernel stamps every change of a file or folder with a time that nobody can
//     set, its ctime. That is compared, beside all else that a look at it tells. An
//     entry that was changed less than Settling before its sync began is never believed:
//     a second change in the same tick of the kernel's clock leaves no trace (the "racy
//     git" problem).
//   - A folder that has changed is compared with all that lies directly in it, over
//     there too: something may have come, been sent and gone in between.
//   - A folder that is moved away and back looks as before, but for itself and the
//     folder that it lies in. If a sync ran meanwhile, what is in it was deleted over
//     there, or never sent. So what a sync has deleted is told, and folders that changed
//     while it ran, together with the one they lie in; and where that is not known,
//     because it was cut off, such folders are compared whenever they changed. All of
//     them with all below them.
//
// Everything else is a reason not to believe a catalogue: it is a cache, and to remove
// it costs a comparison of everything, once.
package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bkplan/bkplan/internal/tree"
)

// Settling is how long before its sync began an entry must have been changed last, to
// be believed. File systems that count in seconds cut off as much as one of them, or
// two, and the clock that the kernel stamps files with is a few milliseconds late.
const Settling = 2 * time.Second

// Most is how many names are told. A tree that differs by more, or of which more was
// told, is compared as a whole: that costs less than to name all of them.
const Most = 200_000

// Store is where the catalogues of all layers lie.
type Store struct {
	StateDir string
	Host     string // catalogues of others are not believed
}

// Sync is one sync of a layer.
type Sync struct {
	Layer   string
	Tree    string
	Mount   string   // the mount point that the tree lies on
	Exclude []string // patterns of what is left out
	// Skip are folders, relative to the tree, that are left out with all below them: they
	// are not walked.
	Skip []string
	// Started is when it began, by which its receipt is recognised; zero is no sync.
	Started time.Time
}

// Differences are the names of a tree at which something may have changed since a
// catalogue, relative to it and of any bytes. Where Why is set they prove nothing.
type Differences struct {
	Names    []string // by themselves, made, changed or removed
	Folders  []string // with what lies directly in them; they are among Names
	Subtrees []string // with all that is below them
	Why      string
}

func (d *Differences) count() int { return len(d.Names) + len(d.Folders) + len(d.Subtrees) }

// root is the tree itself, among names and folders.
const root = tree.RootPath

func (s Store) folder(layer string) string {
	return filepath.Join(s.StateDir, "catalogue", folderName(layer))
}

func folderName(layer string) string {
	digest := sha256.Sum256([]byte(layer))
	return hex.EncodeToString(digest[:8])
}

// Look says, in words for people, why nothing can be compared with the catalogue of a
// sync; empty is that it can. It changes nothing, and reads no more than beginnings:
// damage further on is found when it is compared.
func (s Store) Look(last Sync) (why string) {
	_, listing, why := s.open(last)
	if listing != nil {
		listing.Close()
	}
	return why
}

// open finds what is kept of a sync.
func (s Store) open(last Sync) (*told, *reader, string) {
	if last.Started.IsZero() {
		return nil, nil, "there was no sync yet"
	}
	t, err := readTold(s.folder(last.Layer))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, "there is no catalogue of the last sync"
	case err != nil:
		return nil, nil, "the catalogue is damaged: " + err.Error()
	case t.Host != s.Host:
		return nil, nil, "the catalogue was written on another machine"
	case !slices.ContainsFunc(t.Syncs, last.Started.Equal):
		return nil, nil, "the catalogue is not that of the last sync"
	}
	listing, err := openListing(filepath.Join(s.folder(last.Layer), t.Listing+listingEnding))
	if err == nil && listing.size != t.Size {
		listing.Close()
		err = fmt.Errorf("it has %d bytes, and should have %d", listing.size, t.Size)
	}
	if err != nil {
		return nil, nil, "the catalogue is damaged: " + err.Error()
	}
	if why := listing.header.unfit(s.Host, t.Listing, last); why != "" {
		listing.Close()
		return nil, nil, why
	}
	return t, listing, ""
}

// unfit says why a listing is not of a sync's tree.
func (h header) unfit(host, name string, last Sync) string {
	switch {
	case h.Host != host:
		return "the catalogue was written on another machine"
	case h.Name != name || h.Layer != last.Layer || h.Tree != filepath.Clean(last.Tree):
		return fmt.Sprintf("the catalogue is that of %q in layer %q", h.Tree, h.Layer)
	case h.Mount != last.Mount:
		return fmt.Sprintf("the tree lay on the mount %q when the catalogue was made", h.Mount)
	case !slices.Equal(h.Exclude, last.Exclude) || !slices.Equal(h.Skip, last.Skip):
		return "what is left out is not what it was when the catalogue was made"
	}
	return ""
}

// Forget removes the catalogue of a layer; that there is none is no error.
func (s Store) Forget(layer string) error {
	if err := os.RemoveAll(s.folder(layer)); err != nil {
		return fmt.Errorf("remove catalogue: %w", err)
	}
	return nil
}

// Retain removes the catalogues of all layers but some.
func (s Store) Retain(layers []string) error {
	entries, err := os.ReadDir(filepath.Join(s.StateDir, "catalogue"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list catalogues: %w", err)
	}
	for _, e := range entries {
		if slices.ContainsFunc(layers, func(layer string) bool { return folderName(layer) == e.Name() }) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.StateDir, "catalogue", e.Name())); err != nil {
			return fmt.Errorf("remove catalogue: %w", err)
		}
	}
	return nil
}
