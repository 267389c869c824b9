// Package sqlite makes versions of the SQLite databases of a volume. Start at
// Producer.
//
// A database is more than its file: what was committed last may be in its
// -wal, and what must be undone in its -journal. The volume is not written to,
// so SQLite cannot put them together there. The three are copied into a folder
// of our own, opened there, and copied again by SQLite's backup interface; the
// result is checked, and then moved to its place.
//
// All databases go this way, even those with nothing beside them, which costs
// one more copy: so there is one way to test, and nothing gets into a version
// that SQLite has not read as a database.
//
// A database may be hostile. Only file names of our own reach SQLite; it loads
// no extensions, attaches nothing, and never sees the name of a super-journal,
// a file that it would delete.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bkplan/bkplan/internal/providers"
)

// Producer is a providers.Producer that copies all SQLite databases of a
// volume, whatever their names, and nothing else. The zero Producer is ready.
//
// A file that only begins like a database, or is encrypted, is left out with a
// note. One damaged database is an error, a DamageError, after all were looked
// at. What was a database in the previous version must be one now, unless the
// action accepts loss.
type Producer struct{}

var _ providers.Producer = Producer{}

// database is a file that begins like a database.
type database struct {
	root string // the folder of the job it was found in
	path string // below root
	into string // where its copy belongs, below the version
	id   fileID
}

// batch is the making of one version.
type batch struct {
	job     providers.Job
	scratch string // a folder in the version, gone at its end
	notes   []string
	damages []Damage
	folders map[string]attributes // of the version's folders, by their places
}

// Produce is what providers.Producer asks for. A volume without databases is an
// empty version with a note.
func (Producer) Produce(ctx context.Context, job providers.Job) (providers.Produced, error) {
	b := &batch{job: job, folders: map[string]attributes{}}
	found, err := b.find(ctx)
	if err != nil {
		return providers.Produced{}, err
	}
	if err := b.copyAll(ctx, found); err != nil {
		return providers.Produced{}, err
	}
	if len(b.damages) > 0 {
		return providers.Produced{}, &DamageError{Databases: b.damages, Found: len(found)}
	}
	if err := b.finishFolders(); err != nil {
		return providers.Produced{}, err
	}
	if len(found) == 0 {
		b.notes = append(b.notes, "no SQLite database in this volume")
	}
	tools, err := versions(ctx)
	return providers.Produced{Tools: tools, Notes: b.notes}, err
}

// find looks through all roots. The databases are in order of their places.
func (b *batch) find(ctx context.Context) ([]database, error) {
	var all []database
	for _, root := range b.job.Roots {
		found, err := search(ctx, root)
		if err != nil {
			return nil, err
		}
		prefix := b.prefix(root)
		for _, c := range found.candidates {
			all = append(all, database{root: root, path: c.path, into: path.Join(prefix, c.path), id: c.id})
		}
		for _, m := range found.mounts {
			b.notes = append(b.notes, "not looked into, another file system is mounted there: "+printable(path.Join(prefix, m)))
		}
		for _, d := range found.damages {
			d.Path = path.Join(prefix, d.Path)
			b.damages = append(b.damages, d)
		}
	}
	slices.SortFunc(all, func(x, y database) int { return strings.Compare(x.into, y.into) })
	return slices.CompactFunc(all, func(x, y database) bool { return x.into == y.into }), nil
}

// prefix is the folder of the version that holds what is below a root.
func (b *batch) prefix(root string) string {
	action := b.job.Action.Copy
	paths := action != nil && action.From != nil && len(action.From.Paths) > 0 && !action.From.Whole
	if len(b.job.Roots) > 1 || paths {
		return strings.TrimPrefix(filepath.Clean(root), "/")
	}
	return ""
}

// copyAll copies one database after the other, so that no more than one of them
// needs space for its intermediate copy.
func (b *batch) copyAll(ctx context.Context, found []database) error {
	if len(found) == 0 {
		return nil
	}
	b.scratch = filepath.Join(b.job.Into, unusedName(found))
	for _, names := range byFile(found) {
		err := b.copyFile(ctx, names)
		if removed := os.RemoveAll(b.scratch); err == nil && removed != nil {
			err = fmt.Errorf("remove intermediate copy: %w", removed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unusedName is a name that no database's place begins with.
func unusedName(found []database) string {
	name := ".bkplan-sqlite"
	for slices.ContainsFunc(found, func(d database) bool {
		return d.into == name || strings.HasPrefix(d.into, name+"/")
	}) {
		name += "-"
	}
	return name
}

// copyFile copies one file, which may have several names. Only what no further
// database could survive is an error.
func (b *batch) copyFile(ctx context.Context, names []database) error {
	if err := makeEmpty(b.scratch); err != nil {
		return err
	}
	var notes []string
	err := guard(func() (err error) {
		notes, err = b.copyDatabase(ctx, names)
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	place := names[0].into
	switch {
	case err == nil:
		for _, n := range notes {
			b.notes = append(b.notes, printable(place)+": "+n)
		}
	case errors.Is(err, errGone):
		b.notes = append(b.notes, printable(place)+" was deleted before it could be copied")
	case isForeign(err) && !b.wasDatabase(names):
		b.notes = append(b.notes, fmt.Sprintf("%s begins like a SQLite database but cannot be read as one, and was left out: %v", printable(place), err))
	default:
		b.damages = append(b.damages, newDamage(place, err))
	}
	return nil
}

// wasDatabase says whether the previous version has one of the names: then its
// content has gone bad, whatever it looks like now.
func (b *batch) wasDatabase(names []database) bool {
	if b.job.Action.Copy != nil && b.job.Action.Copy.AcceptLoss {
		return false
	}
	return slices.ContainsFunc(names, func(d database) bool {
		file, err := b.openPrevious(d.into)
		if err != nil {
			return false
		}
		file.Close()
		return true
	})
}
