// Package selection turns names at which something may have changed into what one
// rsync has to be given, so that what it sends of them, and deletes over there, is
// what it would if it compared everything. Start at Of, then Without and Words.
//
// A name says nothing of what has become of it: Of looks. What changes while it
// looks, or later, is selected the next time, because it is told again.
package selection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/bkplan/bkplan/internal/folder"
)

// kind is what is to be done at a name.
type kind int

const (
	file    kind = iota // whatever it is, but a folder
	itself              // a folder, without what is in it
	content             // a folder and what lies directly in it, also what is gone
)

// top is the tree itself.
const top = "."

// Selection is what is to be looked at in a tree. The zero value is nothing.
type Selection struct {
	entries map[string]kind
}

// IsEmpty says that nothing is to be looked at.
func (s Selection) IsEmpty() bool { return len(s.entries) == 0 }

// Len is how many names are to be looked at: those in folders that are listed are
// not counted.
func (s Selection) Len() int { return len(s.entries) }

// Names writes what is selected for `rsync --from0 --files-from=-`: names that end in
// a slash are folders that are listed. None of them is an option or leads elsewhere.
func (s Selection) Names() []byte {
	names := make([]string, 0, len(s.entries))
	for name := range s.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	var text []byte
	for _, name := range names {
		if name != top {
			text = append(text, "./"...)
		}
		text = append(text, name...)
		if s.entries[name] == content {
			text = append(text, '/')
		}
		text = append(text, 0)
	}
	return text
}

// Words are the options that make rsync look at just what Names tells. They come
// after those that say what is kept of a file, and beside --delete.
func Words() []string {
	return []string{"--no-recursive", "--dirs", "--ignore-missing-args", "--from0", "--files-from=-"}
}

// Of selects names, each without what is below it, and subtrees with all of that.
// Both are relative to the tree, clean, and of any bytes; what is none is an error.
// Files that have further names in the tree are selected by all of them: rsync would
// else not know that they are one.
func Of(ctx context.Context, tree string, names, subtrees []string) (Selection, error) {
	s := selector{
		ctx: ctx, tree: tree, entries: map[string]kind{}, folders: map[string]string{}, links: map[inode]uint64{},
	}
	for _, name := range names {
		if err := s.name(name); err != nil {
			return Selection{}, err
		}
	}
	for _, name := range subtrees {
		if err := s.subtree(name); err != nil {
			return Selection{}, err
		}
	}
	if err := s.otherNames(); err != nil {
		return Selection{}, err
	}
	s.tidy()
	return Selection{s.entries}, nil
}

type inode struct{ device, number uint64 }

type selector struct {
	ctx     context.Context
	tree    string
	entries map[string]kind
	// folders are those that names lie in, each with what is in its way: itself or one
	// above it that is no folder, or is missing. Empty is nothing.
	folders map[string]string
	// links are files with several names, and how many of these are not selected.
	links map[inode]uint64
}

func (s *selector) add(name string, k kind) bool {
	before, known := s.entries[name]
	if !known || k > before {
		s.entries[name] = k
	}
	return !known
}

// tidy leaves out what lies below something that became a file while others were
// looked at.
func (s *selector) tidy() {
	for name := range s.entries {
		for dir := path.Dir(name); dir != top; dir = path.Dir(dir) {
			if k, known := s.entries[dir]; known && k == file {
				delete(s.entries, name)
				break
			}
		}
	}
}

// name selects what is at a name.
func (s *selector) name(name string) error {
	_, err := s.find(name)
	return err
}

// subtree selects all that is at a name and below.
func (s *selector) subtree(name string) error {
	info, err := s.find(name)
	if err != nil || info == nil || !info.IsDir() {
		return err
	}
	in, err := folder.Open(s.tree, name)
	if folder.Vanished(err) || errors.As(err, new(*folder.NotFolderError)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open what has changed: %w", err)
	}
	defer in.Close()
	s.add(name, content)
	below := func(rel string) bool {
		s.add(path.Join(name, rel), content)
		return s.ctx.Err() != nil
	}
	return folder.Walk(int(in.Fd()), below, func(fd int, rel string, e folder.Entry) error {
		if err := context.Cause(s.ctx); err != nil {
			return err
		}
		return s.stat(fd, path.Join(name, rel, e.Name), e.Name)
	})
}

// find looks at a name and selects it; nil is that it is gone.
func (s *selector) find(name string) (fs.FileInfo, error) {
	if err := context.Cause(s.ctx); err != nil {
		return nil, err
	}
	if !filepath.IsLocal(name) || path.Clean(name) != name || strings.ContainsRune(name, 0) {
		return nil, fmt.Errorf("%q is no name in a tree", name)
	}
	if name == top {
		s.add(top, content)
		return os.Stat(s.tree)
	}
	way, err := s.way(path.Dir(name))
	if err != nil {
		return nil, err
	}
	if way != "" {
		name = way
	}
	info, err := os.Lstat(filepath.Join(s.tree, name))
	switch {
	case folder.Vanished(err):
		s.add(path.Dir(name), content) // rsync learns from it that the name is gone
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look at what has changed: %w", err)
	case info.IsDir():
		s.add(name, itself)
	default:
		s.count(name, info)
	}
	s.around(name)
	if way != "" {
		return nil, nil
	}
	return info, nil
}

// around selects the folder that a name lies in: its time may have changed, and it
// is sent along only if something in it is.
func (s *selector) around(name string) {
	if dir := path.Dir(name); dir == top {
		s.add(top, content)
	} else {
		s.add(dir, itself)
	}
}

// way gives the first thing in the way to a folder that is no folder, or missing.
func (s *selector) way(dir string) (string, error) {
	if dir == top {
		return "", nil
	}
	if known, ok := s.folders[dir]; ok {
		return known, nil
	}
	way, err := s.way(path.Dir(dir))
	if err != nil {
		return "", err
	}
	if way == "" {
		info, err := os.Lstat(filepath.Join(s.tree, dir))
		switch {
		case err != nil && !folder.Vanished(err):
			return "", fmt.Errorf("look at what has changed: %w", err)
		case err != nil || !info.IsDir():
			way = dir
		}
	}
	s.folders[dir] = way
	return way, nil
}

// count selects a file, and minds how many names it has.
func (s *selector) count(name string, info fs.FileInfo) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		s.add(name, file)
		return
	}
	s.countLink(name, inode{uint64(stat.Dev), stat.Ino}, uint64(stat.Nlink))
}

func (s *selector) countLink(name string, i inode, names uint64) {
	if !s.add(name, file) || names < 2 {
		return
	}
	if _, known := s.links[i]; !known {
		s.links[i] = names
	}
	if s.links[i] > 0 {
		s.links[i]--
	}
}
