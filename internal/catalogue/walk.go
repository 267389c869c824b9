package catalogue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/bkplan/bkplan/internal/folder"
)

const (
	// pieceSize is how many entries are handed on at once, piecesAhead how many such
	// pieces of one folder may wait, and foldersAhead how many folders.
	pieceSize    = 512
	piecesAhead  = 2
	foldersAhead = 64
)

// walk lists a tree: several goroutines list folders, and one gets what they found, in
// order. What vanishes meanwhile is left out, links are not followed, and what is
// mounted below is not entered.
type walk struct {
	ctx    context.Context
	tree   int // open
	skip   []string
	settle stamp // what was changed then or later is unknown

	mu      sync.Mutex
	changed *sync.Cond
	head    *node // the first folder that was not handed on
	ahead   int   // folders that were taken and not handed on
	busy    int   // folders that are being listed
	err     error
}

// node is a folder, in the order in which folders are handed on.
type node struct {
	path   string
	next   *node
	pieces chan []entry // nil as long as nobody lists it
	absent bool         // it cannot be entered: it is gone, or something else
}

// run walks, and has the entries of each folder told: at least once, also if there are
// none.
func (w *walk) run(tell func(path string, entries []entry) error) error {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	w.ctx, w.changed, w.head = ctx, sync.NewCond(&w.mu), &node{path: root}
	stop := context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changed.Broadcast()
	})
	defer stop()
	var workers sync.WaitGroup
	for range min(max(2*runtime.GOMAXPROCS(0), 4), 16) {
		workers.Go(w.work)
	}
	err := w.handOn(tell)
	cancel()
	workers.Wait()
	if w.err != nil {
		return w.err
	}
	return err
}

// handOn tells the folders in their order.
func (w *walk) handOn(tell func(string, []entry) error) error {
	for {
		n := w.first()
		if n == nil {
			return context.Cause(w.ctx)
		}
		told := false
		for piece := range n.pieces {
			if err := tell(n.path, piece); err != nil {
				return err
			}
			told = true
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if !told && !n.absent {
			if err := tell(n.path, nil); err != nil {
				return err
			}
		}
		w.mu.Lock()
		w.head = n.next
		w.ahead--
		w.changed.Broadcast()
		w.mu.Unlock()
	}
}

// first waits until the first folder is being listed; nil is that there is none left,
// or that the walk has failed.
func (w *walk) first() *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.head != nil && w.head.pieces == nil {
		if w.err != nil || w.ctx.Err() != nil {
			return nil
		}
		w.changed.Wait()
	}
	return w.head
}

// work lists folders until there are none.
func (w *walk) work() {
	for {
		n := w.take()
		if n == nil {
			return
		}
		folders, err := w.list(n)
		w.mu.Lock()
		for _, name := range slices.Backward(folders) {
			n.next = &node{path: below(n.path, name), next: n.next}
		}
		if err != nil && w.err == nil && w.ctx.Err() == nil {
			w.err = err
		}
		w.busy--
		failed := w.err != nil
		w.changed.Broadcast()
		w.mu.Unlock()
		close(n.pieces)
		if failed {
			return
		}
	}
}

// take takes the first folder that nobody lists. The very first one never waits: all
// others may be waiting for it to be handed on.
func (w *walk) take() *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.ctx.Err() == nil && w.err == nil {
		n := w.head
		for n != nil && n.pieces != nil {
			n = n.next
		}
		switch {
		case n == nil && w.busy == 0:
			return nil
		case n != nil && (n == w.head || w.ahead < foldersAhead):
			n.pieces = make(chan []entry, piecesAhead)
			w.ahead++
			w.busy++
			w.changed.Broadcast()
			return n
		}
		w.changed.Wait()
	}
	return nil
}

// how is how a folder in the tree is entered: whatever moves meanwhile, nothing outside
// of the tree is reached, nor another mount.
var how = unix.OpenHow{
	Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
	Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
}

func (w *walk) enter(path string) (int, error) {
	for {
		fd, err := unix.Openat2(w.tree, path, &how)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
	}
}

// list lists one folder, and names those in it.
func (w *walk) list(n *node) (folders []string, err error) {
	fd, err := w.enter(n.path)
	if folder.Vanished(err) || errors.Is(err, unix.EXDEV) {
		n.absent = true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", n.path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	names, err := folder.List(fd)
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", n.path, err)
	}
	slices.SortFunc(names, func(a, b folder.Entry) int { return cmp.Compare(a.Name, b.Name) })
	if n.path == root {
		names = append([]folder.Entry{{Name: root}}, names...)
	}
	for piece := range slices.Chunk(names, pieceSize) {
		entries, err := w.look(fd, n.path, piece)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			e := &entries[i]
			if e.stat.isFolder() && !e.mount && e.name != root && !slices.Contains(w.skip, below(n.path, e.name)) {
				folders = append(folders, e.name)
			}
		}
		select {
		case n.pieces <- entries:
		case <-w.ctx.Done():
			return nil, w.ctx.Err()
		}
	}
	return folders, nil
}

// look looks at some entries of a folder, in the order in which a disk has their
// inodes.
func (w *walk) look(fd int, path string, names []folder.Entry) ([]entry, error) {
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(names[a].Inode, names[b].Inode) })
	entries := make([]entry, len(names))
	var found unix.Statx_t
	for _, i := range order {
		err := statx(fd, names[i].Name, &found)
		switch {
		case folder.Vanished(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("look at %q: %w", below(path, names[i].Name), err)
		}
		e := &entries[i]
		e.name, e.stat = names[i].Name, newStat(&found)
		e.unknown = !e.stat.changed.before(w.settle)
		e.mount = isMount(&found) && e.name != root
	}
	return slices.DeleteFunc(entries, func(e entry) bool { return e.name == "" }), nil
}

func statx(fd int, name string, into *unix.Statx_t) error {
	for {
		err := unix.Statx(fd, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_BASIC_STATS, into)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
