package selection

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
)

// stat looks at something in an open folder. What has vanished is left out: it is
// told again.
func (s *selector) stat(in int, name, last string) error {
	var stat unix.Stat_t
	err := unix.Fstatat(in, last, &stat, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case folder.Vanished(err):
		return nil
	case err != nil:
		return fmt.Errorf("stat %q: %w", name, err)
	case stat.Mode&unix.S_IFMT == unix.S_IFDIR:
		return nil // it has taken the place of a file meanwhile
	}
	s.countLink(name, inode{stat.Dev, stat.Ino}, uint64(stat.Nlink))
	return nil
}

// otherNames finds the names that are missing of files with several. For that the
// whole tree is read, but only folders; names outside of it are never found.
func (s *selector) otherNames() error {
	wanted := map[uint64]bool{}
	for i, missing := range s.links {
		if missing > 0 {
			wanted[i.number] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	in, err := folder.Open(s.tree, top)
	if err != nil {
		return fmt.Errorf("open tree: %w", err)
	}
	defer in.Close()
	ended := func(string) bool { return s.ctx.Err() != nil }
	err = folder.Walk(int(in.Fd()), ended, func(fd int, dir string, e folder.Entry) error {
		name := path.Join(dir, e.Name)
		if _, known := s.entries[name]; known || !wanted[e.Inode] {
			return nil
		}
		return s.otherName(fd, name, e.Name)
	})
	return errors.Join(err, context.Cause(s.ctx))
}

// otherName selects a name if it is one of the files that are looked for, and not of
// one with the same number on another file system.
func (s *selector) otherName(in int, name, last string) error {
	var stat unix.Stat_t
	err := unix.Fstatat(in, last, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if folder.Vanished(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stat %q: %w", name, err)
	}
	if _, wanted := s.links[inode{stat.Dev, stat.Ino}]; wanted {
		s.add(name, file)
	}
	return nil
}
