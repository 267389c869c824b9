package ssh

import (
	"errors"
	"io"
	"time"

	"github.com/bkplan/bkplan/internal/tree"
)

// comparison is what could mislead rsync, and what it has to send.
type comparison struct {
	alike  int64  // files that have another content, and the same size and time
	misled bool   // a link lies where there is a folder now
	unread string // why that is not known
	fresh  int64  // bytes of files that are not there as they are now, of each of its names
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
	for !b.ended {
		order := 1
		if !a.ended {
			order = tree.Compare(a.entry.Path, b.entry.Path)
		}
		switch {
		case order == 0:
			c.add(a.entry, b.entry, precision)
		case order > 0 && b.entry.Type == tree.File:
			c.fresh += b.entry.Size
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
	before.ModTime, now.ModTime = before.ModTime.Truncate(precision), now.ModTime.Truncate(precision)
	both := before.Type == tree.File && now.Type == tree.File
	sameTime := before.ModTime.Equal(now.ModTime)
	switch {
	case before.Type == tree.Symlink && now.Type == tree.Folder:
		c.misled = true
	case both && before.Size == now.Size && before.Hash != now.Hash && sameTime:
		c.alike++
	}
	linked := both && sameTime && before.Size == now.Size && before.Hash == now.Hash && before.Mode == now.Mode && before.UID == now.UID && before.GID == now.GID
	if now.Type == tree.File && !linked {
		c.fresh += now.Size
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
