package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// takeTries is how often a database that changes is begun anew.
const takeTries = 3

// byFile groups the databases by file, in order of their first names: a hard
// link's log lies beside the name that is used.
func byFile(found []database) [][]database {
	var groups [][]database
	index := map[fileID]int{}
	for _, d := range found {
		i, seen := index[d.id]
		if !seen {
			i = len(groups)
			index[d.id] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	return groups
}

// copyDatabase copies a database of one or several names to its places, or
// leaves nothing there.
func (b *batch) copyDatabase(ctx context.Context, names []database) ([]string, error) {
	folder, looks, err := b.takeSettled(ctx, names)
	if err != nil {
		return nil, err
	}
	copied := filepath.Join(folder, "copy")
	err = use(ctx, filepath.Join(folder, takeName), writable, func(connection *sql.Conn) error {
		size, err := pageBytes(ctx, connection)
		if err == nil {
			err = b.checkRoom(size)
		}
		if err == nil {
			err = backUp(ctx, connection, copied)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	notes, err := check(ctx, copied, writable)
	if err != nil {
		return nil, err
	}
	return notes, b.place(ctx, copied, looks, names)
}

// takeSettled takes a database at a moment at which nobody wrote to it, into a
// folder of its own.
func (b *batch) takeSettled(ctx context.Context, names []database) (folder string, looks attributes, err error) {
	for i := range takeTries {
		folder = filepath.Join(b.scratch, fmt.Sprint(i))
		looks, err = b.take(ctx, names, folder)
		if !errors.Is(err, errChanged) {
			break
		}
	}
	return folder, looks, err
}

func (b *batch) take(ctx context.Context, names []database, folder string) (attributes, error) {
	if err := makeEmpty(folder); err != nil {
		return attributes{}, err
	}
	var chosen *original
	for _, name := range names {
		o, err := openOriginal(ctx, name)
		if err != nil {
			return attributes{}, err
		}
		defer o.close()
		if chosen != nil && chosen.hasLog() && o.hasLog() {
			return attributes{}, fmt.Errorf("it has two names and a log beside each: %s, %s", chosen.base, o.base)
		}
		if chosen == nil || o.hasLog() {
			chosen = o
		}
	}
	if err := b.checkRoom(2 * chosen.size()); err != nil {
		return attributes{}, err
	}
	return chosen.attributes(), chosen.take(ctx, folder)
}

// checkRoom says whether so many bytes more fit, with what must stay free. A
// sparse file may say that it is larger than any disk.
func (b *batch) checkRoom(size int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(b.job.Into, &fs); err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	free := int64(fs.Bavail) * fs.Bsize
	if b.job.Action.Copy != nil {
		free -= b.job.Action.Copy.MinFree
	}
	if size > free {
		return fmt.Errorf("no room for it: %d bytes are needed, %d may be used", size, max(free, 0))
	}
	return nil
}
