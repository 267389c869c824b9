package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// original is a database in the volume, held still.
type original struct {
	folder *os.File
	base   string
	db     *os.File
	stat   unix.Stat_t
	// shm, wal and journal are what lies beside it; nil where there is none, or
	// nothing in it.
	shm, wal, journal   *os.File
	walStat, journalEnd unix.Stat_t
}

// attributes are what a copy has in common with its original.
type attributes struct {
	mode     uint32
	uid, gid uint32
	// changed is when the database was last written to: the log counts too,
	// because the original's own time does not move while changes go there.
	changed unix.Timespec
}

func attributesOf(st unix.Stat_t) attributes {
	return attributes{mode: st.Mode & 0o7777, uid: st.Uid, gid: st.Gid, changed: st.Mtim}
}

// openOriginal opens a database and holds it. It must be closed.
func openOriginal(ctx context.Context, d database) (_ *original, err error) {
	root, err := os.OpenFile(d.root, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open volume: %w", err)
	}
	defer root.Close()
	o := &original{base: path.Base(d.path)}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	if o.folder, err = openBelow(root, path.Dir(d.path), unix.O_DIRECTORY); err == nil {
		o.db, o.stat, err = openRegular(o.folder, o.base)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	if err := holdDatabase(ctx, o.db); err != nil {
		return nil, err
	}
	return o, o.openBeside(ctx)
}

// openBeside opens what lies beside the database, which nobody writes to by
// now, but for the end of the log.
func (o *original) openBeside(ctx context.Context) (err error) {
	if o.stat, err = statOf(o.db); err != nil {
		return err
	}
	if o.shm, _, err = o.beside("-shm"); err != nil {
		return err
	}
	if o.shm != nil {
		if err := holdLog(ctx, o.shm); err != nil {
			return err
		}
	}
	if o.wal, o.walStat, err = o.beside("-wal"); err != nil {
		return err
	}
	if o.journal, o.journalEnd, err = o.beside("-journal"); err != nil || o.journal == nil {
		return err
	}
	hot, err := isHot(o.journal)
	if err == nil && !hot {
		o.journal.Close()
		o.journal = nil
	}
	return err
}

// beside opens a file that belongs to the database; nil where there is none, or
// nothing in it. A link is none that SQLite would follow, so it is an error.
func (o *original) beside(suffix string) (*os.File, unix.Stat_t, error) {
	file, st, err := openRegular(o.folder, o.base+suffix)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENAMETOOLONG) {
		return nil, st, nil
	}
	if err == nil && st.Size == 0 {
		file.Close()
		return nil, st, nil
	}
	return file, st, err
}

func (o *original) close() {
	for _, f := range []*os.File{o.folder, o.db, o.shm, o.wal, o.journal} {
		if f != nil {
			f.Close()
		}
	}
}

// hasLog says whether the database is more than its file.
func (o *original) hasLog() bool { return o.wal != nil || o.journal != nil }

func (o *original) attributes() attributes {
	a := attributesOf(o.stat)
	if o.wal != nil {
		a.changed = later(a.changed, o.walStat.Mtim)
	}
	if o.journal != nil {
		a.changed = later(a.changed, o.journalEnd.Mtim)
	}
	return a
}

func later(x, y unix.Timespec) unix.Timespec {
	if time.Unix(y.Unix()).After(time.Unix(x.Unix())) {
		return y
	}
	return x
}

// size is how much SQLite needs to put the parts together, in bytes.
func (o *original) size() int64 {
	size := o.stat.Size
	if o.wal != nil {
		size += o.walStat.Size
	}
	if o.journal != nil {
		size += o.journalEnd.Size
	}
	return size
}

// takeName is the name of the database in the folder for intermediate copies.
const takeName = "database"

// take copies the parts of the database into a folder. It is errChanged when
// someone wrote to them after all, who does not know SQLite's locks or came to a
// log that nobody used before.
func (o *original) take(ctx context.Context, folder string) error {
	name := filepath.Join(folder, takeName)
	if err := copyTo(ctx, o.db, o.stat.Size, name); err != nil {
		return err
	}
	if o.journal != nil {
		if err := checkSuper(o.folder, o.journal, o.journalEnd.Size); err != nil {
			return err
		}
		if err := copyTo(ctx, o.journal, o.journalEnd.Size, name+"-journal"); err != nil {
			return err
		}
		if err := blindSuper(name + "-journal"); err != nil {
			return err
		}
	}
	if o.wal != nil {
		if err := copyTo(ctx, o.wal, o.walStat.Size, name+"-wal"); err != nil {
			return err
		}
	}
	return o.unchanged()
}

func (o *original) unchanged() error {
	now, err := statOf(o.db)
	if err != nil {
		return err
	}
	if now.Size != o.stat.Size || now.Mtim != o.stat.Mtim || now.Ctim != o.stat.Ctim {
		return errChanged
	}
	if o.shm != nil {
		return nil
	}
	shm, _, err := o.beside("-shm")
	if shm != nil {
		shm.Close()
		return errChanged
	}
	return err
}
