package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"

	"golang.org/x/sys/unix"
)

// magic is how the file of a database begins.
const magic = "SQLite format 3\x00"

// smallest is the size of the smallest database, one page of the smallest size.
const smallest = 512

// searchers is how many folders are read at once.
const searchers = 4

// candidate is a file that begins like a database.
type candidate struct {
	path string // below the root
	id   fileID
}

// searched is what a walk through a root found. Its order is by chance.
type searched struct {
	candidates []candidate
	mounts     []string // not entered
	damages    []Damage // what could not be read
}

// searcher is a walk through a root by several goroutines.
type searcher struct {
	root    *os.File
	mu      sync.Mutex
	wake    sync.Cond
	waiting []string // folders still to be read, below the root
	reading int
	found   searched
}

// search looks at every regular file below root, at any depth. It follows no
// link and enters no other mount. What vanishes meanwhile is no error.
func search(ctx context.Context, root string) (searched, error) {
	file, err := os.OpenFile(root, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return searched{}, fmt.Errorf("open volume: %w", err)
	}
	defer file.Close()
	s := &searcher{root: file, waiting: []string{"."}}
	s.wake.L = &s.mu
	var workers sync.WaitGroup
	for range searchers {
		workers.Go(func() {
			for folder, ok := s.next(ctx); ok; folder, ok = s.next(ctx) {
				s.read(folder)
				s.done()
			}
		})
	}
	workers.Wait()
	return s.found, context.Cause(ctx)
}

// next waits for a folder to read; there is none when all are done.
func (s *searcher) next(ctx context.Context) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 && s.reading > 0 && ctx.Err() == nil {
		s.wake.Wait()
	}
	last := len(s.waiting) - 1
	if last < 0 || ctx.Err() != nil {
		return "", false
	}
	folder := s.waiting[last]
	s.waiting = s.waiting[:last]
	s.reading++
	return folder, true
}

func (s *searcher) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading--
	s.wake.Broadcast()
}

func (s *searcher) push(folder string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, folder)
	s.wake.Signal()
}

func (s *searcher) read(folder string) {
	dir, err := openBelow(s.root, folder, unix.O_DIRECTORY)
	if err != nil {
		s.note(folder, err)
		return
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			if err := s.look(dir, folder, name); err != nil {
				s.note(path.Join(folder, name), err)
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			s.note(folder, err)
			return
		}
	}
}

// note records what could not be read.
func (s *searcher) note(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, unix.EXDEV):
		s.found.mounts = append(s.found.mounts, name)
	case !isGone(err):
		s.found.damages = append(s.found.damages, newDamage(name, err))
	}
}

func (s *searcher) look(dir *os.File, folder, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		s.push(path.Join(folder, name))
	case unix.S_IFREG:
		if st.Size < smallest {
			return nil
		}
		yes, err := hasMagic(dir, name)
		if err != nil || !yes {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.found.candidates = append(s.found.candidates, candidate{path.Join(folder, name), idOf(&st)})
	}
	return nil
}

func hasMagic(dir *os.File, name string) (bool, error) {
	file, err := openBelow(dir, name, 0)
	if err != nil {
		return false, err
	}
	defer file.Close()
	var head [len(magic)]byte
	n, err := unix.Pread(int(file.Fd()), head[:], 0)
	if err != nil {
		return false, err
	}
	return string(head[:n]) == magic, nil
}
